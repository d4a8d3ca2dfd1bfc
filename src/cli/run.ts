import { isatty } from "node:tty";
import { systemClock } from "../clock.ts";
import { configuredRuns } from "../default-delivery.ts";
import { ConfigError } from "../errors.ts";
import { formatGroupingKey } from "../grouping-key.ts";
import type { DeliveryReport } from "../publish/delivery.ts";
import { settle } from "../publish/settle.ts";
import { type CommandRun, runCommand } from "../run/command.ts";
import type { Io } from "./io.ts";
import { describePublication, plainPublication, watchInterruption } from "./publish.ts";
import { type GroupFlags, groupOf, ledgerOf, publisherOf, sourcesOf } from "./target.ts";

export type RunFlags = GroupFlags & {
  readonly runId?: string;
  /** Wait until the values of new series are shown, too. */
  readonly settle?: boolean;
};

/** Signals by which we end ourselves as the child did, so that a shell sees the same thing. */
const RERAISED: readonly NodeJS.Signals[] = ["SIGINT", "SIGTERM", "SIGHUP"];

/** Runs the command; resolves to its exit code, or ends this process by the signal that ended it. */
export async function run(command: readonly string[], flags: RunFlags, io: Io): Promise<number> {
  const [program, ...args] = command as readonly [string, ...string[]];
  // Before the command starts: a group that cannot be named is a usage error.
  groupOf(flags);
  const start = {
    job: flags.job,
    groupingKey: flags.grouping,
    ...(flags.runId === undefined ? {} : { runId: flags.runId }),
  };
  const dependencies = configuredRuns(() => sourcesOf(flags, io));
  const hasTerminal = isatty(0) || isatty(2);
  // From the beginning: whoever asks the command to end does not want to wait for anything after it.
  const interruption = watchInterruption();
  const result = await runCommand(start, [program, ...args], dependencies, hasTerminal);
  const delivery = flags.settle
    ? await settled(result.delivery, flags, io, interruption.signal)
    : result.delivery;
  interruption.end();
  const { end } = result;
  const told = { ...result, delivery };
  if (flags.json) io.err(`${JSON.stringify(facts(flags.job, told))}\n`);
  else if (!flags.quiet || end.type === "not started") {
    io.err(`closing-bell: ${summary(flags.job, program, told)}\n`);
  }

  if (end.type === "signalled" && RERAISED.includes(end.signal) && process.pid !== 1) {
    process.kill(process.pid, end.signal);
  }
  return result.exitCode;
}

/** Publishes again until the new series of this run show their values. Never changes the exit code. */
async function settled(
  delivery: DeliveryReport,
  flags: RunFlags,
  io: Io,
  signal: AbortSignal,
): Promise<DeliveryReport> {
  if (signal.aborted || !("publication" in delivery)) return delivery;
  if (delivery.publication.status === "waiting") return delivery;
  const { groupingKey } = delivery;
  try {
    const { config, ledger } = await ledgerOf(flags, io);
    const publisher = await publisherOf(config, ledger);
    const publish = async () => [await publisher.publish(groupingKey, { signal })];
    const [publication] = await settle(publish, { clock: systemClock, signal });
    return publication === undefined ? delivery : { ...delivery, publication };
  } catch {
    // Told by the publication that there was: it met the same trouble.
    return delivery;
  }
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
    case "recorded":
    case "already_counted": {
      const { publication } = delivery;
      const plainly =
        publication.status === "waiting" ? publication : plainPublication(publication);
      return { ...delivery, publication: plainly };
    }
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
      const { verb, series, groupingKey, gateway, unchecked, leftOut } = delivery;
      const doubt = unchecked ? " (unchecked: the gateway's consistency check is off)" : "";
      const left = leftOut.length === 0 ? "" : `; ${leftOut.length} counters left out: no ledger`;
      return `reported ${series} series to ${formatGroupingKey(groupingKey)} at ${gateway} (${verb})${doubt}${left}`;
    }
    case "recorded":
      return `recorded for ${formatGroupingKey(delivery.groupingKey)}; ${publicationText(delivery)}`;
    case "already_counted":
      return `counted before under the run id ${JSON.stringify(delivery.runId)}; ${publicationText(delivery)}`;
    case "logged":
      return `not recorded, but logged whole for replay: ${delivery.error.message}`;
    default:
      return `not reported: ${reasonOf(delivery)}`;
  }
}

function publicationText({
  publication,
  ledger,
}: Extract<DeliveryReport, { readonly status: "recorded" | "already_counted" }>): string {
  if (publication.status === "waiting") return `waits in ${ledger}: ${publication.reason}`;
  const isStuck = publication.status === "refused" || publication.status === "failed";
  return `${describePublication(publication)}${isStuck ? ` (kept in ${ledger})` : ""}`;
}

type Undelivered = Extract<DeliveryReport, { readonly status: "refused" | "failed" | "disabled" }>;

/** In one line, however many problems a configuration has. */
function reasonOf(delivery: Undelivered): string {
  if (delivery.status === "disabled") return delivery.reason;
  const { error } = delivery;
  return error instanceof ConfigError ? error.problems.join("; ") : error.message;
}
