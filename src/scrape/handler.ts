import type { IncomingMessage, ServerResponse } from "node:http";
import { InvalidOptionError, messageOf } from "../errors.ts";
import { runCatalogue } from "../metrics/catalogue.ts";
import { processMetricSet, serveProcessMetricSet } from "../metrics/current.ts";
import { CONTENT_TYPE, renderFamilies } from "../metrics/exposition/render.ts";
import { createMetricSet, type MetricSet } from "../metrics/metric-set.ts";
import { type MetricRegistry, metricTexts } from "../metrics/prom-client.ts";
import { refuseUnknownKeys } from "../options.ts";
import { acceptsGzip, acceptsText } from "./negotiate.ts";

export type MetricsHandlerOptions = {
  /** Default: the process's own set, which everything outside of a run writes to. */
  readonly metrics?: MetricSet;
  /** prom-client registries to serve beside it. */
  readonly registries?: readonly MetricRegistry[];
  /** prom-client's default metrics of the process: CPU, memory, event loop. Default false. */
  readonly processMetrics?: boolean;
  /** How long one metric's `collect` may keep a scrape waiting. Milliseconds, default 5000. */
  readonly collectTimeoutMs?: number;
};

/** Answers a scrape. Never rejects. For node:http and whatever has its request and response. */
export type MetricsHandler = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

export const HANDLER_OPTIONS: readonly (keyof MetricsHandlerOptions)[] = [
  "metrics",
  "registries",
  "processMetrics",
  "collectTimeoutMs",
];

/** Half of Prometheus's default scrape timeout: what is ready still gets there. */
const COLLECT_TIMEOUT_MS = 5000;

/** Below it compression saves nothing worth waiting for. */
const GZIP_ABOVE_BYTES = 1024;

/**
 * A handler to mount where scrapes arrive: `http.createServer(handler)`, `app.get("/metrics",
 * handler)` in Express, `reply.hijack(); handler(request.raw, reply.raw)` in Fastify.
 *
 * One metric whose `collect` throws or hangs is left out and counted in
 * `closing_bell_scrape_errors_total`; all others are served.
 *
 * @throws {InvalidOptionError} for unknown options and for registries in OpenMetrics.
 */
export function createMetricsHandler(options: MetricsHandlerOptions = {}): MetricsHandler {
  const handler = prepareHandler(options);
  // From now on it is a scraper's: a run that ends in this process leaves it alone.
  if (options.metrics === undefined) serveProcessMetricSet();
  return handler;
}

/** The handler alone; what it serves is still the runs' to take. */
export function prepareHandler(options: MetricsHandlerOptions): MetricsHandler {
  refuseUnknownKeys(options, HANDLER_OPTIONS, "createMetricsHandler");
  const { metrics = processMetricSet, registries = [], processMetrics = false } = options;
  const { collectTimeoutMs = COLLECT_TIMEOUT_MS } = options;
  for (const registry of registries) {
    if (`${registry.contentType}`.includes("openmetrics")) {
      throw new InvalidOptionError(
        "createMetricsHandler: registries in OpenMetrics cannot be served as text; make them without a content type",
      );
    }
  }
  const failures = createMetricSet();
  let defaults: Promise<MetricRegistry> | undefined;

  async function render(): Promise<Buffer> {
    if (processMetrics) defaults ??= defaultMetrics();
    const all = [...registries, ...(defaults === undefined ? [] : [await defaults])];
    const texts = await Promise.all(
      all
        .flatMap((registry) => metricTexts(registry))
        .map(({ name, text }) => orNothing(name, text)),
    );
    return Buffer.concat([
      renderFamilies(metrics.families()),
      ...texts,
      // Last, so that this scrape tells of its own failures.
      renderFamilies(failures.families()),
    ]);
  }

  async function orNothing(name: string, read: () => Promise<string>): Promise<Buffer> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error("collect took too long")), collectTimeoutMs);
    });
    try {
      return Buffer.from(await Promise.race([read(), late]));
    } catch {
      failures.get(runCatalogue.scrapeErrorsTotal).inc({ metric_name: name });
      return Buffer.alloc(0);
    } finally {
      clearTimeout(timer);
    }
  }

  return (request, response) => respond(request, response, render);
}

/** Answers a scrape with what `render` gives, which is asked only if there is somebody to take it. Never rejects. */
export async function respond(
  request: IncomingMessage,
  response: ServerResponse,
  render: () => Promise<Buffer>,
): Promise<void> {
  try {
    await answer(request, response, render);
  } catch (error) {
    // Somebody else has answered meanwhile, such as a timeout's middleware: the answer is theirs.
    if (response.headersSent) return;
    response.writeHead(500, { "Content-Type": "text/plain" });
    response.end(`metrics could not be rendered: ${messageOf(error)}\n`);
  }
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  render: () => Promise<Buffer>,
): Promise<void> {
  const { method, headers } = request;
  if (method !== "GET" && method !== "HEAD") {
    response.writeHead(405, { Allow: "GET, HEAD" }).end();
    return;
  }
  if (!acceptsText(headers.accept)) {
    response.writeHead(406, { "Content-Type": "text/plain" }).end(`Only ${CONTENT_TYPE}\n`);
    return;
  }
  const plain = await render();
  const gzip = plain.length > GZIP_ABOVE_BYTES && acceptsGzip(headers["accept-encoding"]);
  const body = gzip ? await gzipped(plain) : plain;
  response.writeHead(200, {
    "Content-Type": CONTENT_TYPE,
    "Content-Length": body.length,
    Vary: "Accept-Encoding",
    ...(gzip ? { "Content-Encoding": "gzip" } : {}),
  });
  response.end(method === "HEAD" ? undefined : body);
}

function gzipped(body: Buffer): Promise<Buffer> {
  const { gzip } = process.getBuiltinModule("node:zlib");
  return new Promise((resolve, reject) => {
    gzip(body, { level: 1 }, (error, result) => (error ? reject(error) : resolve(result)));
  });
}

/** Loaded only when it is asked for: prom-client costs 25 ms. */
async function defaultMetrics(): Promise<MetricRegistry> {
  const { Registry, collectDefaultMetrics } = await import("prom-client");
  const register = new Registry();
  collectDefaultMetrics({ register });
  return register;
}
