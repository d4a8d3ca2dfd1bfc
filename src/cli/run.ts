import { isatty } from "node:tty";
import { configuredRuns } from "../default-delivery.ts";
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
  if (result.end.type === "not started") {
    io.err(`closing-bell: ${program} could not be started: ${result.end.error.message}\n`);
  }
  if (!flags.quiet) io.err(`closing-bell: ${summary(flags.job, result)}\n`);

  const { end } = result;
  if (end.type === "signalled" && RERAISED.includes(end.signal) && process.pid !== 1) {
    process.kill(process.pid, end.signal);
  }
  return result.exitCode;
}

/** One line: how the job ended, and where that can be seen. */
function summary(job: string, { outcome, end, exitCode, durationSeconds, delivery }: CommandRun) {
  const how = end.type === "signalled" ? `by ${end.signal}` : `exit ${exitCode}`;
  const ran = `${job} ${outcome.replace("_", " ")} (${how}) in ${durationSeconds.toFixed(2)} s`;
  return `${ran}; ${describeDelivery(delivery)}`;
}

/** The fate of a report, for a person. */
export function describeDelivery(delivery: DeliveryReport): string {
  switch (delivery.status) {
    case "delivered": {
      const { verb, series, groupingKey, gateway, unchecked } = delivery;
      const doubt = unchecked ? " (unchecked: the gateway's consistency check is off)" : "";
      return `reported ${series} series to ${formatGroupingKey(groupingKey)} at ${gateway} (${verb})${doubt}`;
    }
    case "refused":
      return `not reported: ${delivery.error.message}`;
    case "failed":
      return `not reported: ${delivery.error.message}`;
    case "disabled":
      return `not reported: ${delivery.reason}`;
    default:
      return delivery satisfies never;
  }
}
