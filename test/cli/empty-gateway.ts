import type { RequestHandler } from "../support/http-server.ts";

/** A gateway that is ready and has no groups; what it does with pushes and deletes is up to `handle`. */
export function emptyGateway(handle: RequestHandler): RequestHandler {
  return (request, response, body) => {
    if (request.method !== "GET") handle(request, response, body);
    else response.end(request.url === "/api/v1/metrics" ? '{"status":"success","data":[]}' : "");
  };
}
