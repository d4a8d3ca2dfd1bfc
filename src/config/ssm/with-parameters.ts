import { ConfigError } from "../../errors.ts";
import { type Config, type ConfigSources, readConfig } from "../config.ts";
import { gatewayParameterNames } from "../gateway-settings.ts";
import type { FetchedParameters } from "../parameters.ts";
import { fromFiles, readSourceFiles } from "../source-file.ts";
import type { ParameterStore } from "./parameter-store.ts";

/** Parts of the configuration that name secrets. Who does not report needs none of `sources`. */
export type Part = "gateway" | "sources";

export type FetchingOptions = {
  readonly signal?: AbortSignal;
  /** Default all. */
  readonly parts?: readonly Part[];
};

const PARTS: readonly Part[] = ["gateway", "sources"];

/**
 * The parameters that this configuration needs: references in the file that names the gateway and in the
 * one that names the sources, and those below `CLOSING_BELL_SSM_PATH` when nothing before it names a
 * gateway. What would not be used is not asked for.
 */
export function parameterNames(
  sources: ConfigSources,
  parts: readonly Part[] = PARTS,
): readonly string[] {
  // Told by who reads the configuration.
  const files = readSourceFiles(sources, []);
  const figures = fromFiles<unknown>(files, (content) => content.sources, undefined)?.value;
  const names = [
    ...(parts.includes("gateway") ? gatewayParameterNames(sources, files) : []),
    ...(parts.includes("sources") ? referencesIn(figures) : []),
  ];
  return [...new Set(names)];
}

/**
 * The same sources with the parameters that they need, fetched. A fetch that fails is a problem of what
 * wanted them, told when the configuration is read. Without such names nothing is asked or loaded.
 */
export async function withParameters(
  sources: ConfigSources,
  store: Pick<ParameterStore, "read">,
  { signal, parts }: FetchingOptions = {},
): Promise<ConfigSources> {
  const names = parameterNames(sources, parts);
  if (names.length === 0) return sources;
  const options = signal === undefined ? {} : { signal };
  try {
    const parameters = await store.read(names, { ...options, missing: "omit" });
    return { ...sources, parameters };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const none: FetchedParameters = new Map<string, string>();
    return { ...sources, parameters: Object.assign(none, { problems: error.problems }) };
  }
}

/**
 * Fetches what the configuration needs of SSM, then reads it as {@link readConfig} does.
 *
 * @throws {ConfigError} with every problem of every source; the signal's reason when that aborts.
 */
export async function readConfigWithParameters(
  sources: ConfigSources,
  store: Pick<ParameterStore, "read">,
  signal?: AbortSignal,
): Promise<Config> {
  const options: FetchingOptions = signal === undefined ? {} : { signal };
  return readConfig(await withParameters(sources, store, options));
}

/** `{ "ssm": NAME }`, wherever it stands. */
function referencesIn(value: unknown): readonly string[] {
  if (typeof value !== "object" || value === null) return [];
  if ("ssm" in value && typeof value.ssm === "string") return [value.ssm];
  return Object.values(value).flatMap(referencesIn);
}
