import { createCurrentReporter } from "../current-reporter.ts";
import { formatGroupingKey } from "../grouping-key.ts";
import { every } from "../reporter/every.ts";
import type { Look } from "../reporter/report.ts";
import { timerDuration } from "./duration.ts";
import { EXIT, type Io } from "./io.ts";
import {
  counted,
  describePublication,
  exitCodeOf,
  inOneLine,
  plainPublication,
  watchInterruption,
} from "./publish.ts";
import { describeRemoval } from "./remove.ts";
import { type GatewayFlags, lookup, sourcesOf } from "./target.ts";

export type ReportFlags = GatewayFlags & {
  readonly every?: string;
  readonly resetHighWaterMark?: boolean;
};

/** The shortest period, in milliseconds: a look is a handful of connections. */
const SHORTEST_MS = 1000;

const periodOf = timerDuration("--every", { min: SHORTEST_MS });

/**
 * Reads portfolio and health and pushes them, once or every so often. Once: 1 when the figures did not
 * arrive or a source could not be read. Every so often: it ends with a signal, and that is a good end.
 */
export async function report(flags: ReportFlags, io: Io): Promise<number> {
  const everyMs = flags.every === undefined ? undefined : periodOf(flags.every);
  const reporter = createCurrentReporter({
    sources: () => sourcesOf(flags, io),
    connection: { lookup },
    onProblem: (problem) => io.err(`closing-bell: goes on as before: ${inOneLine(problem)}\n`),
  });
  if (flags.resetHighWaterMark) {
    const what = await reporter.use((current) => current.resetHighWaterMark());
    const said =
      what === "reset" ? "the high-water mark begins anew" : "there was no high-water mark";
    if (!flags.quiet) io.err(`closing-bell: ${said}\n`);
  }
  const interruption = watchInterruption();
  const { signal: stop } = interruption;
  let code: number = EXIT.done;
  const look = async () => {
    try {
      const seen = await reporter.use((current) => current.look(stop), stop);
      code = isWell(seen) ? EXIT.done : EXIT.failed;
      tell(seen, flags, io);
    } catch (error) {
      if (!stop.aborted) throw error;
    }
  };
  try {
    if (everyMs === undefined) await look();
    else await every(look, { everyMs, stop });
  } finally {
    interruption.end();
    reporter.close();
  }
  const endedBy = interruption.by();
  if (endedBy === undefined) return code;
  return everyMs === undefined ? exitCodeOf(endedBy) : EXIT.done;
}

function isWell({ readings, push }: Look): boolean {
  const isUp = Object.values(readings).every(({ status }) => status === "read");
  return push.status === "delivered" && isUp;
}

function tell(look: Look, flags: ReportFlags, io: Io): void {
  if (flags.json) {
    io.out(`${JSON.stringify(plain(look))}\n`);
    return;
  }
  const { push, readings } = look;
  const sources = counted(Object.keys(readings).length, "source");
  if (push.status === "delivered" && !flags.quiet) {
    io.err(`closing-bell: reported ${push.series} series of ${sources}\n`);
  }
  if (!flags.quiet) {
    for (const pruning of look.pruned.filter(isOrderly)) {
      io.err(`closing-bell: ${describePruning(pruning)}\n`);
    }
  }
  for (const problem of problemsOf(look)) io.err(`closing-bell: ${problem}\n`);
}

/** A dead group that went, or was left to somebody else. */
function isOrderly(each: Pruning): boolean {
  return each.groupingKey !== undefined && each.pruned.status !== "failed";
}

/** What a person has to know, one line each. */
function problemsOf(look: Look): readonly string[] {
  const { push, readings, trackingError, ledgerError, healthError } = look;
  const { publications, pruned, delivery } = look;
  const problems: string[] = [];
  if (push.status === "failed") problems.push(`not reported: ${inOneLine(push.error)}`);
  for (const reading of Object.values(readings)) {
    if (reading.status === "failed") problems.push(`unknown: ${inOneLine(reading.error)}`);
  }
  const { portfolio } = readings;
  if (portfolio?.status === "read") {
    for (const problem of portfolio.value.problems ?? []) problems.push(`portfolio: ${problem}`);
  }
  if (trackingError !== undefined) {
    problems.push(`drawdown and return are unknown: ${inOneLine(trackingError)}`);
  }
  if (ledgerError !== undefined) problems.push(`nothing was published: ${inOneLine(ledgerError)}`);
  if (healthError !== undefined) {
    problems.push(`what the ledger is behind with is unknown: ${inOneLine(healthError)}`);
  }
  for (const publication of publications) {
    if (publication.status === "refused" || publication.status === "failed") {
      const group = formatGroupingKey(publication.groupingKey);
      problems.push(`${group}  ${describePublication(publication)}`);
    }
  }
  if (delivery !== undefined && delivery.status !== "recorded") {
    const why = "error" in delivery ? `: ${inOneLine(delivery.error)}` : "";
    problems.push(`the reporter's own run was not recorded (${delivery.status})${why}`);
  }
  for (const each of pruned) if (!isOrderly(each)) problems.push(describePruning(each));
  return problems;
}

type Pruning = Look["pruned"][number];

function describePruning(each: Pruning): string {
  if (each.groupingKey === undefined) {
    return `dead groups could not be looked for: ${inOneLine(each.error)}`;
  }
  const group = formatGroupingKey(each.groupingKey);
  const { pruned } = each;
  switch (pruned.status) {
    case "removed": {
      const { removal, publication } = pruned;
      const what = removal && describeRemoval(removal, undefined, publication);
      return `${group}  removed, nobody reports to it${what === undefined ? "" : `: ${what}`}`;
    }
    case "left":
      return `${group}  left alone: ${pruned.why}`;
    case "failed":
      return `${group}  not removed: ${inOneLine(pruned.error)}`;
    default:
      return pruned satisfies never;
  }
}

/** The same as JSON: plain values, and messages for errors. */
function plain(look: Look): object {
  const { readings, figures, push, publications } = look;
  const sources = Object.values(readings).map(({ source, seconds, ...reading }) => ({
    source,
    seconds,
    ...(reading.status === "read"
      ? { status: "read", value: reading.value }
      : { status: "failed", error: reading.error.message }),
  }));
  return {
    sources,
    figures: figures ?? {},
    push: push.status === "failed" ? { ...push, error: push.error.message } : push,
    publications: publications.map(plainPublication),
    pruned: look.pruned.filter(isOrderly).map(describePruning),
    problems: problemsOf(look),
  };
}
