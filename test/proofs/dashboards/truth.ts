import type { Day } from "./day.ts";
import { EVALUATION_SECONDS } from "./evaluated-rules.ts";
import { ACCOUNT, TRACKING } from "./plan.ts";
import { BEGIN, END, HOUR, MIDNIGHT, SCRAPE_OFFSET, SCRAPE_SECONDS } from "./times.ts";
import { type Call, IDLE, PRICES, type Run, type Work } from "./work.ts";

/*
 * The figures of a day, added up from what was planned and done, without any PromQL and without the
 * library that reported it.
 */

/** Something done by a job, at the moment when it was told. */
export type Done = {
  readonly job: string;
  readonly mode: string;
  readonly at: number;
  readonly work: Work;
  /** Of a run. */
  readonly outcome?: Run["outcome"];
};

export type Account = {
  readonly value: number;
  readonly cash: number;
  readonly positions: number;
  readonly dailyPnl: number;
  readonly returnPct: number;
  readonly drawdownPct: number;
  readonly maxDrawdownPct: number;
};

export type Truth = {
  readonly day: Day;
  readonly all: readonly Done[];
  /** Of this day so far, and of the last hour. */
  readonly today: readonly Done[];
  readonly lastHour: readonly Done[];
  /** The last run of a job that had ended before a time. */
  readonly lastRun: (
    job: string,
    labels?: Readonly<Record<string, string>>,
    before?: number,
  ) => Run | undefined;
  readonly lastSuccess: Truth["lastRun"];
  /** The reporter's last push of the figures that a scrape before this time has seen. */
  readonly pushSeenAt: (time: number) => number;
  /** When a job's last run ended, of those that a scrape before this time has seen. */
  readonly endSeenAt: (
    job: string,
    labels: Readonly<Record<string, string>>,
    time: number,
  ) => number;
  /** What the reporter said then of the account. */
  readonly accountSeenAt: (time: number) => Account;
  /** The last scrape of the gateway before a time that went well. */
  readonly scrapeBefore: (time: number) => number;
  /** The last evaluation of rules before a time. */
  readonly evaluationBefore: (time: number) => number;
  /** Whether the figures of the account were taken for stale then. */
  readonly isOverdueAt: (time: number) => boolean;
};

/** As the catalogue has it, seconds. */
export const REPORTER_MAX_AGE = 300;

export const SYSTEM_JOB = "ai-trading-system";

/** @param evaluatedAt when rules were evaluated for the last time. */
export function truthOf(day: Day, evaluatedAt: number): Truth {
  const { plan, looks } = day;
  const all: readonly Done[] = [
    ...plan.runs.map(({ job, labels, endsAt, work, outcome }) => {
      return { job, mode: labels.mode, at: endsAt, work, outcome };
    }),
    ...plan.moments.map(({ at, work }) => ({ job: SYSTEM_JOB, mode: "live", at, work })),
    ...looks.map(({ at, isDelivered }) => {
      const outcome = isDelivered ? ("succeeded" as const) : ("failed" as const);
      return { job: "closing_bell_reporter", mode: "", at, work: IDLE, outcome };
    }),
  ];
  const scrapeBefore = (time: number) => {
    let at = Math.floor((time - SCRAPE_OFFSET) / SCRAPE_SECONDS) * SCRAPE_SECONDS + SCRAPE_OFFSET;
    while (at > BEGIN && !plan.isGatewayUpAt(at)) at -= SCRAPE_SECONDS;
    return at > BEGIN ? at : Number.NaN;
  };
  const evaluationBefore = (time: number) =>
    evaluatedAt - Math.ceil((evaluatedAt - time) / EVALUATION_SECONDS) * EVALUATION_SECONDS;
  const pushes = looks.filter(({ isDelivered }) => isDelivered).map(({ at }) => at);
  const lastBefore = (times: readonly number[], time: number) =>
    times.findLast((at) => at < time) ?? Number.NaN;
  const pushSeenAt = (time: number) => lastBefore(pushes, scrapeBefore(time));
  const byEnd = [...plan.runs].sort((a, b) => a.endsAt - b.endsAt);
  const lastRun =
    (outcomes: readonly Run["outcome"][]): Truth["lastRun"] =>
    (job, labels = {}, before = END) =>
      byEnd.findLast(
        (run) =>
          run.job === job &&
          run.endsAt < before &&
          outcomes.includes(run.outcome) &&
          Object.entries(labels).every(([name, value]) => run.labels[name] === value),
      );
  const lookTimes = looks.map(({ at }) => at);
  return {
    day,
    all,
    today: all.filter(({ at }) => at >= MIDNIGHT),
    lastHour: all.filter(({ at }) => at >= END - HOUR),
    lastRun: lastRun(["succeeded", "failed"]),
    lastSuccess: lastRun(["succeeded"]),
    scrapeBefore,
    pushSeenAt,
    endSeenAt: (job, labels, time) => {
      const seenAt = scrapeBefore(time);
      if (job === "closing_bell_reporter") return lastBefore(lookTimes, seenAt);
      return lastRun(["succeeded", "failed"])(job, labels, seenAt)?.endsAt ?? Number.NaN;
    },
    accountSeenAt: (time) => accountAt(day, pushSeenAt(time)),
    evaluationBefore,
    isOverdueAt: (time) => {
      const at = evaluationBefore(time);
      return at - pushSeenAt(at) > REPORTER_MAX_AGE;
    },
  };
}

/** The account by hand: a unit of it, which deposits do not change, and its highest. */
function accountAt({ plan }: Day, time: number): Account {
  const steps = ACCOUNT[plan.kind];
  let [, value, flows] = steps[0] ?? [0, 0, 0];
  let unit = value / TRACKING.startCapital;
  let [peak, deepest, drawdown] = [Math.max(1, unit), 0, 0];
  let [closeValue, closeFlows] = [value, flows];
  for (const [at, nextValue, nextFlows] of steps.slice(1)) {
    if (at > time) break;
    unit *= nextValue / (value + nextFlows - flows);
    [value, flows] = [nextValue, nextFlows];
    if (at < MIDNIGHT) [closeValue, closeFlows] = [value, flows];
    peak = Math.max(peak, unit);
    drawdown = 100 * (unit / peak - 1);
    deepest = Math.min(deepest, drawdown);
  }
  return {
    value,
    cash: value / 10,
    positions: 6,
    dailyPnl: value - closeValue - (flows - closeFlows),
    returnPct: 100 * (unit - 1),
    drawdownPct: drawdown,
    maxDrawdownPct: deepest,
  };
}

/** USD at list price; nothing for what failed, and for what has no price. */
export function costOf({ model, outcome, input, output }: Call): number {
  const price = PRICES[model];
  if (outcome === "failed" || price === undefined) return 0;
  return (input * price.input + output * price.output) / 1e6;
}

export function isUnpriced({ model, outcome }: Call): boolean {
  return outcome === "succeeded" && PRICES[model] === undefined;
}

export function sum(values: readonly number[]): number {
  return values.reduce((total, each) => total + each, 0);
}

export function mean(values: readonly number[]): number {
  return sum(values) / values.length;
}

/** Amounts by name, added up. */
export function tally(
  entries: readonly (readonly [name: string, amount: number])[],
): Readonly<Record<string, number>> {
  const totals: Record<string, number> = {};
  for (const [name, amount] of entries) totals[name] = (totals[name] ?? 0) + amount;
  return totals;
}
