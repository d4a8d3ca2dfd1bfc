import { request as open } from "node:http";
import { startPushgateway } from "../../src/pushgateway/server.ts";
import { serve, type TestServer } from "./http-server.ts";

/** A gateway behind basic auth, as a proxy in front of it does that. */
export type GuardedGateway = Pick<TestServer, "url" | "requests" | "close"> & {
  /** `user:password` that is let through. A test changes it. */
  accepts: string;
  /** What anybody else is told. */
  refusal: 401 | 403;
};

/** The embedded gateway, for who has the password. */
export async function startGuardedGateway(accepts: string): Promise<GuardedGateway> {
  const gateway = await startPushgateway({});
  const proxy = await serve((request, response, body) => {
    const expected = `Basic ${Buffer.from(guarded.accepts).toString("base64")}`;
    if (request.headers.authorization !== expected) {
      response.writeHead(guarded.refusal).end("who are you?");
      return;
    }
    const { method, headers } = request;
    const onward = open(new URL(request.url ?? "", gateway.url), { method, headers });
    onward.on("response", (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    onward.on("error", () => response.writeHead(502).end());
    onward.end(body);
  });
  const guarded: GuardedGateway = {
    url: proxy.url,
    requests: proxy.requests,
    accepts,
    refusal: 401,
    async close() {
      await proxy.close();
      await gateway.close();
    },
  };
  return guarded;
}
