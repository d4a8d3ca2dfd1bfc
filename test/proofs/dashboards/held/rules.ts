import { type Held, held, type Wanted } from "../judge.ts";
import { BEGIN, HOUR, MINUTE } from "../times.ts";
import { type Done, REPORTER_MAX_AGE, type Truth } from "../truth.ts";
import { CACHING, cost, hitRate, hits, misses, withinAnHour } from "./ai.ts";
import { ENTRIES, ended, entryOf, evaluations, NAMES } from "./jobs.ts";

/*
 * What recording rules are held to, by what they record, over the whole day: figures that panels and
 * alerts are made of.
 */

/** Groups of jobs by `job mode strategy`. */
const GROUPS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "analysis paper": { mode: "paper" },
  "backtest backtest momentum-20d": { mode: "backtest", strategy: "momentum-20d" },
  "backtest backtest reversion-5d": { mode: "backtest", strategy: "reversion-5d" },
  closing_bell_reporter: {},
  "execution live": { mode: "live" },
  "research paper": { mode: "paper" },
};

const BY_GROUP = ["job", "mode", "strategy"] as const;

const jobOf = (name: string) => name.split(" ")[0] ?? "";

function ofGroups(
  value: (
    truth: Truth,
    time: number,
    job: string,
    labels: Readonly<Record<string, string>>,
  ) => Wanted,
): Held {
  return held(BY_GROUP, Object.keys(GROUPS), (truth, time, name) =>
    value(truth, time, jobOf(name), GROUPS[name] ?? {}),
  );
}

function ofEntries(value: (truth: Truth, time: number, name: string) => Wanted): Held {
  return held(["job"], NAMES, value);
}

/** End of the last run, where that was no success. */
function failureSeenAt(
  truth: Truth,
  time: number,
  job: string,
  labels: Readonly<Record<string, string>>,
): number | undefined {
  const end = truth.endSeenAt(job, labels, time);
  if (job === "closing_bell_reporter") {
    const look = truth.day.looks.find(({ at }) => at === end);
    return look?.isDelivered === false ? end : undefined;
  }
  return truth.lastRun(job, labels, truth.scrapeBefore(time))?.outcome === "failed"
    ? end
    : undefined;
}

/** Start of a run that was under way. */
function startSeenAt(
  truth: Truth,
  time: number,
  job: string,
  labels: Readonly<Record<string, string>>,
): number | undefined {
  const seenAt = truth.scrapeBefore(time);
  return truth.day.plan.runs.find(
    (run) =>
      run.job === job &&
      run.startsAt < seenAt &&
      run.endsAt > seenAt &&
      Object.entries(labels).every(([name, value]) => run.labels[name] === value),
  )?.startsAt;
}

/** Of the evaluations in a time before each moment, the share at which a job was overdue. */
function overdueShare(seconds: number): Held {
  return {
    to: "exact",
    problems(shown, truth) {
      const known = new Map(NAMES.map((name) => [name, evaluations(truth, name)]));
      return ofEntries((_, time, name) => {
        const past = (known.get(name) ?? []).filter(({ at }) => at <= time && at >= time - seconds);
        return past.filter(({ isOverdue }) => isOverdue).length / past.length;
      }).problems(shown, truth);
    },
  };
}

const isCaching = ({ job, mode }: Done, name: string) => name === `${job} ${mode}`;

/** An increase, rounded. */
function countedWithinAnHour(
  names: readonly string[],
  count: (done: readonly Done[]) => number,
): Held {
  return withinAnHour(["job", "mode"], names, isCaching, (done, share) => [
    Math.round(count(done)),
    Math.round(count(done) * (1 + share)),
  ]);
}

const COMPLETION: Held = ofGroups((truth, time, job, labels) => truth.endSeenAt(job, labels, time));

const OVERDUE: Held = held(
  BY_GROUP,
  [...Object.keys(GROUPS), "portfolio_reporter live"],
  (truth, time, name) => {
    const job = jobOf(name);
    const end =
      job === "portfolio_reporter"
        ? truth.pushSeenAt(time)
        : truth.endSeenAt(job, GROUPS[name] ?? {}, time);
    const limit =
      { portfolio_reporter: REPORTER_MAX_AGE }[job] ?? ENTRIES[job]?.maxAge ?? UNKNOWN_MAX_AGE;
    return time - end > limit ? time - end : undefined;
  },
);

/** Of jobs in no catalogue: 26 hours. */
const UNKNOWN_MAX_AGE = 26 * HOUR;

export const RECORDED: Readonly<Record<string, Held>> = {
  "job:ai_api_cost_usd:increase1h": withinAnHour(
    ["job"],
    ["analysis", "research"],
    ({ job }, name) => job === name,
    (done, share) => [cost(done), cost(done) * (1 + share)],
  ),
  "job_mode:cache_hits:increase1h": countedWithinAnHour(CACHING, hits),
  "job_mode:cache_misses:increase1h": countedWithinAnHour(
    CACHING.filter((name) => name !== "ai-trading-system live"),
    misses,
  ),
  "job_mode:cache_hits_per_lookups:ratio_increase1h": withinAnHour(
    ["job", "mode"],
    CACHING,
    isCaching,
    (done, share) => {
      const rate = hitRate(done);
      // Of no lookups it is not a number, and nothing is wrong with that.
      return [rate * (1 - share), rate * (1 + share)];
    },
  ),
  "group:batch_job_last_completion_timestamp_seconds:max1h": COMPLETION,
  "group:batch_job_age_seconds:overdue": OVERDUE,
  "group:batch_job_last_failure_timestamp_seconds:max1h": ofGroups(failureSeenAt),
  "group:batch_job_running_start_timestamp_seconds:max1h": ofGroups(startSeenAt),
  "expectation:batch_job_age_seconds:limit": ofEntries((_, __, name) => entryOf(name).maxAge),
  // As long ago as a run may be old, nobody had these expectations: three days, but for the reporter.
  "expectation:batch_job_age_seconds:limit_due": held(
    ["job"],
    ["closing_bell_reporter"],
    (_, time, name) => (time < BEGIN + 10 * MINUTE ? "either" : entryOf(name).maxAge),
  ),
  "expectation:batch_job_last_completion_timestamp_seconds:max": ofEntries((truth, time, name) =>
    ended(truth, name, time),
  ),
  "expectation:batch_job_last_failure_timestamp_seconds:max": ofEntries((truth, time, name) =>
    failureSeenAt(truth, time, name, entryOf(name).labels),
  ),
  "expectation:batch_job_duration_seconds:limit": ofEntries(
    (_, __, name) => entryOf(name).maxDuration,
  ),
  "expectation:batch_job_running_start_timestamp_seconds:min": ofEntries((truth, time, name) =>
    startSeenAt(truth, time, name, entryOf(name).labels),
  ),
  "expectation:batch_job_fresh:bool": ofEntries((truth, time, name) =>
    time - ended(truth, name, time) <= entryOf(name).maxAge ? 1 : 0,
  ),
  "expectation:batch_job_overdue:ratio_avg5m": overdueShare(5 * MINUTE),
  "expectation:batch_job_overdue:ratio_avg30m": overdueShare(30 * MINUTE),
  "expectation:batch_job_overdue:ratio_avg1h": overdueShare(HOUR),
  "expectation:batch_job_overdue:ratio_avg6h": overdueShare(6 * HOUR),
  "expectation:batch_job_overdue:ratio_avg3d": overdueShare(72 * HOUR),
};
