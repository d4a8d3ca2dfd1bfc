import { type Config, type ConfigSources, readConfig } from "./config/config.ts";
import type { LedgerPlace } from "./config/ledger-place.ts";
import { ConfigError } from "./errors.ts";
import type { GroupingKey } from "./grouping-key.ts";
import type { FileLedger } from "./ledger/file-ledger.ts";
import type { Ledger } from "./ledger/ledger.ts";
import { writeLogLine } from "./log-line.ts";
import type { Delivery, Publication } from "./publish/delivery.ts";
import type { Publisher } from "./publish/publisher.ts";
import { createPushClient, type PushClient } from "./push/client.ts";
import type { RunDependencies } from "./run/open-run.ts";
import { createRunJob } from "./run/run-job.ts";

/** Said when there is no gateway to deliver to. */
export const NO_GATEWAY =
  "no gateway is configured: set PUSHGATEWAY_URL, or gateway.url in closing-bell.json";

/**
 * What a run needs, from the configuration. It is read at the first use and once; a configuration
 * that cannot be read refuses the report, never the run.
 */
export function configuredRuns(sources: () => ConfigSources): RunDependencies {
  let config: Config | undefined;
  let delivery: Promise<Delivery> | undefined;
  const configuration = () => {
    config ??= readConfig(sources());
    return config;
  };
  return {
    jobEntry: (job) => {
      const { jobs } = configuration();
      return Object.hasOwn(jobs, job) ? jobs[job] : undefined;
    },
    delivery: async (report, signal) => {
      delivery ??= deliveryOf(configuration());
      return (await delivery)(report, signal);
    },
  };
}

/** Each way is loaded when it is taken: a run without a ledger does not pay for one. */
async function deliveryOf(config: Config): Promise<Delivery> {
  const { gateway, ledger: place } = config;
  if (place.type === "none") {
    if (gateway === undefined) return async () => ({ status: "disabled", reason: NO_GATEWAY });
    const { createDirectDelivery } = await import("./publish/direct-delivery.ts");
    return createDirectDelivery(configuredClient(gateway));
  }
  const ledger = await configuredLedger(place);
  const { createLedgerDelivery } = await import("./publish/ledger-delivery.ts");
  return createLedgerDelivery({ ledger, log: writeLogLine, publish: publishOf(config, ledger) });
}

/** Publishes as runs end, when the configuration says so. */
function publishOf(
  config: Config,
  ledger: Ledger,
): (group: GroupingKey, signal: AbortSignal) => Promise<Publication> {
  if (config.gateway === undefined) return async () => ({ status: "waiting", reason: NO_GATEWAY });
  if (config.publish === "scheduled") {
    return async () => ({ status: "waiting", reason: "publishing is scheduled, not done by runs" });
  }
  let publisher: Promise<Publisher> | undefined;
  return async (group, signal) => {
    publisher ??= configuredPublisher(config, ledger);
    return (await publisher).publish(group, { signal });
  };
}

/** The ledger that the configuration names. */
export async function configuredLedger({
  directory,
}: Extract<LedgerPlace, { readonly type: "files" }>): Promise<FileLedger> {
  const { createFileLedger } = await import("./ledger/file-ledger.ts");
  return createFileLedger({ directory });
}

/** Takes the totals of a ledger to the gateway that the configuration names. */
export async function configuredPublisher(
  { gateway, scrapeIntervalSeconds }: Config,
  ledger: Ledger,
): Promise<Publisher> {
  if (gateway === undefined) throw new ConfigError([NO_GATEWAY]);
  const { createPublisher } = await import("./publish/publisher.ts");
  return createPublisher({ ledger, client: configuredClient(gateway), scrapeIntervalSeconds });
}

/** A client of the gateway that the configuration names. */
export function configuredClient({
  base,
  credentials,
  ca,
}: NonNullable<Config["gateway"]>): PushClient {
  return createPushClient({
    url: base,
    ...(credentials === undefined ? {} : { credentials }),
    ...(ca === undefined ? {} : { ca }),
  });
}

/** `runJob` and `settleJob` as the environment configures them. */
export const { runJob, settleJob } = createRunJob(
  configuredRuns(() => ({ env: process.env, cwd: process.cwd() })),
);
