import type { IncomingMessage } from "node:http";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import type { Clock } from "../clock.ts";
import { CONTENT_TYPE } from "../metrics/exposition/render.ts";
import { type Answer, errorAnswer, textAnswer } from "./answer.ts";
import { metricsResponse, statusResponse } from "./api.ts";
import { isGzip, parsedBody, RequestProblem, readBody } from "./body.ts";
import { renderStore } from "./exposition.ts";
import { pushed } from "./push.ts";
import { refusal } from "./refusals.ts";
import { decodedPath, groupLabels } from "./request-path.ts";
import { cleanRedirect, type JobParameters, routeOf } from "./routes.ts";
import { changed, type Store } from "./store.ts";

export type HandlerOptions = {
  readonly clock: Clock;
  /** Largest body, inflated. Bytes. */
  readonly maxBodyBytes: number;
  /** What `/api/v1/status` shows as the flags the gateway was started with. */
  readonly flags: Readonly<Record<string, string>>;
};

export type Handler = {
  /** Rejects when the client went away before its request was whole; there is nobody to answer. */
  answer(request: IncomingMessage): Promise<Answer>;
  /** What is stored now. */
  store(): Store;
};

const compress = promisify(gzip);

/** CORS headers of the API, as the real gateway sends them. */
const API_HEADERS = {
  "access-control-allow-headers": "Accept, Authorization, Content-Type, Origin",
  "access-control-allow-methods": "GET, POST, DELETE, OPTIONS",
  "access-control-allow-origin": "*",
  "access-control-expose-headers": "Date",
  "cache-control": "no-cache, no-store, must-revalidate",
};

const ABOUT = `This is the Pushgateway embedded in closing-bell, for development and tests.

  /metrics             what Prometheus scrapes
  /api/v1/metrics      the same by group, as JSON
  /-/ready             whether it takes requests
`;

/** The gateway's HTTP contract over a store that it owns, beginning with `initial`. */
export function createHandler(initial: Store, options: HandlerOptions): Handler {
  const { clock, maxBodyBytes, flags } = options;
  const startedAt = clock.now();
  let store = initial;

  async function answer(request: IncomingMessage): Promise<Answer> {
    try {
      return await routed(request);
    } catch (error) {
      if (error instanceof RequestProblem) return errorAnswer(error.status, error.message);
      throw error;
    }
  }

  async function routed(request: IncomingMessage): Promise<Answer> {
    const { method = "GET", url = "/" } = request;
    const path = decodedPath(url);
    if (path === undefined) return errorAnswer(400, "400 Bad Request: invalid URL escape");
    const route = cleanRedirect(path) ?? routeOf(method, path);
    // Before its router, the real gateway looks at the head of a body that is said to be gzip.
    const checksGzip = isGzip(request) && !path.startsWith("/api/") && !cleanRedirect(path);
    const body =
      checksGzip || route.kind === "push" ? await readBody(request, maxBodyBytes) : undefined;

    switch (route.kind) {
      case "push":
        return push(request, route.job, body ?? Buffer.alloc(0));
      case "delete":
        return remove(route.job);
      case "redirect":
        return redirect(route.status, route.path, url);
      case "scrape":
        return scrape(request);
      case "health":
        return textAnswer("OK");
      case "about":
        return textAnswer(ABOUT);
      case "api-metrics":
        return json(metricsResponse(store));
      case "api-status":
        return json(statusResponse(startedAt, flags));
      case "options":
        return { status: 200, headers: path.startsWith("/api/") ? API_HEADERS : {} };
      case "quit-disabled":
        return errorAnswer(403, "Lifecycle API is not enabled.");
      case "wrong-method":
        return errorAnswer(405, "Method Not Allowed", { allow: route.allow.join(", ") });
      case "not-found":
        return errorAnswer(404, "404 page not found");
      default:
        return route satisfies never;
    }
  }

  function push(request: IncomingMessage, job: JobParameters, body: Buffer): Answer {
    const group = groupLabels(job.job, job.jobIsBase64, job.rest);
    if ("problem" in group) return errorAnswer(400, group.problem);
    if (isProtobuf(request.headers["content-type"])) {
      const { status, what } = refusal("protobuf");
      return errorAnswer(status, `${what}: this gateway reads text format 0.0.4 only`);
    }
    const kind = request.method === "PUT" ? "replace" : "merge";
    const result = pushed(store, { kind, group, ...parsedBody(body), at: clock.now() });
    store = result.store;
    return result.problem === undefined ? { status: 200 } : errorAnswer(400, result.problem);
  }

  function remove(job: JobParameters): Answer {
    const group = groupLabels(job.job, job.jobIsBase64, job.rest);
    if ("problem" in group) return errorAnswer(400, group.problem);
    if (group.notUtf8 === undefined) {
      store = changed(store, { kind: "delete", labels: group.labels });
    }
    return { status: 202 };
  }

  async function scrape(request: IncomingMessage): Promise<Answer> {
    const text = renderStore(store);
    const headers = { "content-type": CONTENT_TYPE };
    if (!acceptsGzip(request.headers["accept-encoding"]))
      return { status: 200, headers, body: text };
    const body = await compress(text);
    return { status: 200, headers: { ...headers, "content-encoding": "gzip" }, body };
  }

  return { answer, store: () => store };
}

function json(value: unknown): Answer {
  const headers = { ...API_HEADERS, "content-type": "application/json" };
  return { status: 200, headers, body: JSON.stringify(value) };
}

/** To a path of one character per byte; the query string goes along. */
function redirect(status: number, path: string, url: string): Answer {
  const query = url.includes("?") ? url.slice(url.indexOf("?")) : "";
  const escaped = path.replace(
    /[^A-Za-z0-9_.~$&+,/:;=@-]/g,
    (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`,
  );
  return { status, headers: { location: `${escaped}${query}` } };
}

function isProtobuf(contentType: string | undefined): boolean {
  const [type = "", ...parameters] = (contentType ?? "").split(";").map((part) => part.trim());
  return (
    type.toLowerCase() === "application/vnd.google.protobuf" &&
    parameters.includes("proto=io.prometheus.client.MetricFamily") &&
    parameters.includes("encoding=delimited")
  );
}

function acceptsGzip(header: string | readonly string[] | undefined): boolean {
  return `${header ?? ""}`.split(",").some((part) => /^gzip(;|$)/.test(part.trim()));
}
