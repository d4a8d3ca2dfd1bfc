import { systemClock } from "./clock.ts";
import type { Config, ConfigSources } from "./config/config.ts";
import { readSources, type Sources, type ValuePlace } from "./config/sources-settings.ts";
import {
  type Connection,
  configuredClient,
  configuredLedger,
  configuredPublisher,
  NO_GATEWAY,
} from "./default-delivery.ts";
import { ConfigError } from "./errors.ts";
import type { Ledger } from "./ledger/ledger.ts";
import { writeLogLine } from "./log-line.ts";
import { createDirectPush } from "./publish/direct-push.ts";
import { createLedgerDelivery } from "./publish/ledger-delivery.ts";
import type { PushClient } from "./push/client.ts";
import { createPruner } from "./reporter/prune.ts";
import type { ReporterSources } from "./reporter/readings.ts";
import { type Counting, createReporter, type Reporter } from "./reporter/report.ts";
import { resetTracking } from "./reporter/reset.ts";
import { trackingName } from "./reporter/tracking-state.ts";
import { createRunJob } from "./run/run-job.ts";
import type { ValueSource } from "./sources/value-source.ts";

const DAY_SECONDS = 86_400;

/** A reporter, and what it keeps open. */
export type ConfiguredReporter = Reporter & {
  /** Begins the high-water mark anew, on purpose. `nothing`: there is none, or no ledger to keep one. */
  readonly resetHighWaterMark: () => Promise<"reset" | "nothing">;
  readonly close: () => void;
};

/**
 * The reporter that the configuration describes.
 *
 * @throws {ConfigError} when there is no gateway, nothing to read, or a secret is missing.
 */
export async function configuredReporter(
  config: Config,
  { env, parameters }: Pick<ConfigSources, "env" | "parameters">,
  connection: Connection = {},
): Promise<ConfiguredReporter> {
  if (config.sources === undefined) {
    throw new ConfigError([
      "there is nothing to report: closing-bell.json names no sources (portfolio, probes)",
    ]);
  }
  const places = readSources(config.sources, env, parameters);
  if (config.gateway === undefined) throw new ConfigError([NO_GATEWAY]);
  const client = configuredClient(config.gateway, connection);
  const counting = await countingOf(config, client, connection);
  const { mode, timeZone, dayStartsAt, startCapital, currency } = places;
  const sources = await sourcesOf(places);
  const reporter = createReporter({
    mode,
    sources,
    tracking: {
      timeZone,
      ...(dayStartsAt === undefined ? {} : { dayStartsAt }),
      ...(startCapital === undefined ? {} : { startCapital }),
    },
    ...(currency === undefined ? {} : { currency }),
    push: createDirectPush({
      client,
      ...(counting === undefined ? {} : { ledger: counting.ledger }),
    }),
    gateway: client.gateway,
    ...(counting === undefined ? {} : { counting }),
    clock: systemClock,
  });
  return {
    ...reporter,
    resetHighWaterMark: async () =>
      counting === undefined ? "nothing" : resetTracking(counting.ledger, trackingName(mode)),
    close() {
      for (const source of Object.values(sources)) source?.close?.();
      client.close();
    },
  };
}

async function countingOf(
  config: Config,
  client: PushClient,
  connection: Connection,
): Promise<Counting | undefined> {
  if (config.ledger.type === "none") return undefined;
  const ledger: Ledger = await configuredLedger(config.ledger);
  const publisher = await configuredPublisher(config, ledger, connection);
  const runs = createRunJob({ delivery: createLedgerDelivery({ ledger, log: writeLogLine }) });
  if (config.prune === undefined) return { ledger, publisher, runs };
  const { olderThanDays, jobs } = config.prune;
  const olderThanSeconds = olderThanDays * DAY_SECONDS;
  const clock = systemClock;
  const pruner = createPruner({ client, ledger, publisher, clock, olderThanSeconds, jobs });
  return { ledger, publisher, runs, pruner };
}

/** Each kind is loaded when it is configured. */
async function sourcesOf(places: Sources): Promise<ReporterSources> {
  const { portfolio, timescale, redis, killSwitch, appStart, timeoutMs } = places;
  return {
    ...(portfolio === undefined ? {} : { portfolio: await portfolioOf(portfolio, timeoutMs) }),
    ...(timescale === undefined ? {} : { timescale: await timescaleOf(timescale, timeoutMs) }),
    ...(redis === undefined ? {} : { redis: await redisOf(redis, timeoutMs) }),
    ...(killSwitch === undefined ? {} : { killSwitch: await killSwitchOf(killSwitch, timeoutMs) }),
    ...(appStart === undefined ? {} : { appStart: await appStartOf(appStart, timeoutMs) }),
  };
}

async function portfolioOf(place: NonNullable<Sources["portfolio"]>, timeoutMs: number) {
  switch (place.type) {
    case "alpaca": {
      const { createAlpacaSource } = await import("./sources/portfolio/alpaca.ts");
      const { type: _, ...account } = place;
      return createAlpacaSource({ ...account, timeoutMs });
    }
    case "sql": {
      const { createSqlPortfolioSource } = await import("./sources/portfolio/sql.ts");
      const { type: _, ...database } = place;
      return createSqlPortfolioSource({ ...database, timeoutMs });
    }
    case "http": {
      const { createHttpPortfolioSource } = await import("./sources/portfolio/http-json.ts");
      const { type: _, ...endpoint } = place;
      return createHttpPortfolioSource({ ...endpoint, timeoutMs });
    }
    default:
      return place satisfies never;
  }
}

async function timescaleOf(place: NonNullable<Sources["timescale"]>, timeoutMs: number) {
  const { createPostgresProbe } = await import("./sources/probes/postgres.ts");
  return createPostgresProbe({ name: "timescale", ...place, timeoutMs });
}

async function redisOf(place: NonNullable<Sources["redis"]>, timeoutMs: number) {
  const { createRedisProbe } = await import("./sources/probes/redis.ts");
  return createRedisProbe({ name: "redis", ...place, timeoutMs });
}

async function killSwitchOf(
  { value, absent }: NonNullable<Sources["killSwitch"]>,
  timeoutMs: number,
) {
  const { createKillSwitch } = await import("./sources/probes/kill-switch.ts");
  return createKillSwitch(await valueSource(value), { absent, timeoutMs });
}

async function appStartOf(value: ValuePlace, timeoutMs: number) {
  const { createAppStart } = await import("./sources/probes/app-start.ts");
  return createAppStart(await valueSource(value), { now: systemClock.now, timeoutMs });
}

async function valueSource({ type, ...place }: ValuePlace): Promise<ValueSource> {
  switch (type) {
    case "redis":
      return (await import("./sources/redis-value.ts")).createRedisValue(place as PlaceOf<"redis">);
    case "sql":
      return (await import("./sources/sql-value.ts")).createSqlValue(place as PlaceOf<"sql">);
    case "ssm":
      return (await import("./sources/ssm-value.ts")).createSsmValue(place as PlaceOf<"ssm">);
    case "http":
      return (await import("./sources/http-value.ts")).createHttpValue(place as PlaceOf<"http">);
    default:
      return type satisfies never;
  }
}

/** A place without the word that says which kind it is. */
type PlaceOf<Type> = Omit<Extract<ValuePlace, { readonly type: Type }>, "type">;
