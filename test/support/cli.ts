import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export type CliOptions = {
  /** Added to an environment that holds PATH, an empty HOME and NO_COLOR, and nothing else. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Standard input, empty by default. */
  readonly input?: string | Buffer;
};

export type CliResult = {
  /** Exit status, null when a signal ended it. */
  readonly code: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
};

/** Deadline of one call, in milliseconds: for a hung process, never for a slow machine. */
const TIMEOUT_MS = 60_000;

const PROGRAM = fileURLToPath(new URL("../../dist/bin/closing-bell.js", import.meta.url));

/**
 * Runs the built command line (`npm run build`) as a process of its own.
 *
 * @throws when it is not over after a minute, with what it printed until then.
 */
export async function runCli(
  args: readonly string[],
  options: CliOptions = {},
): Promise<CliResult> {
  const home = await mkdtemp(join(tmpdir(), "closing-bell-home-"));
  try {
    return await runProgram(args, { ...options, home });
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

function runProgram(
  args: readonly string[],
  { env = {}, cwd, input = "", home }: CliOptions & { readonly home: string },
): Promise<CliResult> {
  return new Promise((resolve, reject) => {
    const { PATH = "" } = process.env;
    const child = spawn(process.execPath, [PROGRAM, ...args], {
      cwd,
      env: { PATH, HOME: home, NO_COLOR: "1", ...env },
    });

    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    const printed = () => ({ stdout: text(stdout), stderr: text(stderr) });
    child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => stderr.push(chunk));

    const deadline = setTimeout(() => {
      child.kill("SIGKILL");
      // A grandchild may hold the pipes open, and "close" would wait for it.
      child.stdout.destroy();
      child.stderr.destroy();
      const call = ["closing-bell", ...args].join(" ");
      reject(new Error(`${call} was not over after ${TIMEOUT_MS} ms: ${describe(printed())}`));
    }, TIMEOUT_MS);

    child.on("error", (error) => {
      clearTimeout(deadline);
      reject(error);
    });
    child.on("close", (code, signal) => {
      clearTimeout(deadline);
      resolve({ code, signal, ...printed() });
    });

    // It may be over before it has read its input.
    child.stdin.on("error", () => {});
    child.stdin.end(input);
  });
}

function text(chunks: readonly Buffer[]): string {
  return Buffer.concat(chunks).toString("utf8");
}

function describe({ stdout, stderr }: Pick<CliResult, "stdout" | "stderr">): string {
  return `stdout ${JSON.stringify(stdout)}, stderr ${JSON.stringify(stderr)}`;
}
