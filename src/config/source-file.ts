import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { messageOf } from "../errors.ts";
import { type ConfigFile, fileSchema } from "./file-schema.ts";
import { homeOf } from "./ledger-place.ts";
import type { Origin, Setting } from "./origin.ts";

/** A file of configuration, as far as it could be read. */
export type SourceFile = {
  readonly path: string;
  /** What makes it this one: a flag, a variable, or that it is looked for there. */
  readonly origin: Origin;
  /** `faulty`: it says something that is missing in `content`. */
  readonly status: "read" | "absent" | "faulty";
  readonly content: ConfigFile;
};

/** What says which files there are. */
export type FileSources = {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Default `HOME` of the environment, else the user's. */
  readonly home?: string;
  /** `--config`. */
  readonly configPath?: string;
};

/** Name of the project file, looked for in the working directory. */
const CONFIG_FILE = "closing-bell.json";

/** The project file and the user file, in this order. */
export function readSourceFiles(sources: FileSources, problems: string[]): readonly SourceFile[] {
  const { env, cwd, home = homeOf(env) } = sources;
  const project = projectFile(sources);
  const xdg = env["XDG_CONFIG_HOME"] || join(home, ".config");
  return [
    readSourceFile(resolve(cwd, project.value), project.origin, problems),
    readSourceFile(join(xdg, "closing-bell", CONFIG_FILE), { type: "default" }, problems),
  ];
}

function projectFile({ env, configPath }: FileSources): Setting<string> {
  if (configPath !== undefined) {
    return { value: configPath, origin: { type: "flag", name: "--config" } };
  }
  const value = env["CLOSING_BELL_CONFIG"];
  if (value) return { value, origin: { type: "environment", name: "CLOSING_BELL_CONFIG" } };
  return { value: CONFIG_FILE, origin: { type: "default" } };
}

/** Reads a file and notes every problem with it. One that nobody named need not be there. */
export function readSourceFile(path: string, origin: Origin, problems: string[]): SourceFile {
  const faulty = { path, origin, status: "faulty", content: {} } as const;
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === "ENOENT";
    if (missing && origin.type === "default") return { ...faulty, status: "absent" };
    problems.push(`${path} cannot be read: ${messageOf(error)}`);
    return faulty;
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    problems.push(`${path} is not JSON: ${jsonProblem(error)}`);
    return faulty;
  }
  const found: string[] = [];
  const content = fileSchema.read(json, "", found) ?? {};
  problems.push(...found.map((problem) => `${path}: ${problem}`));
  return { path, origin, status: found.length === 0 ? "read" : "faulty", content };
}

/**
 * What the first file says that says anything, else the default. Undefined when a file on the way
 * there is faulty: that may have been what it was to say.
 */
export function fromFiles<T>(
  files: readonly SourceFile[],
  pick: (content: ConfigFile, path: string) => T | undefined,
  fallback: T,
): Setting<T> | undefined {
  for (const { path, status, content } of files) {
    const value = pick(content, path);
    if (value !== undefined) return { value, origin: { type: "file", path } };
    if (status === "faulty") return undefined;
  }
  return { value: fallback, origin: { type: "default" } };
}

/** What the parser says, without the piece of the file that it quotes: that may be a password. */
function jsonProblem(error: unknown): string {
  const [problem = ""] = /^(?:Unexpected token '.'|[^"]*)/su.exec(messageOf(error)) ?? [];
  return problem;
}
