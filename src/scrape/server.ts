import { serveProcessMetricSet } from "../metrics/current.ts";
import { refuseUnknownKeys } from "../options.ts";
import { HANDLER_OPTIONS, type MetricsHandlerOptions, prepareHandler } from "./handler.ts";
import { listenForScrapes } from "./listen.ts";

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
  const server = await listenForScrapes(prepareHandler(rest), { port, host });
  // Only now: without the port nobody scrapes it, and runs may take what it holds.
  if (options.metrics === undefined) serveProcessMetricSet();
  return server;
}
