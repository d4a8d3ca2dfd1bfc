import { type ChildProcess, spawn } from "node:child_process";
import { constants } from "node:os";
import type { RunOutcome } from "../metrics/catalogue.ts";
import type { DeliveryReport } from "../publish/delivery.ts";
import { openRun, type RunDependencies, type RunStart } from "./open-run.ts";

export type CommandRun = {
  readonly end: CommandEnd;
  readonly outcome: RunOutcome;
  /** What a shell would see: the child's own code, 128 + n for signal n, 126 or 127 when it never started. */
  readonly exitCode: number;
  readonly durationSeconds: number;
  readonly delivery: DeliveryReport;
};

export type CommandEnd =
  | { readonly type: "exited"; readonly code: number }
  | { readonly type: "signalled"; readonly signal: NodeJS.Signals }
  | { readonly type: "not started"; readonly error: NodeJS.ErrnoException };

/** Signals that ask a job to end; whoever sends them to us means the job. */
const FORWARDED = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"] as const;

/** Sent by the terminal to its whole foreground group: the child has them already. */
const FROM_TERMINAL: readonly NodeJS.Signals[] = ["SIGINT", "SIGQUIT"];

/**
 * Runs a command as a run of a job, with our standard streams, and reports how it ended. The command
 * runs whatever the gateway or the configuration is like, and its exit code is never changed.
 *
 * @param hasTerminal whether a terminal controls us. Then the child stays in our process group, so
 * that Ctrl-C reaches it once; without one it gets a group of its own, which signals reach whole.
 */
export async function runCommand(
  start: RunStart,
  [command, ...args]: readonly [string, ...string[]],
  dependencies: RunDependencies,
  hasTerminal: boolean,
): Promise<CommandRun> {
  const run = openRun({ ...start, announceStart: true }, dependencies);
  const started = performance.now();
  let child: ChildProcess | undefined;
  let interrupted = false;

  function forward(signal: NodeJS.Signals): void {
    interrupted = true;
    const pid = child?.pid;
    if (pid === undefined || (hasTerminal && FROM_TERMINAL.includes(signal))) return;
    try {
      process.kill(hasTerminal ? pid : -pid, signal);
    } catch {
      // It has ended in the meantime, and its end is on the way to us.
    }
  }
  // Before the child exists: a signal in between must not end us without a report.
  for (const signal of FORWARDED) process.on(signal, forward);
  try {
    const end = await new Promise<CommandEnd>((resolve) => {
      try {
        child = spawn(command, args, { stdio: "inherit", detached: !hasTerminal });
      } catch (error) {
        // What is wrong with some paths (empty, through a file) spawn throws instead of emitting.
        resolve({ type: "not started", error: error as NodeJS.ErrnoException });
        return;
      }
      child.once("error", (error) => resolve({ type: "not started", error }));
      child.once("exit", (code, signal) =>
        resolve(
          signal === null ? { type: "exited", code: code ?? 1 } : { type: "signalled", signal },
        ),
      );
    });
    const durationSeconds = (performance.now() - started) / 1000;
    const exitCode = exitCodeOf(end);
    const outcome = exitCode === 0 ? "succeeded" : interrupted ? "interrupted" : "failed";
    const delivery = await run.close(outcome, exitCode);
    return { end, outcome, exitCode, durationSeconds, delivery };
  } finally {
    for (const signal of FORWARDED) process.off(signal, forward);
  }
}

/** No such command; the second is Node's word for a name that is empty. */
const NOT_FOUND: readonly (string | undefined)[] = ["ENOENT", "ERR_INVALID_ARG_VALUE"];

/** The convention of env, timeout and docker. */
function exitCodeOf(end: CommandEnd): number {
  switch (end.type) {
    case "exited":
      return end.code;
    case "signalled":
      return 128 + constants.signals[end.signal];
    case "not started":
      return NOT_FOUND.includes(end.error.code) ? 127 : 126;
    default:
      return end satisfies never;
  }
}
