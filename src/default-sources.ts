import { systemClock } from "./clock.ts";
import type { Sources, ValuePlace } from "./config/sources-settings.ts";
import type { ReporterSources } from "./reporter/readings.ts";
import type { ValueSource } from "./sources/value-source.ts";

/** What a reporter reads, as the configuration says. Each kind is loaded when it is configured. */
export async function configuredSources(places: Sources): Promise<ReporterSources> {
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
