import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { ConfigError, messageOf } from "../errors.ts";
import type { Setting } from "./origin.ts";
import type { FetchedParameters } from "./parameters.ts";
import { readSecret, type SecretReference } from "./secret.ts";
import type { Address, SourcesSettings } from "./sources-schema.ts";

type Portfolio = NonNullable<SourcesSettings["portfolio"]>;
type Probes = NonNullable<SourcesSettings["probes"]>;
type Value = NonNullable<Probes["appStart"]>;

/** The sources with their secrets. Never to be printed. */
export type Sources = {
  readonly mode: "paper" | "live";
  readonly currency?: string;
  readonly timeZone: string;
  readonly dayStartsAt?: string;
  readonly startCapital?: number;
  readonly timeoutMs: number;
  readonly portfolio?: PortfolioPlace;
  readonly timescale?: DatabasePlace;
  readonly redis?: RedisPlace;
  readonly killSwitch?: { readonly value: ValuePlace; readonly absent: "inactive" | "unknown" };
  readonly appStart?: ValuePlace;
};

export type DatabasePlace = { readonly connectionString: string; readonly ca?: string };

export type RedisPlace = { readonly url: string; readonly ca?: string };

export type PortfolioPlace =
  | {
      readonly type: "alpaca";
      readonly account: "paper" | "live";
      readonly keyId: string;
      readonly secretKey: string;
      readonly baseUrl?: string;
    }
  | ({ readonly type: "sql"; readonly query: string } & DatabasePlace)
  | ({ readonly type: "http"; readonly fields: HttpFields } & HttpPlace);

export type HttpFields = Extract<Portfolio, { readonly type: "http" }>["fields"];

type HttpPlace = { readonly url: string; readonly token?: string; readonly ca?: string };

/** Where a single value is. */
export type ValuePlace =
  | ({ readonly type: "redis"; readonly key: string; readonly field?: string } & RedisPlace)
  | ({ readonly type: "sql"; readonly query: string } & DatabasePlace)
  | { readonly type: "ssm"; readonly name: string; readonly region?: string }
  | ({ readonly type: "http"; readonly path?: string } & HttpPlace);

const DEFAULT_TIMEOUT_SECONDS = 5;

/**
 * Reads the secrets and certificates that the sources name.
 *
 * @throws {ConfigError} with everything that is missing.
 */
export function readSources(
  { value: settings, origin }: Setting<SourcesSettings>,
  env: Readonly<Record<string, string | undefined>>,
  parameters?: FetchedParameters,
): Sources {
  const file = "path" in origin ? origin.path : "closing-bell.json";
  const problems: string[] = [];
  const say = (problem: string) => problems.push(`${file}: ${problem}`);

  const known = { env, ...(parameters === undefined ? {} : { parameters }) };
  const secretOf = (reference: SecretReference, name: string): string =>
    readSecret(reference, { file, name: `sources.${name}` }, known, problems)?.value ?? "";
  const addressOf = (address: Address, name: string): string =>
    typeof address === "string" ? address : secretOf(address, name);
  const caOf = ({ caFile }: { readonly caFile?: string }, name: string) => {
    if (caFile === undefined) return {};
    try {
      return { ca: readFileSync(resolve(dirname(file), caFile), "utf8") };
    } catch (error) {
      say(`sources.${name}.caFile cannot be read: ${messageOf(error)}`);
      return {};
    }
  };
  const tokenOf = ({ token }: { readonly token?: SecretReference }, name: string) =>
    token === undefined ? {} : { token: secretOf(token, `${name}.token`) };

  function portfolioOf(portfolio: Portfolio): PortfolioPlace {
    const name = "portfolio";
    switch (portfolio.type) {
      case "alpaca": {
        const { account, keyId, secretKey, baseUrl } = portfolio;
        return {
          type: "alpaca",
          account,
          keyId: secretOf(keyId, `${name}.keyId`),
          secretKey: secretOf(secretKey, `${name}.secretKey`),
          ...(baseUrl === undefined ? {} : { baseUrl }),
        };
      }
      case "sql": {
        const { type, url, query } = portfolio;
        const connectionString = addressOf(url, `${name}.url`);
        return { type, query, connectionString, ...caOf(portfolio, name) };
      }
      case "http": {
        const { type, url, fields } = portfolio;
        return { type, url, fields, ...tokenOf(portfolio, name), ...caOf(portfolio, name) };
      }
      default:
        return portfolio satisfies never;
    }
  }

  const { probes = {} } = settings;
  const timescale = probes.timescale && {
    connectionString: addressOf(probes.timescale.url, "probes.timescale.url"),
    ...caOf(probes.timescale, "probes.timescale"),
  };
  const redis = probes.redis && {
    url: addressOf(probes.redis.url, "probes.redis.url"),
    ...caOf(probes.redis, "probes.redis"),
  };

  function placeOf(value: Value, name: string): ValuePlace {
    switch (value.type) {
      case "redis": {
        const { type, url, key, field } = value;
        const own = url === undefined ? redis : { url: addressOf(url, `${name}.url`) };
        if (own === undefined) say(`sources.${name} needs a url, or probes.redis with one`);
        const place = { ...own, ...caOf(value, name) };
        return {
          type,
          key,
          ...place,
          url: own?.url ?? "",
          ...(field === undefined ? {} : { field }),
        };
      }
      case "sql": {
        const { type, url, query } = value;
        const own =
          url === undefined ? timescale : { connectionString: addressOf(url, `${name}.url`) };
        if (own === undefined) say(`sources.${name} needs a url, or probes.timescale with one`);
        const place = { ...own, ...caOf(value, name) };
        return { type, query, ...place, connectionString: own?.connectionString ?? "" };
      }
      case "ssm": {
        const { type, name: parameter, region } = value;
        return { type, name: parameter, ...(region === undefined ? {} : { region }) };
      }
      case "http": {
        const { type, url, path } = value;
        const place = { ...tokenOf(value, name), ...caOf(value, name) };
        return { type, url, ...place, ...(path === undefined ? {} : { path }) };
      }
      default:
        return value satisfies never;
    }
  }

  const { mode, portfolio, timeoutSeconds = DEFAULT_TIMEOUT_SECONDS } = settings;
  if (mode === undefined) say("sources.mode says whose figures these are: paper or live");
  const problem = mode && portfolio && accountProblem(mode, portfolio);
  if (problem !== undefined) say(problem);
  const { currency, timeZone = "UTC", dayStartsAt, startCapital } = settings;
  const { killSwitch, appStart } = probes;
  const places = {
    ...(portfolio === undefined ? {} : { portfolio: portfolioOf(portfolio) }),
    ...(timescale === undefined ? {} : { timescale }),
    ...(redis === undefined ? {} : { redis }),
    ...(killSwitch?.value === undefined
      ? {}
      : {
          killSwitch: {
            value: placeOf(killSwitch.value, "probes.killSwitch.value"),
            absent: killSwitch.absent ?? ("unknown" as const),
          },
        }),
    ...(appStart === undefined ? {} : { appStart: placeOf(appStart, "probes.appStart") }),
  };
  if (killSwitch !== undefined && killSwitch.value === undefined) {
    say("sources.probes.killSwitch needs value");
  }
  if (Object.keys(places).length === 0) {
    say("sources names nothing to read: a portfolio, or probes");
  }
  if (problems.length > 0 || mode === undefined) throw new ConfigError(problems);
  return {
    mode,
    timeZone,
    timeoutMs: timeoutSeconds * 1000,
    ...(currency === undefined ? {} : { currency }),
    ...(dayStartsAt === undefined ? {} : { dayStartsAt }),
    ...(startCapital === undefined ? {} : { startCapital }),
    ...places,
  };
}

/** Play money that is reported as real, or real money that no alert looks at. */
function accountProblem(mode: Sources["mode"], portfolio: Portfolio): string | undefined {
  if (portfolio.type !== "alpaca") return undefined;
  const { account, baseUrl } = portfolio;
  if (account !== mode) {
    return `sources.mode is ${mode}, but sources.portfolio.account is ${account}`;
  }
  const host = baseUrl === undefined ? "" : new URL(baseUrl).hostname;
  const isOther = mode === "live" ? host.includes("paper-api") : host === "api.alpaca.markets";
  const other = mode === "live" ? "paper" : "live";
  return isOther
    ? `sources.mode is ${mode}, but sources.portfolio.baseUrl is the ${other} host`
    : undefined;
}
