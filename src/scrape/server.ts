import type { AddressInfo } from "node:net";
import { processMetricSet, serveProcessMetricSet } from "../metrics/current.ts";
import { CONTENT_TYPE, renderFamilies } from "../metrics/exposition/render.ts";
import type { MetricSet } from "../metrics/metric-set.ts";
import { refuseUnknownKeys } from "../options.ts";

export type MetricsServerOptions = {
  /** Default 8001; 0 takes a free one. */
  readonly port?: number;
  /** Default: all interfaces, as a scraper usually comes from another machine. */
  readonly host?: string;
  /** Default: the process's own set, which everything outside of a run writes to. */
  readonly metrics?: MetricSet;
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
  refuseUnknownKeys(options, ["port", "host", "metrics"], "startMetricsServer");
  const { port = 8001, host } = options;
  const metrics = options.metrics ?? processMetricSet;
  const { createServer } = process.getBuiltinModule("node:http");

  const server = createServer((request, response) => {
    request.resume();
    if (!METRICS_TARGET.test(request.url ?? "")) {
      response.writeHead(404, { "Content-Type": "text/plain" }).end("Metrics are at /metrics\n");
    } else if (request.method !== "GET" && request.method !== "HEAD") {
      response.writeHead(405, { Allow: "GET, HEAD" }).end();
    } else {
      const body = renderFamilies(metrics.families());
      response
        .writeHead(200, { "Content-Type": CONTENT_TYPE, "Content-Length": body.length })
        .end(request.method === "HEAD" ? undefined : body);
    }
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
