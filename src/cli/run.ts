import { isatty } from "node:tty";
import { systemClock } from "../clock.ts";
import { configuredRuns } from "../default-delivery.ts";
import { formatGroupingKey } from "../grouping-key.ts";
import type { DeliveryReport } from "../publish/delivery.ts";
import { settle } from "../publish/settle.ts";
import { type CommandRun, runCommand } from "../run/command.ts";
import { ignoresHangup } from "./hangup.ts";
import { type Io, UsageError } from "./io.ts";
import { describePublication, inOneLine, plainPublication, watchInterruption } from "./publish.ts";
import { type GroupFlags, groupOf, ledgerOf, lookup, publisherOf, sourcesOf } from "./target.ts";

export type RunFlags = GroupFlags & {
  readonly runId?: string;
  /** Milliseconds; 0 is never. */
  readonly timeout?: number;
  /** Milliseconds; 0 is never. */
  readonly killAfter: number;
  /** Milliseconds. */
  readonly pushDeadline: number;
  /** Wait until the values of new series are shown, too. */
  readonly settle?: boolean;
};

/** Signals by which we end ourselves as the child did, so that a shell sees the same thing. */
const RERAISED: readonly NodeJS.Signals[] = ["SIGINT", "SIGTERM", "SIGHUP"];

/** Time that a gateway has to answer in unless the deadline allows for more. Milliseconds. */
const PUSH_TIMEOUT_MS = 5000;

/** Runs the command; resolves to its exit code, or ends this process by the signal that ended it. */
export async function run(command: readonly string[], flags: RunFlags, io: Io): Promise<number> {
  const [program, ...args] = command as readonly [string, ...string[]];
  // Before the command starts: a group that cannot be named is a usage error.
  groupOf(flags);
  if (flags.runId === "")
    throw new UsageError("--run-id is empty: was it to be a variable's value?");
  const outlivesTerminal = ignoresHangup(io.env);
  if (outlivesTerminal) process.on("SIGHUP", () => {});
  const timeoutMs = Math.max(PUSH_TIMEOUT_MS, flags.pushDeadline);
  // From the beginning: whoever asks the command to end does not want to wait for anything after it.
  const interruption = watchInterruption();
  const result = await runCommand(
    [program, ...args],
    {
      job: flags.job,
      groupingKey: flags.grouping,
      ...(flags.runId === undefined ? {} : { runId: flags.runId }),
      hasTerminal: isatty(0) || isatty(2),
      ignoresHangup: outlivesTerminal,
      ...(flags.timeout === undefined ? {} : { timeoutMs: flags.timeout }),
      killAfterMs: flags.killAfter,
    },
    {
      ...configuredRuns(() => sourcesOf(flags, io), { connection: { lookup, timeoutMs } }),
      reportingTimeoutMs: flags.pushDeadline,
    },
  );
  const delivery = flags.settle
    ? await settled(result.delivery, flags, io, interruption.signal)
    : result.delivery;
  interruption.end();
  const { end, exitCode, outcome } = result;
  if (flags.json) io.err(`${JSON.stringify(facts(flags.job, { ...result, delivery }))}\n`);
  else if (!flags.quiet || end.type === "not started") {
    io.err(`closing-bell: ${summary(flags.job, program, { ...result, delivery })}\n`);
  }

  const isReraised = end.type === "signalled" && RERAISED.includes(end.signal);
  // The first process of a container cannot be ended by a signal of its own.
  if (isReraised && outcome !== "timed_out" && process.pid !== 1) {
    process.kill(process.pid, end.signal);
  }
  // What is still under way at the deadline, such as a publication that nobody waits for, is given up.
  const leftMs = Math.max(0, flags.pushDeadline - result.reportingSeconds * 1000);
  setTimeout(() => process.exit(exitCode), leftMs).unref();
  return exitCode;
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
  const reported = `${describeDelivery(delivery)}${describeRefusals(delivery)}`;
  return `${ran} in ${durationSeconds.toFixed(2)} s; ${reported}`;
}

/** The same as JSON. It goes to standard error too: standard output is the command's. */
function facts(job: string, { outcome, end, exitCode, durationSeconds, delivery }: CommandRun) {
  const { refusals } = delivery;
  return {
    job,
    outcome,
    exitCode,
    ...(end.type === "exited" && end.code !== exitCode ? { commandExitCode: end.code } : {}),
    ...(end.type === "signalled" ? { signal: end.signal } : {}),
    ...(end.type === "not started" ? { error: end.error.message } : {}),
    durationSeconds,
    delivery: { ...plain(delivery), ...(refusals === undefined ? {} : { refusals }) },
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

function describeEnd(program: string, { end, exitCode, outcome }: CommandRun): string {
  const isTimedOut = outcome === "timed_out";
  switch (end.type) {
    case "exited":
      return isTimedOut ? `exit ${exitCode}; its own would be ${end.code}` : `exit ${exitCode}`;
    case "signalled":
      return isTimedOut ? `exit ${exitCode}, by ${end.signal}` : `by ${end.signal}`;
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

/** What of the run's metrics was left out: the first, and how many more. */
function describeRefusals({ refusals = [] }: DeliveryReport): string {
  const [first, ...others] = refusals;
  if (first === undefined) return "";
  const more = others.length === 0 ? "" : ` (and ${others.length} more)`;
  return `; left out: ${first.replaceAll("\n", " ")}${more}`;
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
  return inOneLine(delivery.error);
}
