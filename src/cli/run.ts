import { isatty } from "node:tty";
import { configuredRuns } from "../default-delivery.ts";
import { ConfigError } from "../errors.ts";
import { formatGroupingKey } from "../grouping-key.ts";
import type { DeliveryReport } from "../publish/delivery.ts";
import { type CommandRun, runCommand } from "../run/command.ts";
import type { Io } from "./io.ts";
import { type GroupFlags, groupOf, sourcesOf } from "./target.ts";

export type RunFlags = GroupFlags;

/** Signals by which we end ourselves as the child did, so that a shell sees the same thing. */
const RERAISED: readonly NodeJS.Signals[] = ["SIGINT", "SIGTERM", "SIGHUP"];

/** Runs the command; resolves to its exit code, or ends this process by the signal that ended it. */
export async function run(command: readonly string[], flags: RunFlags, io: Io): Promise<number> {
  const [program, ...args] = command as readonly [string, ...string[]];
  // Before the command starts: a group that cannot be named is a usage error.
  groupOf(flags);
  const result = await runCommand(
    { job: flags.job, groupingKey: flags.grouping },
    [program, ...args],
    configuredRuns(() => sourcesOf(flags, io)),
    isatty(0) || isatty(2),
  );
  const { end } = result;
  if (flags.json) io.err(`${JSON.stringify(facts(flags.job, result))}\n`);
  else if (!flags.quiet || end.type === "not started") {
    io.err(`closing-bell: ${summary(flags.job, program, result)}\n`);
  }

  if (end.type === "signalled" && RERAISED.includes(end.signal) && process.pid !== 1) {
    process.kill(process.pid, end.signal);
  }
  return result.exitCode;
}

/** One line: how the job ended, and where that can be seen. */
function summary(job: string, program: string, run: CommandRun): string {
  const { outcome, durationSeconds, delivery } = run;
  const ran = `${job} ${outcome.replace("_", " ")} (${describeEnd(program, run)})`;
  return `${ran} in ${durationSeconds.toFixed(2)} s; ${describeDelivery(delivery)}`;
}

/** The same as JSON. It goes to standard error too: standard output is the command's. */
function facts(job: string, { outcome, end, exitCode, durationSeconds, delivery }: CommandRun) {
  return {
    job,
    outcome,
    exitCode,
    ...(end.type === "signalled" ? { signal: end.signal } : {}),
    ...(end.type === "not started" ? { error: end.error.message } : {}),
    durationSeconds,
    delivery: plain(delivery),
  };
}

function plain(delivery: DeliveryReport): object {
  switch (delivery.status) {
    case "refused":
    case "failed":
    case "disabled":
      return { status: delivery.status, reason: reasonOf(delivery) };
    case "logged":
      return { ...delivery, error: delivery.error.message };
    default:
      return delivery;
  }
}

function describeEnd(program: string, { end, exitCode }: CommandRun): string {
  switch (end.type) {
    case "exited":
      return `exit ${exitCode}`;
    case "signalled":
      return `by ${end.signal}`;
    case "not started": {
      const why = exitCode === 127 ? "not found" : `cannot be executed: ${end.error.message}`;
      return `exit ${exitCode}, ${JSON.stringify(program)} ${why}`;
    }
    default:
      return end satisfies never;
  }
}

/** The fate of a report, for a person. */
function describeDelivery(delivery: DeliveryReport): string {
  switch (delivery.status) {
    case "delivered": {
      const { verb, series, groupingKey, gateway, unchecked } = delivery;
      const doubt = unchecked ? " (unchecked: the gateway's consistency check is off)" : "";
      return `reported ${series} series to ${formatGroupingKey(groupingKey)} at ${gateway} (${verb})${doubt}`;
    }
    case "recorded":
      return `recorded for ${formatGroupingKey(delivery.groupingKey)} in ${delivery.ledger}`;
    case "already_counted":
      return `counted before: ${delivery.runId}`;
    case "logged":
      return `not recorded, but logged whole for replay: ${delivery.error.message}`;
    default:
      return `not reported: ${reasonOf(delivery)}`;
  }
}

type Undelivered = Extract<DeliveryReport, { readonly status: "refused" | "failed" | "disabled" }>;

/** In one line, however many problems a configuration has. */
function reasonOf(delivery: Undelivered): string {
  if (delivery.status === "disabled") return delivery.reason;
  const { error } = delivery;
  return error instanceof ConfigError ? error.problems.join("; ") : error.message;
}
