/** What of the deployment follows from code and from closing-bell.json. `template.cjs` loads it. */
import { dirname, isAbsolute, normalize } from "node:path";
import type { ConfigFile } from "../../src/config/file-schema.ts";
import { readSourceFile } from "../../src/config/source-file.ts";
import { ConfigError } from "../../src/errors.ts";
import { STREAM_FILTER } from "../../src/lambda/stream-filter.ts";
import type { Resources } from "./cloudformation.ts";
import { parameterPolicies } from "./parameters.ts";
import { foreignJobs, scheduleResources } from "./schedules.ts";

export { alarmResources } from "./alarms.ts";

/** Filters of the event source mapping: any of them lets a record through. */
export const filterPatterns = [STREAM_FILTER];

export type Configured = {
  readonly resources: Resources;
  /** Jobs of the catalogue that no function runs. */
  readonly foreignJobs: readonly string[];
  /** Certificates that it names, in order, each once. They go with it, at the same place beside it. */
  readonly caFiles: readonly string[];
};

/**
 * What follows from a configuration file.
 *
 * @throws {ConfigError} with everything that is wrong with it, or that AWS cannot be told.
 */
export function configured(path: string): Configured {
  const content = readConfiguration(path);
  return {
    resources: { ...scheduleResources(content), ...parameterPolicies(content, dirname(path)) },
    foreignJobs: foreignJobs(content),
    caFiles: caFilesOf(content),
  };
}

function readConfiguration(path: string): ConfigFile {
  const problems: string[] = [];
  const { content } = readSourceFile(path, { type: "flag", name: path }, problems);
  if (problems.length > 0) throw new ConfigError(problems);
  return content;
}

function caFilesOf(content: ConfigFile): readonly string[] {
  const named = new Set(caFilesIn(content).map((path) => normalize(path)));
  const outside = [...named].filter((path) => isAbsolute(path) || path.startsWith(".."));
  if (outside.length === 0) return [...named].sort();
  throw new ConfigError(
    outside.map((path) => `caFile ${path} is not below closing-bell.json, so it cannot go with it`),
  );
}

/** Wherever they stand. */
function caFilesIn(value: unknown): readonly string[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, each]) =>
    key === "caFile" && typeof each === "string" ? [each] : caFilesIn(each),
  );
}
