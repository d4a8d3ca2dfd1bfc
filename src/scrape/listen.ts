import type { AddressInfo } from "node:net";
import type { MetricsHandler } from "./handler.ts";
import type { MetricsServer } from "./server.ts";

/** `/metrics` as a scraper asks for it, or as a proxy does, with the host in front. */
const METRICS_TARGET = /^(?:http:\/\/[^/?]*)?\/metrics(?:\?.*)?$/;

/** Serves `/metrics`, and says of every other path where it is. Rejects when the port cannot be had. */
export async function listenForScrapes(
  handle: MetricsHandler,
  { port, host }: { readonly port: number; readonly host: string | undefined },
): Promise<MetricsServer> {
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
