import type { AddressInfo } from "node:net";
import { serveProcessMetricSet } from "../metrics/current.ts";
import { refuseUnknownKeys } from "../options.ts";
import { HANDLER_OPTIONS, type MetricsHandlerOptions, prepareHandler } from "./handler.ts";

export {
  createMetricsHandler,
  type MetricsHandler,
  type MetricsHandlerOptions,
} from "./handler.ts";

export type MetricsServerOptions = MetricsHandlerOptions & {
  /** Default 8001; 0 takes a free one. */
  readonly port?: number;
  /** Default: all interfaces, as a scraper usually comes from another machine. */
  readonly host?: string;
};

export type MetricsServer = {
  readonly url: URL;
  close(): Promise<void>;
};

/** `/metrics` as a scraper asks for it, or as a proxy does, with the host in front. */
const METRICS_TARGET = /^(?:http:\/\/[^/?]*)?\/metrics(?:\?.*)?$/;

/**
 * Serves `/metrics` of a long-running process. The process's own set belongs to the scraper from
 * now on: a run that ends in this process leaves it alone.
 *
 * @throws {InvalidOptionError} for unknown options; rejects when the port cannot be had.
 */
export async function startMetricsServer(
  options: MetricsServerOptions = {},
): Promise<MetricsServer> {
  refuseUnknownKeys(options, ["port", "host", ...HANDLER_OPTIONS], "startMetricsServer");
  const { port = 8001, host, ...rest } = options;
  const handle = prepareHandler(rest);
  const { createServer } = process.getBuiltinModule("node:http");

  const server = createServer((request, response) => {
    request.resume();
    if (METRICS_TARGET.test(request.url ?? "")) void handle(request, response);
    else response.writeHead(404, { "Content-Type": "text/plain" }).end("Metrics are at /metrics\n");
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, resolve);
  });
  // Only now: without the port nobody scrapes it, and runs may take what it holds.
  if (options.metrics === undefined) serveProcessMetricSet();
  const address = server.address() as AddressInfo;
  return {
    url: new URL(`http://${hostInUrl(host)}:${address.port}/metrics`),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function hostInUrl(host = "localhost"): string {
  return host.includes(":") ? `[${host}]` : host;
}
