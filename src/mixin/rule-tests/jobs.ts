import type { Expectation } from "../expectations.ts";
import {
  type Expected,
  fires,
  type Labels,
  never,
  quiet,
  type RuleTest,
  type RuleTestFile,
  series,
} from "../rule-test.ts";
import { humanDuration } from "./sources.ts";

/** An expectation that something can be late for. */
export type Timed = Expectation & { readonly maxAge: number };

const COMPLETION = "batch_job_last_completion_timestamp_seconds";
const SUCCESS = "batch_job_last_success_timestamp_seconds";
const START = "batch_job_last_start_timestamp_seconds";

/** Seconds from the beginning of a test to the moment at which a limit is reached. */
const LEAD = 600;

/**
 * What the catalogue expects, one by one. Time begins at 0 and what happened before has a time below
 * that, so that nobody has to wait for three days.
 */
export function jobTests(expectations: readonly Expectation[]): RuleTestFile {
  const timed = expectations.filter((each): each is Timed => each.maxAge !== undefined);
  const [first] = timed;
  return {
    name: "jobs",
    about:
      "Each expectation of the job catalogue: too old, failing, running too long, late again and again.",
    rules: ["freshness", "jobs"],
    evaluationInterval: "1m",
    tests: [
      ...timed.flatMap((each) => [
        staleTest(each, timed),
        restartTest(each, timed),
        handoverTest(each),
      ]),
      ...expectations.flatMap((each) => [
        failingTest(each),
        neverSucceededTest(each),
        runningTest(each),
      ]),
      ...(first === undefined ? [] : [lateTest(first), justLateTest(first)]),
    ],
  };
}

/** Of all that is expected, and of a group of the same job that is not, only this one stopped. */
function staleTest(dead: Timed, timed: readonly Timed[]): RuleTest {
  const before = LEAD - dead.maxAge;
  return {
    name: `JobStale names ${name(dead)} alone, when its last run is too old, through a scrape that fails, and ends`,
    series: {
      [series(COMPLETION, dead.labels)]: `${before}x11 stale ${before}x6 1200x5`,
      ...others(dead, timed, "0+60x25"),
      ...neighbour(dead),
    },
    expect: [
      ...quiet("JobStale", "10m"),
      ...["11m", "12m"].map((at) => fires("JobStale", at, { labels: firing(dead) })),
      fires("JobStale", "15m", {
        labels: firing(dead),
        summary: `${dead.job} last completed a run ${humanDuration(dead.maxAge + 300)} ago.`,
      }),
      ...quiet("JobStale", "20m"),
    ],
  };
}

/** A group of the same job that differs in one label: alive, and no comfort for the one that is dead. */
function neighbour({
  labels: { job = "", ...labels },
}: Expectation): Readonly<Record<string, string>> {
  const [last] = Object.keys(labels).reverse();
  if (last === undefined) return {};
  return { [series(COMPLETION, { job, ...labels, [last]: `not ${labels[last]}` })]: "0+60x25" };
}

/** The ledger heals a gateway that lost its memory: the push is new then, the completion is not. */
function restartTest(dead: Timed, timed: readonly Timed[]): RuleTest {
  const before = -dead.maxAge - 60;
  return {
    name: `JobStale of ${name(dead)} goes on through two restarts of the gateway, which it is healed after`,
    series: {
      [series(COMPLETION, dead.labels)]: `${before}x9 stale _x2 ${before}x9 stale _x4 ${before}x20`,
      [series("push_time_seconds", dead.labels)]: "0x9 stale _x2 780x9 stale _x4 1680x20",
      ...others(dead, timed, "0+60x50"),
    },
    expect: [
      ...["0m", "9m", "11m", "14m", "25m", "29m", "45m"].map((at) =>
        fires("JobStale", at, { labels: firing(dead) }),
      ),
      never("JobNeverPushed", "45m"),
    ],
  };
}

/** Once its last run is too old, that it failed is no longer the point. */
function handoverTest(each: Timed): RuleTest {
  const before = LEAD * 3 - each.maxAge;
  return {
    name: `JobNotSucceeding of ${name(each)} hands over to JobStale when it is overdue`,
    series: { [series(COMPLETION, each.labels)]: `${before}x40` },
    expect: [
      fires("JobNotSucceeding", "30m", { labels: firing(each) }),
      ...quiet("JobStale", "30m"),
      ...quiet("JobNotSucceeding", "31m"),
      fires("JobStale", "31m", { labels: firing(each) }),
    ],
  };
}

function failingTest(each: Expectation): RuleTest {
  return {
    name: `JobNotSucceeding of ${name(each)} needs 15 minutes without a success, survives a scrape that fails, and ends`,
    series: {
      // Fails again at every look: nothing is overdue.
      [series(COMPLETION, each.labels)]: "0+60x5 stale 420+60x12 1200+60x10",
      [series(SUCCESS, each.labels)]: "0x5 stale 0x12 1200+60x10",
    },
    expect: [
      ...quiet("JobNotSucceeding", "0m", "15m"),
      fires("JobNotSucceeding", "16m", {
        labels: firing(each),
        summary: `${each.job} does not succeed: its run of 1970-01-01 00:16:00 +0000 UTC failed.`,
      }),
      fires("JobNotSucceeding", "19m", { labels: firing(each) }),
      ...quiet("JobNotSucceeding", "20m", "30m"),
    ],
  };
}

function neverSucceededTest(each: Expectation): RuleTest {
  return {
    name: `JobNotSucceeding of ${name(each)} knows a job that never succeeded`,
    series: { [series(COMPLETION, each.labels)]: "0+60x20" },
    expect: [
      ...quiet("JobNotSucceeding", "14m"),
      fires("JobNotSucceeding", "15m", { labels: firing(each) }),
    ],
  };
}

function runningTest(each: Expectation): RuleTest {
  const before = LEAD - each.maxDuration;
  return {
    name: `JobRunningTooLong of ${name(each)} fires when a run does not end, through a scrape that fails, and ends with it`,
    series: {
      [series(START, each.labels)]: `${before}x11 stale ${before}x10`,
      [series(COMPLETION, each.labels)]: `${before - 60}x11 stale ${before - 60}x6 1200x2`,
    },
    expect: [
      ...quiet("JobRunningTooLong", "10m"),
      fires("JobRunningTooLong", "11m", { labels: firing(each) }),
      fires("JobRunningTooLong", "12m", {
        labels: firing(each),
        summary: `${each.job} started ${humanDuration(each.maxDuration + 120)} ago and has not ended.`,
      }),
      ...quiet("JobRunningTooLong", "20m"),
    ],
  };
}

/** Fresh for so many minutes, then late. */
function lateSeries(
  { labels, maxAge }: Timed,
  freshMinutes: number,
): Readonly<Record<string, string>> {
  return { [series(COMPLETION, labels)]: `${freshMinutes * 60 - maxAge}x120` };
}

function lateTest(each: Timed): RuleTest {
  const burn = (at: string, window: string, ...shares: readonly string[]): Expected => ({
    alert: "JobFreshnessBudgetBurn",
    at,
    where: { window },
    firing: shares.map(() => ({ labels: { ...firing(each), window } })),
  });
  return {
    name: `JobFreshnessBudgetBurn of ${name(each)} fires when 14.4 % of an hour were late, and 6 % of six`,
    series: lateSeries(each, 52),
    expect: [
      burn("60m", "1h"),
      burn("62m", "1h", "late"),
      burn("62m", "6h", "late"),
      {
        alert: "JobFreshnessBudgetBurn",
        at: "62m",
        where: { window: "3d" },
        firing: [{ labels: { ...firing(each), severity: "info", window: "3d" } }],
      },
    ],
  };
}

/** Late for one minute of the first hour. */
function justLateTest(each: Timed): RuleTest {
  const before = 59 * 60 - each.maxAge;
  return {
    name: `JobFreshnessBudgetBurn of ${name(each)} leaves a little lateness to the digest, survives a scrape that fails, and ends`,
    series: { [series(COMPLETION, each.labels)]: `${before}x57 stale ${before}x1 3660+60x60` },
    expect: [
      ...quiet("JobFreshnessBudgetBurn", "59m", "1h45m"),
      fires("JobFreshnessBudgetBurn", "1h1m", {
        labels: { ...firing(each), severity: "info", window: "3d" },
        summary: `${each.job} was overdue for 1.613% of the last 3d.`,
      }),
    ],
  };
}

function firing({ labels, severity }: Expectation): Labels {
  return { ...labels, severity };
}

function name({ labels }: Expectation): string {
  return series("", labels);
}

/** Everything else that is expected, at work. */
export function others(
  dead: Timed,
  timed: readonly Timed[],
  values: string,
): Readonly<Record<string, string>> {
  const alive = timed.filter((each) => each !== dead && !isWithin(each, dead));
  return Object.fromEntries(alive.map(({ labels }) => [series(COMPLETION, labels), values]));
}

/** Whether a group of the one would match the other. */
function isWithin(one: Expectation, other: Expectation): boolean {
  return Object.entries(other.labels).every(([label, value]) => one.labels[label] === value);
}
