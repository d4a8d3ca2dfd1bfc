import { bucketOf, exact, type Held, held, increased, quantile, ratio } from "../judge.ts";
import { perStep, steps } from "../steps.ts";
import { BEGIN, HOUR, MINUTE } from "../times.ts";
import { costOf, type Done, isUnpriced, mean, sum, tally } from "../truth.ts";
import {
  jobAges,
  LAST_HOUR,
  LATENCY,
  RUN_MARKS,
  SCRAPED_AGE,
  type Table,
  TODAY,
} from "./common.ts";
import { CRITICAL_MARKS, WHAT_IS_WRONG } from "./wrong.ts";

const calls = (done: readonly Done[]) => done.flatMap(({ work }) => work.calls);
const decisions = (done: readonly Done[]) => done.flatMap(({ work }) => work.decisions);
const seconds = (done: readonly Done[]) => calls(done).map((call) => call.seconds);
export const cost = (done: readonly Done[]) => sum(calls(done).map(costOf));
export const hits = (done: readonly Done[]) =>
  sum(done.map(({ work }) => work.hits.L1_Redis + work.hits.L2_TimescaleDB));
export const misses = (done: readonly Done[]) => sum(done.map(({ work }) => work.misses));
export const hitRate = (done: readonly Done[]) => hits(done) / (hits(done) + misses(done));

/** Whole numbers: rounded, a day's increase is what it should be. */
function band(above: number, upTo: number): Held {
  return exact([], ({ today }) => ({
    "": decisions(today).filter(({ conviction }) => conviction > above && conviction <= upTo)
      .length,
  }));
}

/**
 * Something of what was done within the hour before each moment, as rules record it. Not judged where
 * that begins or ends near something done, nor in the first minutes, which have no hour.
 */
export function withinAnHour(
  by: readonly string[],
  names: readonly string[],
  isOf: (done: Done, name: string) => boolean,
  figure: (done: readonly Done[], share: number) => readonly [number, number] | undefined,
): Held {
  return held(by, names, (truth, time, name) => {
    const at = truth.evaluationBefore(time);
    const begin = Math.max(at - HOUR, BEGIN);
    const own = truth.all.filter((done) => isOf(done, name));
    const isNear = (edge: number) => own.some((done) => Math.abs(done.at - edge) < 3 * MINUTE);
    if (time < BEGIN + 5 * MINUTE || isNear(begin) || isNear(at)) return "either";
    const samples = truth.day.scrapes.filter(
      (scrape) => scrape > begin && scrape <= at && truth.day.plan.isGatewayUpAt(scrape),
    );
    return figure(
      own.filter((done) => done.at > begin && done.at < at),
      1.1 / (samples.length - 1),
    );
  });
}

export const CACHING: readonly string[] = [
  "ai-trading-system live",
  "analysis paper",
  "backtest backtest",
  "execution live",
  "research paper",
];

const q95 = (values: readonly number[]): readonly [number, number] => {
  // Buckets that were 0 before are not supposed to have gone on as the others: ranks shift a little.
  const [least] = bucketOf(0.95 * 0.95, LATENCY, values);
  const [, most] = bucketOf(Math.min(1, 0.95 * 1.05), LATENCY, values);
  return [least, most];
};

const near = (values: readonly number[]): readonly [number, number] => [
  0.95 * mean(values),
  1.05 * mean(values),
];

export const AI: Table = {
  "Data age | A": jobAges("analysis", "backtest", "execution", "research"),
  "Data age | B": SCRAPED_AGE,
  "AI Cost, last hour | A": increased([], LAST_HOUR, ({ lastHour }) => ({ "": cost(lastHour) })),
  "What is wrong | A": WHAT_IS_WRONG,
  "Total AI Cost | A": increased([], TODAY, ({ today }) => ({ "": cost(today) })),
  "Avg API Latency | A": ratio([], TODAY, ({ today }) => ({ "": mean(seconds(today)) })),
  "p95 API Latency | A": quantile(0.95, LATENCY, ({ today }) => seconds(today)),
  "Cache Hit Rate | A": ratio([], TODAY, ({ today }) => ({ "": hitRate(today) })),
  "Calls in trouble | A": ratio([], TODAY, ({ today }) => {
    const failed = calls(today).filter(({ outcome }) => outcome === "failed");
    return { "": failed.length / calls(today).length };
  }),
  "Calls in trouble | B": exact([], ({ today }) => ({
    "": calls(today).filter(isUnpriced).length,
  })),
  "Total AI Cost by model | A": increased(["model_name"], TODAY, ({ today }) =>
    tally(
      calls(today)
        .filter((call) => !isUnpriced(call))
        .map((call) => [call.model, costOf(call)]),
    ),
  ),
  "AI Cost within an hour, by job | A": withinAnHour(
    [],
    [""],
    ({ work }) => work.calls.length > 0,
    (done, share) => [cost(done), cost(done) * (1 + share)],
  ),
  "AI Cost within an hour, by job | B": withinAnHour(
    ["job"],
    ["analysis", "research"],
    ({ job }, name) => job === name,
    (done, share) => (done.length === 0 ? undefined : [cost(done), cost(done) * (1 + share)]),
  ),
  "AI Requests/min | A": steps({
    by: ["model_name"],
    amounts: ({ work }) => work.calls.map(({ model }) => [model, 1]),
    of: "perMinute",
  }),
  "API Latency by model: p95 and mean | A": perStep(
    ["model_name"],
    ({ work }) => work.calls.map((call) => [call.model, call.seconds]),
    q95,
  ),
  "API Latency by model: p95 and mean | B": perStep(
    ["model_name"],
    ({ work }) => work.calls.map((call) => [call.model, call.seconds]),
    near,
  ),
  "Decisions by Action | A": exact(["action"], ({ today }) =>
    tally(decisions(today).map(({ action }) => [action, 1])),
  ),
  "Conviction | A": band(-1, 0.5),
  "Conviction | B": band(0.5, 0.6),
  "Conviction | C": band(0.6, 0.7),
  "Conviction | D": band(0.7, 0.8),
  "Conviction | E": band(0.8, 0.9),
  "Conviction | F": band(0.9, 1),
  "Mean conviction by action | A": perStep(
    ["action"],
    ({ work }) => work.decisions.map(({ action, conviction }) => [action, conviction]),
    near,
  ),
  "Cache Hit Rate within an hour, by job | A": withinAnHour(
    ["job", "mode"],
    CACHING,
    ({ job, mode }, name) => name === `${job} ${mode}`,
    (done, share) =>
      done.length === 0 ? undefined : [hitRate(done) * (1 - share), hitRate(done) * (1 + share)],
  ),
  "Cache lookups/min by layer | A": steps({
    by: ["layer"],
    amounts: ({ work }) => Object.entries(work.hits),
    of: "perMinute",
  }),
  "Cache lookups/min by layer | B": steps({
    by: [],
    amounts: ({ work }) => [["", work.misses]],
    of: "perMinute",
  }),
  "annotation Runs | ": RUN_MARKS,
  "annotation Critical alerts | ": CRITICAL_MARKS,
};
