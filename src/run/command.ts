import { constants } from "node:os";
import type { RunOutcome } from "../metrics/catalogue.ts";
import type { DeliveryReport } from "../publish/delivery.ts";
import { type ChildEnd, type ChildOptions, type CommandEnd, startChild } from "./child.ts";
import { createMetricsFile, METRICS_FILE_VARIABLE } from "./metrics-file.ts";
import { openRun, type RunDependencies, type RunStart } from "./open-run.ts";

export type CommandOptions = RunStart & Omit<ChildOptions, "env">;

export type CommandRun = {
  readonly end: CommandEnd;
  readonly outcome: RunOutcome;
  /**
   * What a shell would see: the child's own code, 128 + n for signal n, 124 when its time was over,
   * 126 or 127 when it never started.
   */
  readonly exitCode: number;
  readonly durationSeconds: number;
  /** How long the report took after that. */
  readonly reportingSeconds: number;
  readonly delivery: DeliveryReport;
};

/** The convention of timeout(1). */
const TIMED_OUT = 124;

/**
 * Runs a command as a run of a job, with our standard streams, and reports how it ended, with what it
 * left in the file that `CLOSING_BELL_METRICS_FILE` names to it. The command runs whatever the gateway
 * or the configuration is like, and its exit code is never changed.
 */
export async function runCommand(
  command: readonly [string, ...string[]],
  { hasTerminal, ignoresHangup, timeoutMs, killAfterMs, ...start }: CommandOptions,
  dependencies: RunDependencies,
): Promise<CommandRun> {
  const file = createMetricsFile();
  const child = startChild(command, {
    env: { [METRICS_FILE_VARIABLE]: file.path },
    hasTerminal,
    ...(ignoresHangup === undefined ? {} : { ignoresHangup }),
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(killAfterMs === undefined ? {} : { killAfterMs }),
  });
  try {
    // After the command: it does not wait for a configuration to be read.
    const run = openRun({ ...start, announceStart: true }, dependencies);
    run.add(async (group) => {
      const { families, problems } = await file.read(group);
      for (const problem of problems) run.metrics.refuse(problem);
      return families;
    });
    const end = await child.ended;
    const ended = performance.now();
    const { how, durationSeconds } = end;
    const exitCode = end.timedOut ? TIMED_OUT : exitCodeOf(how);
    const outcome = outcomeOf(end, exitCode);
    const delivery = await run.close(outcome, { exitCode });
    const reportingSeconds = (performance.now() - ended) / 1000;
    return { end: how, outcome, exitCode, durationSeconds, reportingSeconds, delivery };
  } finally {
    child.release();
    file.remove();
  }
}

/** A command that ends well after it was interrupted has done its work. */
function outcomeOf({ timedOut, interrupted }: ChildEnd, exitCode: number): RunOutcome {
  if (timedOut) return "timed_out";
  if (exitCode === 0) return "succeeded";
  return interrupted ? "interrupted" : "failed";
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
