import type { Expectation } from "../expectations.ts";
import { fires, never, quiet, type RuleTest, type RuleTestFile, series } from "../rule-test.ts";
import { runsAfter } from "../schedule.ts";
import { others, type Timed } from "./jobs.ts";

const COMPLETION = "batch_job_last_completion_timestamp_seconds";

/** Seconds between samples and evaluations. */
const STEP = 3600;

/** Longest test, in seconds: as long as a job may wait for its first run, and a day. */
const LONGEST = 11 * 86_400;

/** A completion at every step. */
const HOURLY = `0+${STEP}x${LONGEST / STEP}`;

/** Days on the calendar: weekends, and first runs. Slow steps, for these take a week of time. */
export function calendarTests(expectations: readonly Expectation[]): RuleTestFile {
  const timed = expectations.filter((each): each is Timed => each.maxAge !== undefined);
  return {
    name: "calendar",
    about:
      "A week of the catalogue's jobs, from 1970-01-01, a Thursday: their schedules, and their first runs.",
    rules: ["freshness", "jobs"],
    evaluationInterval: "1h",
    tests: timed.flatMap((each) => [...scheduleTests(each, timed), firstRunTest(each, timed)]),
  };
}

/** On schedule nothing is late; over the longest gap of a week neither; a run that is missed is. */
function scheduleTests(each: Timed, timed: readonly Timed[]): readonly RuleTest[] {
  const { schedule, maxAge } = each;
  if (schedule === undefined || "rate" in schedule) return [];
  const runs = runsAfter(schedule, -1, 200).filter((run) => run < LONGEST - maxAge - STEP);
  const gaps = runs.slice(1).map((run, index) => run - (runs[index] ?? run));
  const longest = gaps.indexOf(Math.max(...gaps));
  const [last, next] = [runs[longest], runs[longest + 1]];
  if (last === undefined || next === undefined || maxAge < next - last) return [];
  const missed = last + maxAge;
  return [
    {
      name: `JobStale is silent while ${each.job} runs on schedule, ${text(last)} to ${text(next)} included`,
      interval: "1h",
      series: {
        [series(COMPLETION, each.labels)]: completions(runs, next + 2 * STEP),
        ...others(each, timed, HOURLY),
      },
      expect: [never("JobStale", minutes(next + 2 * STEP)), never("JobNeverPushed", minutes(next))],
    },
    {
      name: `JobStale fires when ${each.job} misses ${text(next)}`,
      interval: "1h",
      series: {
        [series(COMPLETION, each.labels)]: completions(
          runs.slice(0, longest + 1),
          missed + 4 * STEP,
        ),
      },
      expect: [
        ...quiet("JobStale", minutes(missed - STEP)),
        fires("JobStale", minutes(missed + 2 * STEP), {
          labels: { ...each.labels, severity: each.severity },
        }),
      ],
    },
  ];
}

/** What is new in the catalogue is not late before its time, and then it is. */
function firstRunTest(each: Timed, timed: readonly Timed[]): RuleTest {
  const wait = Math.min(each.maxAge, 10 * 86_400);
  const labels = { ...each.labels, severity: each.severity };
  const after = wait + 4 * STEP;
  const run = Math.ceil(after / STEP) * STEP + STEP;
  return {
    name: `JobNeverPushed of ${each.job} waits for its first run, fires, and ends with it`,
    interval: "1h",
    series: {
      [series(COMPLETION, each.labels)]: `_x${run / STEP} ${run}x4`,
      ...others(each, timed, HOURLY),
    },
    expect: [
      ...quiet("JobNeverPushed", minutes(wait - STEP)),
      fires("JobNeverPushed", minutes(after), {
        labels,
        summary: `No completed run of ${each.job} is known.`,
      }),
      ...quiet("JobNeverPushed", minutes(run + STEP)),
    ],
  };
}

/** The newest completion at every step, up to a time. Of runs that take no time. */
function completions(runs: readonly number[], end: number): string {
  const steps = Math.ceil(end / STEP);
  const newest = Array.from({ length: steps + 1 }, (_, step) => {
    return runs.findLast((run) => run <= step * STEP);
  });
  const pieces: string[] = [];
  for (let from = 0; from <= steps; ) {
    let to = from;
    while (to < steps && newest[to + 1] === newest[from]) to++;
    pieces.push(`${newest[from] ?? "_"}x${to - from}`);
    from = to + 1;
  }
  return pieces.join(" ");
}

/** The last evaluation up to then, as promtool writes a time. */
function minutes(seconds: number): string {
  return `${Math.max(0, Math.floor(seconds / STEP)) * (STEP / 60)}m`;
}

function text(seconds: number): string {
  return `${new Date(seconds * 1000)
    .toUTCString()
    .replace(/ 19\d\d/, "")
    .replace(/:00 GMT$/, " UTC")}`;
}
