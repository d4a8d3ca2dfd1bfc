import { readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { ConfigError, messageOf } from "../errors.ts";
import { type Credentials, type GatewayAddress, parseGatewayUrl } from "../gateway-url.ts";
import {
  type ConfigFile,
  fileSchema,
  publish,
  type SecretReference,
  scrapeIntervalSeconds,
} from "./file-schema.ts";
import { homeOf, type LedgerPlace, ledgerPlace } from "./ledger-place.ts";
import type { Schema } from "./schema.ts";

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
};

/** Where configuration comes from, nearest first; a test passes its own. */
export type ConfigSources = {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Default `HOME` of the environment, else the user's. */
  readonly home?: string;
  /** `--gateway`. */
  readonly gatewayUrl?: string;
  /** `--config`. */
  readonly configPath?: string;
};

/** Prometheus's own default. */
const DEFAULT_SCRAPE_INTERVAL_SECONDS = 60;

/** Name of the project file, looked for in the working directory. */
export const CONFIG_FILE = "closing-bell.json";

/**
 * Reads flags, environment, project file (`--config`, `CLOSING_BELL_CONFIG`, or closing-bell.json in
 * the working directory) and user file, each overriding those after it.
 *
 * @throws {ConfigError} with every problem of every source.
 */
export function readConfig(sources: ConfigSources): Config {
  const { env, cwd, home = homeOf(sources.env) } = sources;
  const problems: string[] = [];
  const named = sources.configPath ?? (env["CLOSING_BELL_CONFIG"] || undefined);
  const project = readFile(resolve(cwd, named ?? CONFIG_FILE), named !== undefined, problems);
  const xdg = env["XDG_CONFIG_HOME"] || join(home, ".config");
  const user = readFile(join(xdg, "closing-bell", CONFIG_FILE), false, problems);

  const gateway = gatewayOf(sources, [project, user], problems);
  const ledger = ledgerOf(env, home, [project, user], problems);
  const files = { ...user.content, ...project.content };
  const mode = fromEnv(env, "CLOSING_BELL_PUBLISH", publish, problems);
  const interval = fromEnv(
    env,
    "CLOSING_BELL_SCRAPE_INTERVAL",
    scrapeIntervalSeconds,
    problems,
    (text) => (DECIMAL.test(text) ? Number(text) : undefined),
  );
  if (ledger === undefined || problems.length > 0) throw new ConfigError(problems);
  return {
    ...(gateway === undefined ? {} : { gateway }),
    ledger,
    publish: mode ?? files.publish ?? "completion",
    scrapeIntervalSeconds:
      interval ?? files.scrapeIntervalSeconds ?? DEFAULT_SCRAPE_INTERVAL_SECONDS,
    jobs: { ...user.content.jobs, ...project.content.jobs },
  };
}

/** Not what `Number` takes besides: blanks, exponents, other bases. */
const DECIMAL = /^\d+(?:\.\d+)?$/;

/** The value of a variable, which an empty one is not; undefined after noting a problem, too. */
function fromEnv<T>(
  env: ConfigSources["env"],
  name: string,
  schema: Schema<T>,
  problems: string[],
  parse: (text: string) => unknown = (text) => text,
): T | undefined {
  const text = env[name];
  if (!text) return undefined;
  const value = schema.read(parse(text), name, []);
  if (value === undefined) {
    problems.push(`${name} is ${JSON.stringify(text)}; expected ${schema.expected}`);
  }
  return value;
}

function ledgerOf(
  env: ConfigSources["env"],
  home: string,
  files: readonly SourceFile[],
  problems: string[],
): LedgerPlace | undefined {
  const file = files.find(({ content }) => content.ledger !== undefined);
  const place = file?.content.ledger;
  const fromFile =
    file === undefined || place?.type !== "files"
      ? place
      : { ...place, directory: resolve(dirname(file.path), place.directory) };
  try {
    return ledgerPlace(env, home, fromFile);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    problems.push(...error.problems);
    return undefined;
  }
}

/** What the parser says, without the piece of the file that it quotes: that may be a password. */
function jsonProblem(error: unknown): string {
  const [problem = ""] = /^(?:Unexpected token '.'|[^"]*)/su.exec(messageOf(error)) ?? [];
  return problem;
}

type SourceFile = { readonly path: string; readonly content: ConfigFile };

function readFile(path: string, mustExist: boolean, problems: string[]): SourceFile {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === "ENOENT";
    if (mustExist || !missing) problems.push(`${path} cannot be read: ${messageOf(error)}`);
    return { path, content: {} };
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    problems.push(`${path} is not JSON: ${jsonProblem(error)}`);
    return { path, content: {} };
  }
  const found: string[] = [];
  const content = fileSchema.read(json, "", found) ?? {};
  problems.push(...found.map((problem) => `${path}: ${problem}`));
  return { path, content };
}

function gatewayOf(
  { env, gatewayUrl }: ConfigSources,
  files: readonly SourceFile[],
  problems: string[],
): Config["gateway"] {
  const fromFile = files.find(({ content }) => content.gateway?.url !== undefined);
  const [url, origin] =
    gatewayUrl !== undefined
      ? [gatewayUrl, "--gateway"]
      : env["PUSHGATEWAY_URL"]
        ? [env["PUSHGATEWAY_URL"], "PUSHGATEWAY_URL"]
        : [fromFile?.content.gateway?.url, fromFile?.path ?? ""];
  if (url === undefined) return undefined;
  let address: GatewayAddress;
  try {
    address = parseGatewayUrl(url);
  } catch (error) {
    problems.push(`${origin}: ${messageOf(error)}`);
    return undefined;
  }

  // A credential stays with its endpoint: one from a file is not sent to another file's gateway,
  // nor to one that a flag or the environment names.
  const own = fromFile !== undefined && origin === fromFile.path ? fromFile : undefined;
  const token = env["PUSHGATEWAY_TOKEN"];
  const credentials: Credentials | undefined =
    address.credentials ??
    (token ? { type: "bearer", token } : fileCredentials(own, env, problems));
  const caFrom = own ?? files.find(({ content }) => content.gateway?.caFile !== undefined);
  const ca = readCa(caFrom, problems);
  return {
    base: address.base,
    ...(credentials === undefined ? {} : { credentials }),
    ...(ca === undefined ? {} : { ca }),
  };
}

function fileCredentials(
  file: SourceFile | undefined,
  env: ConfigSources["env"],
  problems: string[],
): Credentials | undefined {
  const { username, password, token } = file?.content.gateway ?? {};
  if (file === undefined) return undefined;
  const read = (reference: SecretReference, name: string) =>
    readSecret(reference, `${file.path}: gateway.${name}`, dirname(file.path), env, problems);
  if (token !== undefined) {
    const value = read(token, "token");
    return value === undefined ? undefined : { type: "bearer", token: value };
  }
  if (username === undefined && password === undefined) return undefined;
  if (username === undefined || password === undefined) {
    problems.push(`${file.path}: gateway.username and gateway.password go together`);
    return undefined;
  }
  const value = read(password, "password");
  return value === undefined ? undefined : { type: "basic", username, password: value };
}

function readSecret(
  reference: SecretReference,
  place: string,
  directory: string,
  env: ConfigSources["env"],
  problems: string[],
): string | undefined {
  if ("env" in reference) {
    const value = env[reference.env];
    if (!value) problems.push(`${place}: the environment variable ${reference.env} is not set`);
    return value || undefined;
  }
  try {
    const value = readFileSync(resolve(directory, reference.file), "utf8").trimEnd();
    if (value === "") problems.push(`${place}: ${reference.file} is empty`);
    return value || undefined;
  } catch (error) {
    problems.push(`${place} cannot be read: ${messageOf(error)}`);
    return undefined;
  }
}

function readCa(file: SourceFile | undefined, problems: string[]): string | undefined {
  const caFile = file?.content.gateway?.caFile;
  if (file === undefined || caFile === undefined) return undefined;
  try {
    return readFileSync(resolve(dirname(file.path), caFile), "utf8");
  } catch (error) {
    problems.push(`${file.path}: gateway.caFile cannot be read: ${messageOf(error)}`);
    return undefined;
  }
}
