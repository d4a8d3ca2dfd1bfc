import {
  type Config,
  type ConfigSources,
  configOf,
  readConfig,
  readSettings,
  type Settings,
} from "./config/config.ts";
import type { LedgerPlace, RealLedgerPlace } from "./config/ledger-place.ts";
import { createParameterStore, type ParameterStore } from "./config/ssm/parameter-store.ts";
import { withParameters } from "./config/ssm/with-parameters.ts";
import { type Connection, configuredClient, NO_GATEWAY, type Renewal } from "./default-gateway.ts";
import { ConfigError } from "./errors.ts";
import type { GroupingKey } from "./grouping-key.ts";
import type { Ledger } from "./ledger/ledger.ts";
import { writeLogLine } from "./log-line.ts";
import type { Delivery, Publication } from "./publish/delivery.ts";
import type { Publisher } from "./publish/publisher.ts";
import type { PushClient } from "./push/client.ts";
import type { RunDependencies } from "./run/open-run.ts";
import { createRunJob } from "./run/run-job.ts";

/**
 * `prepare` loads what the first delivery needs and fetches what is in SSM, beside whatever goes on. It
 * never throws.
 */
export type ConfiguredRuns = RunDependencies & { readonly prepare: () => void };

export type RunsOptions = {
  readonly connection?: Connection;
  /** Where parameters of SSM are read, by those who deliver to a gateway. */
  readonly store?: ParameterStore;
  /** Publishes a group after a run of it was recorded. Default: as the configuration says. */
  readonly publish?: Publish;
};

type Publish = (group: GroupingKey, signal: AbortSignal) => Promise<Publication>;

/** The whole configuration, and where it came from if that was SSM. */
type Reached = { readonly config: Config; readonly renewal?: Renewal };

/** How a delivery finds the gateway, and whether it is for it to publish at all. */
type Reach = {
  readonly reached: (signal?: AbortSignal) => Promise<Reached>;
  readonly isScheduled: () => boolean;
  readonly publish?: Publish;
};

/**
 * What a run needs, from the configuration. It is read at the first use and once, but for parameters of
 * SSM, which are fetched again as the store says. A configuration that cannot be read refuses the
 * report, never the run. Where only the way to the gateway is misconfigured, the run is recorded all
 * the same: it can be published later.
 */
export function configuredRuns(
  sources: () => ConfigSources,
  { connection = {}, store = createParameterStore(), publish }: RunsOptions = {},
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
  async function reached(signal?: AbortSignal): Promise<Reached> {
    if (known !== undefined) return { config: configOf(known) };
    const given = sources();
    const fetched = await withParameters(given, store, {
      parts: ["gateway"],
      ...(signal === undefined ? {} : { signal }),
    });
    if (fetched.parameters === undefined) return { config: configOf(read()) };
    return { config: readConfig(fetched), renewal: { sources: given, store } };
  }
  async function configured(): Promise<Delivery> {
    const { ledger } = recorded();
    const reach = { reached, isScheduled, ...(publish === undefined ? {} : { publish }) };
    delivery ??= deliveryOf(ledger, reach, connection);
    return delivery;
  }
  const isScheduled = () => read().publish?.value === "scheduled";
  async function prepare(): Promise<void> {
    await configured();
    // Who only records needs no gateway.
    if (recorded().ledger.type === "none" || !isScheduled()) await reached();
  }
  return {
    jobEntry: (job) => {
      const { jobs } = recorded();
      return Object.hasOwn(jobs, job) ? jobs[job]?.value : undefined;
    },
    delivery: async (report, signal) => (await configured())(report, signal),
    prepare: () => {
      // Whoever delivers hears of what is wrong.
      prepare().catch(() => {});
    },
  };
}

/** Each way is loaded when it is taken: a run without a ledger does not pay for one. */
async function deliveryOf(
  place: LedgerPlace,
  reach: Reach,
  connection: Connection,
): Promise<Delivery> {
  if (place.type === "none") {
    const { createDirectDelivery } = await import("./publish/direct-delivery.ts");
    const directly = perGateway((gateway, { renewal }) =>
      createDirectDelivery(configuredClient(gateway, connection, renewal)),
    );
    return async (report, signal) => {
      const delivery = directly(await reach.reached(signal));
      return delivery?.(report, signal) ?? { status: "disabled", reason: NO_GATEWAY };
    };
  }
  const ledger = await configuredLedger(place, connection);
  const { createLedgerDelivery } = await import("./publish/ledger-delivery.ts");
  const publish = reach.publish ?? publishFrom(ledger, reach, connection);
  return createLedgerDelivery({ ledger, log: writeLogLine, publish });
}

/** Publishes as runs end, when the configuration says so. */
function publishFrom(
  ledger: Ledger,
  { reached, isScheduled }: Reach,
  connection: Connection,
): Publish {
  const publisherOf = perGateway((gateway, { config, renewal }) =>
    configuredPublisher(
      config,
      { ledger, client: configuredClient(gateway, connection, renewal) },
      connection,
    ),
  );
  return async (group, signal) => {
    if (isScheduled()) {
      return { status: "waiting", reason: "publishing is scheduled, not done by runs" };
    }
    let found: Reached;
    try {
      found = await reached(signal);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      return { groupingKey: group, status: "refused", error };
    }
    const publisher = await publisherOf(found);
    return publisher?.publish(group, { signal }) ?? { status: "waiting", reason: NO_GATEWAY };
  };
}

type Gateway = NonNullable<Config["gateway"]>;

/**
 * Made once for a gateway, and anew when the configuration names another. New credentials are the
 * client's own business. Undefined without a gateway.
 */
function perGateway<T>(
  make: (gateway: Gateway, reached: Reached) => T,
): (reached: Reached) => T | undefined {
  let known: { readonly gateway: Gateway; readonly made: T } | undefined;
  return (reached) => {
    const { gateway } = reached.config;
    if (gateway === undefined) return undefined;
    const isSame = known?.gateway.base === gateway.base && known.gateway.ca === gateway.ca;
    if (!isSame) known = { gateway, made: make(gateway, reached) };
    return known?.made;
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

/** Takes the totals of a ledger to a gateway, as the configuration says. */
export async function configuredPublisher(
  { scrapeIntervalSeconds }: Pick<Config, "scrapeIntervalSeconds">,
  { ledger, client }: { readonly ledger: Ledger; readonly client: PushClient },
  { timeoutMs }: Connection = {},
): Promise<Publisher> {
  const { createPublisher } = await import("./publish/publisher.ts");
  return createPublisher({
    ledger,
    client,
    scrapeIntervalSeconds,
    // As with the defaults: time for two calls.
    ...(timeoutMs === undefined ? {} : { groupTimeoutMs: 2 * timeoutMs }),
  });
}

/** `runJob` and `settleJob` as the environment configures them. */
export const { runJob, settleJob } = createRunJob(
  configuredRuns(() => ({ env: process.env, cwd: process.cwd() })),
);
