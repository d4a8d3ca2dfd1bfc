import { ClosingBellError, InvalidOptionError, messageOf } from "../errors.ts";
import { groupingKey } from "../grouping-key.ts";
import type { Severity } from "./rule.ts";
import { longestGapSeconds, type Schedule, secondsOf } from "./schedule.ts";

/** What is known of the jobs, by name: `jobs` of closing-bell.json. */
export type JobCatalogue = Readonly<Record<string, CatalogueJob>>;

export type CatalogueJob = {
  /** Grouping labels that every run of the job has. */
  readonly labels?: Readonly<Record<string, string>>;
  readonly mode?: string;
  readonly schedule?: Schedule;
  /** Longest time without a completed run. Default: the longest gap of the schedule, and a grace. */
  readonly maxAge?: string;
  /** Longest time that a run takes. Default 1h. */
  readonly maxDuration?: string;
  /** Default warning. */
  readonly severityOnMiss?: Exclude<Severity, "none">;
  /** Further labels of the groups that are expected, one set each. Default: one, without any. */
  readonly expect?: readonly Readonly<Record<string, string>>[];
};

/** A group that has to be there, and to be renewed. */
export type Expectation = {
  readonly job: string;
  /** Labels of its group, `job` among them. The group may have more of them. */
  readonly labels: Readonly<Record<string, string>>;
  readonly severity: Exclude<Severity, "none">;
  readonly schedule: Schedule | undefined;
  /** Seconds; undefined: it runs when somebody wants it to, and nothing is late. */
  readonly maxAge: number | undefined;
  /** Seconds. */
  readonly maxDuration: number;
};

const DEFAULT_MAX_DURATION = "1h";

/** Labels that alerts have of their own. */
const TAKEN = ["alertname", "severity", "window"];

/**
 * What the catalogue expects, in its order.
 *
 * @throws {InvalidOptionError} for a schedule that is none, or labels that a group cannot have.
 */
export function expectationsOf(catalogue: JobCatalogue): readonly Expectation[] {
  const all = Object.entries(catalogue).flatMap(([name, job]) => {
    try {
      return expectationsOfJob(name, job);
    } catch (error) {
      if (!(error instanceof ClosingBellError)) throw error;
      throw new InvalidOptionError(`jobs.${name}: ${messageOf(error)}`, { cause: error });
    }
  });
  // Twice the same would be the same rule twice.
  return [...new Map(all.map((each) => [selector(each.labels), each])).values()];
}

function expectationsOfJob(name: string, job: CatalogueJob): readonly Expectation[] {
  const { labels, mode, schedule, severityOnMiss = "warning", expect = [{}] } = job;
  const maxAge = maxAgeOf(job);
  const maxDuration = secondsOf(job.maxDuration ?? DEFAULT_MAX_DURATION);
  return expect.map((further) => {
    const given = { ...labels, ...(mode === undefined ? {} : { mode }), ...further };
    const { labels: sorted } = groupingKey(name, given);
    const taken = TAKEN.find((label) => Object.hasOwn(sorted, label));
    if (taken !== undefined) {
      throw new InvalidOptionError(`label ${taken} belongs to alerts and cannot be a job's`);
    }
    return {
      job: name,
      labels: { job: name, ...sorted },
      severity: severityOnMiss,
      schedule,
      maxAge,
      maxDuration,
    };
  });
}

/**
 * The longest gap, a run's own time if it is known, and a grace for starting and publishing: one and a
 * half gaps, so that a job that runs often may miss a run, and an hour at most.
 */
function maxAgeOf({ schedule, maxAge, maxDuration }: CatalogueJob): number | undefined {
  if (maxAge !== undefined) return secondsOf(maxAge);
  if (schedule === undefined) return undefined;
  const gap = longestGapSeconds(schedule);
  const run = maxDuration === undefined ? 0 : secondsOf(maxDuration);
  return Math.ceil(gap + run + Math.max(120, Math.min(1.5 * gap, 3600)));
}

/** Label matchers as PromQL writes them: `{job="backtest",mode="backtest"}`. */
export function selector(labels: Readonly<Record<string, string>>): string {
  const matchers = Object.entries(labels).map(
    ([name, value]) => `${name}=${JSON.stringify(value)}`,
  );
  return `{${matchers.join(",")}}`;
}
