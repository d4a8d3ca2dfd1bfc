import { exact, type Held, held, type Wanted } from "../judge.ts";
import { LOOKBACK_SECONDS } from "../store.ts";
import { END, HOUR, MIDNIGHT } from "../times.ts";
import { SYSTEM_JOB, type Truth } from "../truth.ts";

/** What the queries of a dashboard's panels are held to, by title and query: `Data age | A`. */
export type Table = Readonly<Record<string, Held>>;

export const TODAY = END - MIDNIGHT;
export const LAST_HOUR = HOUR;

/** Bounds of the histograms, as the original metrics have them. */
export const LATENCY = [0.1, 0.5, 1, 2, 5, 10, 30, 60, 120, 300];
export const QUERY = [0.001, 0.002, 0.005, 0.01, 0.05, 0.1, 0.5, 1];
export const CALCULATION = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5];

/** Of these jobs, how long ago the last run ended; of the reporter, its last push. */
export function jobAges(...jobs: readonly string[]): Held {
  return exact(["job"], (truth) =>
    Object.fromEntries(jobs.map((job) => [job, END - lastTold(truth, job)])),
  );
}

function lastTold(truth: Truth, job: string): number {
  if (job === "portfolio_reporter") return truth.pushSeenAt(END);
  return truth.endSeenAt(
    job,
    {},
    job === "closing_bell_reporter" ? truth.evaluationBefore(END) : END,
  );
}

/** Of what Prometheus scrapes itself: since the last scrape. */
export const SCRAPED_AGE = exact(["job"], ({ day }) => ({
  [SYSTEM_JOB]: END - (day.scrapes.at(-1) ?? Number.NaN),
}));

export const SWITCH: Held = exact([], ({ day }) => ({ "": day.plan.isHaltedAt(END) ? 1 : 0 }));

/**
 * The switch over time: halted as long as that is the last that is known; else unknown, -1, when it
 * cannot be read or who reads it is overdue.
 */
export const SWITCH_OVER_TIME: Held = held([], [""], (truth, time) => {
  const { plan, looks } = truth.day;
  const pushedAt = truth.pushSeenAt(time);
  const isReadable = (at: number) => plan.isUpAt("kill_switch", at);
  const readAt = looks.findLast(({ at, isDelivered }) => {
    return isDelivered && at <= pushedAt && isReadable(at);
  })?.at;
  if (readAt === undefined) return undefined;
  if (plan.isHaltedAt(readAt)) return 1;
  return isReadable(pushedAt) && !truth.isOverdueAt(time) ? 0 : -1;
});

/** A figure that is pushed, over time: absent when the gateway is not scraped. */
export function pushed(
  by: readonly string[],
  names: readonly string[],
  value: (truth: Truth, time: number, name: string) => Wanted,
): Held {
  return held(by, names, (truth, time, name) =>
    time - truth.scrapeBefore(time) <= LOOKBACK_SECONDS ? value(truth, time, name) : undefined,
  );
}

/** A figure of the reporter's: absent when it is stale too. */
export function reported(
  by: readonly string[],
  names: readonly string[],
  value: (truth: Truth, time: number, name: string) => Wanted,
): Held {
  return pushed(by, names, (truth, time, name) =>
    truth.isOverdueAt(time) ? undefined : value(truth, time, name),
  );
}

/** Where each run is marked: at its end, and nowhere else. */
export const RUN_MARKS: Held = {
  to: "exact",
  problems: ({ query: { range }, series }, { day }) => {
    const marks = new Map<string, Set<number>>();
    for (const { labels, samples } of series) {
      const ends = new Set(samples.map(({ value }) => value / 1000));
      marks.set(`${labels["job"]} ${labels["strategy"]}`, ends);
    }
    const seen = (time: number) => time > (range?.start ?? END) && time < END;
    const problems: string[] = [];
    for (const { job, labels, endsAt } of day.plan.runs) {
      const isMarked = marks.get(`${job} ${labels["strategy"]}`)?.has(endsAt) === true;
      if (seen(endsAt) && !isMarked) problems.push(`${job} has no mark at ${endsAt}`);
    }
    for (const [name, ends] of marks) {
      const runs = day.plan.runs.filter(
        ({ job, labels }) => `${job} ${labels["strategy"]}` === name,
      );
      for (const end of ends) {
        if (!runs.some(({ endsAt }) => endsAt === end))
          problems.push(`${name} has a mark at ${end}`);
      }
    }
    return problems;
  },
};
