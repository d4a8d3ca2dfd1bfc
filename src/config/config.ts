import { dirname, resolve } from "node:path";
import { ConfigError } from "../errors.ts";
import type { GatewayAddress } from "../gateway-url.ts";
import { type ConfigFile, publish, scrapeIntervalSeconds } from "./file-schema.ts";
import { type GatewaySettings, readGatewaySettings } from "./gateway-settings.ts";
import {
  defaultLedgerPlace,
  environmentLedgerPlace,
  homeOf,
  type LedgerPlace,
} from "./ledger-place.ts";
import type { Origin, Setting } from "./origin.ts";
import type { FetchedParameters } from "./parameters.ts";
import type { Schema } from "./schema.ts";
import { type FileSources, fromFiles, readSourceFiles, type SourceFile } from "./source-file.ts";
import type { SourcesSettings } from "./sources-schema.ts";

/** The whole configuration, read and checked. */
export type Config = {
  /** Absent: there is no gateway, and nothing is sent. */
  readonly gateway?: GatewayAddress & { readonly ca?: string };
  /** Where the totals of runs are kept. */
  readonly ledger: LedgerPlace;
  /** `completion`: a run publishes its group's totals as it ends. `scheduled`: others do. */
  readonly publish: "completion" | "scheduled";
  /** How often Prometheus scrapes the gateway; 0: new series are not held off. */
  readonly scrapeIntervalSeconds: number;
  readonly jobs: NonNullable<ConfigFile["jobs"]>;
  /** USD per million tokens by model pattern. */
  readonly aiPrices: NonNullable<ConfigFile["aiPrices"]>;
  /** As the file says it; secrets are read by whoever needs them (`sources-settings.ts`). */
  readonly sources?: Setting<SourcesSettings>;
  readonly prune?: NonNullable<ConfigFile["prune"]>;
};

/**
 * The same, each setting with where it came from. One is absent when what was said about it cannot
 * be read: then there are problems.
 */
export type Settings = {
  readonly gateway?: GatewaySettings;
  readonly ledger?: Setting<LedgerPlace>;
  readonly publish?: Setting<Config["publish"]>;
  readonly scrapeIntervalSeconds?: Setting<number>;
  readonly jobs: Entries<Config["jobs"][string]>;
  readonly aiPrices: Entries<Config["aiPrices"][string]>;
  readonly sources?: Setting<SourcesSettings>;
  readonly prune?: Setting<NonNullable<ConfigFile["prune"]>>;
  /** The project file and the user file, there or not. */
  readonly files: readonly SourceFile[];
  /** Of every source. */
  readonly problems: readonly string[];
};

type Entries<T> = Readonly<Record<string, Setting<T>>>;

/** Where configuration comes from, nearest first; a test passes its own. */
export type ConfigSources = FileSources & {
  /** `--gateway`. */
  readonly gatewayUrl?: string;
  /** What was fetched from SSM: `ssm/with-parameters.ts` does that. */
  readonly parameters?: FetchedParameters;
};

/** Prometheus's own default. */
const DEFAULT_SCRAPE_INTERVAL_SECONDS = 60;

/**
 * Reads flags, environment, project file (`--config`, `CLOSING_BELL_CONFIG`, or closing-bell.json in
 * the working directory), user file and fetched parameters, each overriding those after it.
 *
 * @throws {ConfigError} with every problem of every source.
 */
export function readConfig(sources: ConfigSources): Config {
  return configOf(readSettings(sources));
}

/** The values alone. Throws as {@link readConfig} does. */
export function configOf(settings: Settings): Config {
  const { gateway, ledger, publish, scrapeIntervalSeconds, jobs, aiPrices, problems } = settings;
  const { sources, prune } = settings;
  const isWhole = gateway && ledger && publish && scrapeIntervalSeconds;
  if (!isWhole || problems.length > 0) throw new ConfigError(problems);
  return {
    ...gatewayOf(gateway),
    ledger: ledger.value,
    publish: publish.value,
    scrapeIntervalSeconds: scrapeIntervalSeconds.value,
    jobs: valuesOf(jobs),
    aiPrices: valuesOf(aiPrices),
    ...(sources === undefined ? {} : { sources }),
    ...(prune === undefined ? {} : { prune: prune.value }),
  };
}

/** Reads the same sources as far as they can be read, and says of each setting what won. */
export function readSettings(sources: ConfigSources): Settings {
  const { env, home = homeOf(env) } = sources;
  const problems: string[] = [];
  const files = readSourceFiles(sources, problems);

  const gateway = readGatewaySettings(sources, files, problems);
  const ledger = ledgerOf(env, home, files, problems);
  const publishing = environmentOrFiles<Config["publish"]>(env, files, problems, {
    variable: "CLOSING_BELL_PUBLISH",
    schema: publish,
    pick: (content) => content.publish,
    fallback: "completion",
  });
  const interval = environmentOrFiles(env, files, problems, {
    variable: "CLOSING_BELL_SCRAPE_INTERVAL",
    schema: scrapeIntervalSeconds,
    parse: (text) => (DECIMAL.test(text) ? Number(text) : undefined),
    pick: (content) => content.scrapeIntervalSeconds,
    fallback: DEFAULT_SCRAPE_INTERVAL_SECONDS,
  });
  return {
    ...(gateway === undefined ? {} : { gateway }),
    ...(ledger === undefined ? {} : { ledger }),
    ...(publishing === undefined ? {} : { publish: publishing }),
    ...(interval === undefined ? {} : { scrapeIntervalSeconds: interval }),
    jobs: entriesOf(files, ({ jobs }) => jobs),
    aiPrices: entriesOf(files, ({ aiPrices }) => aiPrices),
    ...named(
      "sources",
      fromFirst(files, ({ sources }) => sources),
    ),
    ...named(
      "prune",
      fromFirst(files, ({ prune }) => prune),
    ),
    files,
    problems,
  };
}

/** Not what `Number` takes besides: blanks, exponents, other bases. */
const DECIMAL = /^\d+(?:\.\d+)?$/;

function gatewayOf({ base, credentials, caFile }: GatewaySettings): Pick<Config, "gateway"> {
  if (base.value === undefined) return {};
  return {
    gateway: {
      base: base.value,
      ...(credentials === undefined ? {} : { credentials: credentials.value }),
      ...(caFile === undefined ? {} : { ca: caFile.value.pem }),
    },
  };
}

type Source<T> = {
  /** Empty, it says nothing. */
  readonly variable: string;
  readonly schema: Schema<T>;
  /** What the schema reads, from the variable's text. */
  readonly parse?: (text: string) => unknown;
  readonly pick: (content: ConfigFile) => T | undefined;
  readonly fallback: T;
};

/** Undefined after noting a problem, or where a file has one. */
function environmentOrFiles<T>(
  env: ConfigSources["env"],
  files: readonly SourceFile[],
  problems: string[],
  { variable, schema, parse = (text) => text, pick, fallback }: Source<T>,
): Setting<T> | undefined {
  const text = env[variable];
  if (!text) return fromFiles(files, pick, fallback);
  const value = schema.read(parse(text), variable, []);
  if (value !== undefined) return { value, origin: { type: "environment", name: variable } };
  problems.push(`${variable} is ${JSON.stringify(text)}; expected ${schema.expected}`);
  return undefined;
}

function ledgerOf(
  env: ConfigSources["env"],
  home: string,
  files: readonly SourceFile[],
  problems: string[],
): Setting<LedgerPlace> | undefined {
  const pick = ({ ledger }: ConfigFile, path: string) =>
    ledger?.type === "files"
      ? { ...ledger, directory: resolve(dirname(path), ledger.directory) }
      : ledger;
  try {
    return environmentLedgerPlace(env) ?? fromFiles(files, pick, defaultLedgerPlace(env, home));
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    problems.push(...error.problems);
    return undefined;
  }
}

/** What the first file says that says anything. */
function fromFirst<T>(
  files: readonly SourceFile[],
  pick: (content: ConfigFile) => T | undefined,
): Setting<T> | undefined {
  const setting = fromFiles<T | undefined>(files, pick, undefined);
  return setting?.value === undefined ? undefined : { ...setting, value: setting.value };
}

/** A property, or none for what is undefined. */
function named<Name extends string, T>(
  name: Name,
  value: T | undefined,
): { readonly [N in Name]?: T } {
  return value === undefined ? {} : ({ [name]: value } as { readonly [N in Name]?: T });
}

/** The project file's entries, and those of the user's that it does not have. */
function entriesOf<T>(
  files: readonly SourceFile[],
  pick: (content: ConfigFile) => Readonly<Record<string, T>> | undefined,
): Entries<T> {
  const entries = files.toReversed().flatMap(({ path, content }) =>
    Object.entries(pick(content) ?? {}).map(([name, value]) => {
      const origin: Origin = { type: "file", path };
      return [name, { value, origin }] as const;
    }),
  );
  return Object.fromEntries(entries);
}

/** The values of entries, wherever they came from. */
export function valuesOf<T>(entries: Entries<T>): Readonly<Record<string, T>> {
  return Object.fromEntries(Object.entries(entries).map(([name, { value }]) => [name, value]));
}
