import { readFileSync } from "node:fs";
import { messageOf } from "../errors.ts";
import { type ConfigFile, fileSchema } from "./file-schema.ts";
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
