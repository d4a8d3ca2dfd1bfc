import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll } from "@jest/globals";
import { buildSync } from "esbuild";
import type { Question } from "../sources/read-once.ts";

/** What one reading came to, as `read-once.ts` prints it. */
export type ChildReading = { readonly value: unknown } | { readonly error: string };

export type ChildResult = {
  /** One per question, in order. */
  readonly readings: readonly ChildReading[];
  /** Exit status, null when it had to be killed. */
  readonly code: number | null;
  readonly stderr: string;
  /** Milliseconds between its last reading and its end, which it must come to by itself. */
  readonly lingeredMs: number;
};

/** Deadline of a child, in milliseconds: for one that something keeps alive, never for a slow machine. */
const TIMEOUT_MS = 30_000;

/**
 * `outside`: loaded as they are where this package is installed, as by who imports it. `inside`: bundled,
 * as in the command line.
 */
export type Packages = "outside" | "inside";

const programs: { [packages in Packages]?: string } = {};

const built: string[] = [];

afterAll(() => {
  for (const folder of built) rmSync(folder, { recursive: true, force: true });
});

/** Reads sources in a process of its own, which has nothing else to do and nobody to end it. */
export function readInChild(
  questions: readonly Question[],
  {
    env = {},
    packages = "outside",
  }: { readonly env?: Readonly<Record<string, string>>; readonly packages?: Packages } = {},
): Promise<ChildResult> {
  programs[packages] ??= build(packages);
  const program = programs[packages];
  const { PATH = "" } = process.env;
  const child = spawn(process.execPath, [program, JSON.stringify(questions)], {
    env: { PATH, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let stdout = "";
  let stderr = "";
  let lastHeard = Number.NaN;
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    stdout += chunk;
    lastHeard = performance.now();
  });
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
    stderr += chunk;
  });
  const timer = setTimeout(() => child.kill("SIGKILL"), TIMEOUT_MS);
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => {
      clearTimeout(timer);
      const lines = stdout.split("\n").filter(Boolean);
      const readings = lines.map((line): ChildReading => JSON.parse(line));
      resolve({ readings, code, stderr, lingeredMs: performance.now() - lastHeard });
    });
  });
}

/** Built in a new folder each time: several test files may do so at once. */
function build(packages: Packages): string {
  const parent = fileURLToPath(new URL("../../.cache/bundles/", import.meta.url));
  mkdirSync(parent, { recursive: true });
  const outdir = mkdtempSync(join(parent, "read-once-"));
  built.push(outdir);
  buildSync({
    entryPoints: [fileURLToPath(new URL("../sources/read-once.ts", import.meta.url))],
    outdir,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    splitting: true,
    packages: packages === "outside" ? "external" : "bundle",
    platform: "node",
    target: "node20",
    format: "esm",
    // As `npm run bundle` has it.
    banner: {
      js: "import{createRequire as ___r}from'node:module';const require=___r(import.meta.url);",
    },
    logLevel: "warning",
  });
  return join(outdir, "read-once.mjs");
}
