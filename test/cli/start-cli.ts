import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";

export type RunningCli = {
  readonly pid: number;
  /** Resolves to the match once what was printed, on either stream, holds it; rejects when it ends without. */
  printed(pattern: RegExp): Promise<RegExpExecArray>;
  kill(signal: NodeJS.Signals): void;
  /** Open until the test ends it, unless an input was given. */
  readonly stdin: Writable;
  readonly stderr: Readable;
  /** Resolves when it has ended and closed its streams. */
  readonly ended: Promise<EndedCli>;
};

/** As a `CliResult`, with the bytes as they were. */
export type EndedCli = {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: Buffer;
  readonly stderr: Buffer;
};

/** Deadline of one process, in milliseconds: for a hung one, never for a slow machine. */
const TIMEOUT_MS = 60_000;

export const PROGRAM = fileURLToPath(new URL("../../dist/bin/closing-bell.js", import.meta.url));

type StartOptions = {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly input?: Buffer | string;
};

/** The built command line as `runCli` starts it, for tests that talk to it while it runs. */
export function startCli(args: readonly string[], options: StartOptions = {}): RunningCli {
  return start(process.execPath, [PROGRAM, ...args], options);
}

/** Any command, in the same environment. */
export function start(
  command: string,
  args: readonly string[],
  { env = {}, cwd, input }: StartOptions = {},
): RunningCli {
  const home = mkdtempSync(join(tmpdir(), "closing-bell-home-"));
  const { PATH = "" } = process.env;
  const child = spawn(command, args, { cwd, env: { PATH, HOME: home, NO_COLOR: "1", ...env } });
  const deadline = setTimeout(() => {
    child.kill("SIGKILL");
    // A grandchild may hold the pipes open, and "close" would wait for it.
    child.stdout.destroy();
    child.stderr.destroy();
  }, TIMEOUT_MS);

  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => stderr.push(chunk));
  const output = () => Buffer.concat([...stdout, ...stderr]).toString("utf8");

  const ended = new Promise<EndedCli>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => {
      clearTimeout(deadline);
      rmSync(home, { recursive: true, force: true });
      resolve({ code, signal, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr) });
    });
  });

  // It may be over before it has read its input.
  child.stdin.on("error", () => {});
  if (input !== undefined) child.stdin.end(input);

  return {
    pid: child.pid ?? -1,
    printed: (pattern) =>
      new Promise((resolve, reject) => {
        const look = () => {
          const match = pattern.exec(output());
          if (match !== null) resolve(match);
        };
        child.stdout.on("data", look);
        child.stderr.on("data", look);
        child.once("close", () => reject(new Error(`ended without ${pattern}: ${output()}`)));
        look();
      }),
    kill(signal) {
      child.kill(signal);
    },
    stdin: child.stdin,
    stderr: child.stderr,
    ended,
  };
}
