import { systemClock } from "./clock.ts";
import type { Config, ConfigSources } from "./config/config.ts";
import { readSources } from "./config/sources-settings.ts";
import type { ParameterStore } from "./config/ssm/parameter-store.ts";
import { configuredLedger, configuredPublisher } from "./default-delivery.ts";
import { type Connection, configuredClient, NO_GATEWAY } from "./default-gateway.ts";
import { configuredSources } from "./default-sources.ts";
import { ConfigError } from "./errors.ts";
import type { GroupingKey } from "./grouping-key.ts";
import { writeLogLine } from "./log-line.ts";
import type { Publication } from "./publish/delivery.ts";
import { createDirectPush } from "./publish/direct-push.ts";
import { createLedgerDelivery } from "./publish/ledger-delivery.ts";
import type { GroupPublication } from "./publish/publish-group.ts";
import type { PushClient } from "./push/client.ts";
import { createPruner } from "./reporter/prune.ts";
import {
  type Counting,
  createReporter,
  type FiguresOptions,
  type Reporter,
} from "./reporter/report.ts";
import { resetTracking } from "./reporter/reset.ts";
import { trackingName } from "./reporter/tracking-state.ts";
import { createRunJob } from "./run/run-job.ts";

const DAY_SECONDS = 86_400;

/** A reporter, and what it keeps open. */
export type ConfiguredReporter = Reporter & {
  /** Publishes these groups of the ledger, where they need it. Throws as `publishAll` does. */
  readonly publish: (
    isWanted: (group: GroupingKey) => boolean,
    signal: AbortSignal,
  ) => Promise<readonly GroupPublication[]>;
  /** Publishes one group, whether it needs it or not: something was just recorded in it. */
  readonly publishGroup: (group: GroupingKey, signal: AbortSignal) => Promise<Publication>;
  /** Begins the high-water mark anew, on purpose. `nothing`: there is none, or no ledger to keep one. */
  readonly resetHighWaterMark: () => Promise<"reset" | "nothing">;
  readonly close: () => void;
};

export type ReporterSetup = {
  readonly connection?: Connection;
  /** Where new credentials come from when the gateway refuses those that were fetched from there. */
  readonly store?: ParameterStore;
  /** Whoever looks records the run of it. Default: the reporter does. */
  readonly isRecordedOutside?: boolean;
  /** Without sources a look publishes what waits. Default: that is taken for a mistake. */
  readonly mayOnlyPublish?: boolean;
};

/**
 * The reporter that the configuration describes.
 *
 * @throws {ConfigError} when there is no gateway, nothing to read or publish, or a secret is missing.
 */
export async function configuredReporter(
  config: Config,
  sources: ConfigSources,
  { connection = {}, store, isRecordedOutside = false, mayOnlyPublish = false }: ReporterSetup = {},
): Promise<ConfiguredReporter> {
  if (config.sources === undefined && !(mayOnlyPublish && config.ledger.type !== "none")) {
    throw new ConfigError([
      "there is nothing to report: closing-bell.json names no sources (portfolio, probes)",
    ]);
  }
  const places = config.sources && readSources(config.sources, sources.env, sources.parameters);
  if (config.gateway === undefined) throw new ConfigError([NO_GATEWAY]);
  const renewal =
    store === undefined || sources.parameters === undefined ? undefined : { sources, store };
  const client = configuredClient(config.gateway, connection, renewal);
  const counting = await countingOf(config, client, connection);
  const figures = places && (await figuresOf(places, client, counting));
  const reporter = createReporter({
    ...(figures === undefined ? {} : { figures }),
    gateway: client.gateway,
    ...(counting === undefined
      ? {}
      : { counting: isRecordedOutside ? counting : recorded(counting) }),
    clock: systemClock,
  });
  return {
    ...reporter,
    async publish(isWanted, signal) {
      if (counting === undefined) return [];
      const groups = (await counting.ledger.groups()).filter(isWanted);
      return counting.publisher.publishAll({ groups, signal });
    },
    publishGroup: async (group, signal) =>
      counting?.publisher.publish(group, { signal }) ?? {
        status: "waiting",
        reason: "there is no ledger",
      },
    resetHighWaterMark: async () =>
      counting === undefined || places === undefined
        ? "nothing"
        : resetTracking(counting.ledger, trackingName(places.mode)),
    close() {
      for (const source of Object.values(figures?.sources ?? {})) source?.close?.();
      client.close();
    },
  };
}

async function figuresOf(
  places: ReturnType<typeof readSources>,
  client: PushClient,
  counting: Counting | undefined,
): Promise<FiguresOptions> {
  const { mode, timeZone, dayStartsAt, startCapital, currency } = places;
  const ledger = counting === undefined ? {} : { ledger: counting.ledger };
  return {
    mode,
    sources: await configuredSources(places),
    tracking: {
      timeZone,
      ...(dayStartsAt === undefined ? {} : { dayStartsAt }),
      ...(startCapital === undefined ? {} : { startCapital }),
    },
    ...(currency === undefined ? {} : { currency }),
    push: createDirectPush({ client, ...ledger }),
  };
}

async function countingOf(
  config: Config,
  client: PushClient,
  connection: Connection,
): Promise<Counting | undefined> {
  if (config.ledger.type === "none") return undefined;
  const ledger = await configuredLedger(config.ledger);
  const publisher = await configuredPublisher(config, { ledger, client }, connection);
  if (config.prune === undefined) return { ledger, publisher };
  const { olderThanDays, jobs } = config.prune;
  const olderThanSeconds = olderThanDays * DAY_SECONDS;
  const clock = systemClock;
  const pruner = createPruner({ client, ledger, publisher, clock, olderThanSeconds, jobs });
  return { ledger, publisher, pruner };
}

/** With runs of its own, whose publication is left to the look. */
function recorded(counting: Counting): Counting {
  const delivery = createLedgerDelivery({ ledger: counting.ledger, log: writeLogLine });
  return { ...counting, runs: createRunJob({ delivery }) };
}
