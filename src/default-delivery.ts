import {
  type Config,
  type ConfigSources,
  configOf,
  readSettings,
  type Settings,
} from "./config/config.ts";
import type { LedgerPlace, RealLedgerPlace } from "./config/ledger-place.ts";
import { ConfigError } from "./errors.ts";
import type { GroupingKey } from "./grouping-key.ts";
import type { Ledger } from "./ledger/ledger.ts";
import { writeLogLine } from "./log-line.ts";
import type { Delivery, Publication } from "./publish/delivery.ts";
import type { Publisher } from "./publish/publisher.ts";
import { createPushClient, type PushClient, type PushClientOptions } from "./push/client.ts";
import type { RunDependencies } from "./run/open-run.ts";
import { createRunJob } from "./run/run-job.ts";

/** Said when there is no gateway to deliver to. */
export const NO_GATEWAY =
  "no gateway is configured: set PUSHGATEWAY_URL, or gateway.url in closing-bell.json";

/** How the gateway is reached, which is no matter of configuration. */
export type Connection = Pick<PushClientOptions, "lookup" | "timeoutMs">;

/** `prepare` loads what the first delivery needs, beside whatever goes on. It never throws. */
export type ConfiguredRuns = RunDependencies & { readonly prepare: () => void };

/**
 * What a run needs, from the configuration. It is read at the first use and once; a configuration
 * that cannot be read refuses the report, never the run. Where only the way to the gateway is
 * misconfigured, the run is recorded all the same: it can be published later.
 */
export function configuredRuns(
  sources: () => ConfigSources,
  connection: Connection = {},
): ConfiguredRuns {
  let known: Settings | undefined;
  let delivery: Promise<Delivery> | undefined;
  function read(): Settings {
    const settings = known ?? readSettings(sources());
    // What is wrong may be mended while the process runs.
    if (settings.problems.length === 0) known = settings;
    return settings;
  }
  const recorded = () => {
    const settings = read();
    // What a file was to say of jobs or of the ledger's place: a record could go astray.
    const isDoubtful = settings.files.some(({ status }) => status === "faulty");
    if (isDoubtful || settings.ledger === undefined) throw new ConfigError(settings.problems);
    return { ...settings, ledger: settings.ledger.value };
  };
  async function configured(): Promise<Delivery> {
    const { ledger } = recorded();
    delivery ??= deliveryOf(ledger, () => configOf(read()), connection);
    return delivery;
  }
  return {
    jobEntry: (job) => {
      const { jobs } = recorded();
      return Object.hasOwn(jobs, job) ? jobs[job]?.value : undefined;
    },
    delivery: async (report, signal) => (await configured())(report, signal),
    prepare: () => {
      // Whoever delivers hears of what is wrong.
      configured().catch(() => {});
    },
  };
}

/** Each way is loaded when it is taken: a run without a ledger does not pay for one. */
async function deliveryOf(
  place: LedgerPlace,
  configuration: () => Config,
  connection: Connection,
): Promise<Delivery> {
  if (place.type === "none") {
    const { gateway } = configuration();
    if (gateway === undefined) return async () => ({ status: "disabled", reason: NO_GATEWAY });
    const { createDirectDelivery } = await import("./publish/direct-delivery.ts");
    return createDirectDelivery(configuredClient(gateway, connection));
  }
  const ledger = await configuredLedger(place, connection);
  const { createLedgerDelivery } = await import("./publish/ledger-delivery.ts");
  const publish = publishFrom(ledger, configuration, connection);
  return createLedgerDelivery({ ledger, log: writeLogLine, publish });
}

/** Publishes as runs end, when the configuration says so. */
function publishFrom(
  ledger: Ledger,
  configuration: () => Config,
  connection: Connection,
): (group: GroupingKey, signal: AbortSignal) => Promise<Publication> {
  let publisher: Promise<Publisher> | undefined;
  return async (group, signal) => {
    let config: Config;
    try {
      config = configuration();
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      return { groupingKey: group, status: "refused", error };
    }
    if (config.gateway === undefined) return { status: "waiting", reason: NO_GATEWAY };
    if (config.publish === "scheduled") {
      return { status: "waiting", reason: "publishing is scheduled, not done by runs" };
    }
    publisher ??= configuredPublisher(config, ledger, connection);
    return (await publisher).publish(group, { signal });
  };
}

/** The ledger that the configuration names. Where a table is, the AWS SDK's own environment says. */
export async function configuredLedger(
  place: RealLedgerPlace,
  { timeoutMs }: Connection = {},
): Promise<Ledger> {
  if (place.type === "dynamodb") {
    const { createDynamodbLedger } = await import("./ledger/dynamodb-ledger.ts");
    const { table } = place;
    return createDynamodbLedger({
      table,
      ...(timeoutMs === undefined ? {} : { sendTimeoutMs: timeoutMs }),
    });
  }
  const { createFileLedger } = await import("./ledger/file-ledger.ts");
  return createFileLedger({ directory: place.directory });
}

/** Takes the totals of a ledger to the gateway that the configuration names. */
export async function configuredPublisher(
  { gateway, scrapeIntervalSeconds }: Config,
  ledger: Ledger,
  connection: Connection = {},
): Promise<Publisher> {
  if (gateway === undefined) throw new ConfigError([NO_GATEWAY]);
  const { createPublisher } = await import("./publish/publisher.ts");
  return createPublisher({
    ledger,
    client: configuredClient(gateway, connection),
    scrapeIntervalSeconds,
    // As with the defaults: time for two calls.
    ...(connection.timeoutMs === undefined ? {} : { groupTimeoutMs: 2 * connection.timeoutMs }),
  });
}

/** A client of the gateway that the configuration names. */
export function configuredClient(
  { base, credentials, ca }: NonNullable<Config["gateway"]>,
  connection: Connection = {},
): PushClient {
  return createPushClient({
    ...connection,
    url: base,
    ...(credentials === undefined ? {} : { credentials }),
    ...(ca === undefined ? {} : { ca }),
  });
}

/** `runJob` and `settleJob` as the environment configures them. */
export const { runJob, settleJob } = createRunJob(
  configuredRuns(() => ({ env: process.env, cwd: process.cwd() })),
);
