import { bucketOf, exact, type Held, noData } from "../judge.ts";
import { APP_STARTED_AT, SOURCES } from "../plan.ts";
import { perStep, steps } from "../steps.ts";
import { END } from "../times.ts";
import { type Done, mean, type Truth } from "../truth.ts";
import { IDLE } from "../work.ts";
import { CALCULATION, jobAges, QUERY, RUN_MARKS, reported, SWITCH, type Table } from "./common.ts";
import { CRITICAL_MARKS, WHAT_IS_WRONG } from "./wrong.ts";

const isLive = ({ mode }: Done) => mode === "live";

const isUp = ({ day }: Truth, source: (typeof SOURCES)[number]) =>
  day.plan.isUpAt(source, END) ? 1 : 0;

/** Everything that was recorded is in a total as soon as the reporter has looked. */
const NOTHING: Held = exact([], () => ({ "": 0 }));

function quantileOf(bounds: readonly number[]) {
  return (values: readonly number[]): readonly [number, number] => {
    const [least] = bucketOf(0.95 * 0.95, bounds, values);
    const [, most] = bucketOf(Math.min(1, 0.95 * 1.05), bounds, values);
    return [least, most];
  };
}

const queries = ({ work }: Done) => work.queries.map((seconds) => ["", seconds] as const);

/** Of a push nothing is known but when it came and how it was answered. */
const NOBODY: Omit<Done, "mode" | "at"> = { job: "", work: IDLE };

export const HEALTH: Table = {
  "Data age | A": jobAges("closing_bell_reporter", "portfolio_reporter"),
  "Data age | B": noData("nobody scrapes the reporter itself on this day: it serves no /metrics"),
  "Kill Switch Status | A": SWITCH,
  "What is wrong | A": WHAT_IS_WRONG,
  "Database Status | A": exact(["database"], (truth) => ({
    TimescaleDB: isUp(truth, "timescale"),
    Redis: isUp(truth, "redis"),
  })),
  "System Uptime | A": exact(
    [],
    (truth): Readonly<Record<string, number>> =>
      isUp(truth, "app_start") === 1 ? { "": END - APP_STARTED_AT } : {},
  ),
  "Sources | A": exact(["source"], (truth) =>
    Object.fromEntries(SOURCES.map((source) => [source, isUp(truth, source)])),
  ),
  "Gateway | A": exact([], () => ({ "": 1 })),
  "Oldest run waiting | A": exact([], (truth) => ({
    "": END - truth.endSeenAt("closing_bell_reporter", {}, END),
  })),
  "Runs waiting | A": NOTHING,
  "Groups unconfirmed, refused | A": NOTHING,
  "Groups unconfirmed, refused | B": NOTHING,
  "Rejected and dropped today | A": NOTHING,
  "Rejected and dropped today | B": NOTHING,
  "Age of the oldest run waiting | A": reported(
    [],
    [""],
    (truth, time) => time - truth.endSeenAt("closing_bell_reporter", {}, time),
  ),
  "Pushes/min at the gateway, by answer | A": {
    to: "formula",
    problems: (shown, truth) => {
      const firsts = new Set<string>();
      const pushes = truth.day.changes.flatMap(({ at, code, method }): Done[] => {
        const isFirst = !firsts.has(`${code} ${method}`);
        firsts.add(`${code} ${method}`);
        // The gateway shows an answer of a new kind as 1 at once, which no increase can see.
        return isFirst ? [] : [{ ...NOBODY, mode: `${code}`, at }];
      });
      const held = steps({ by: ["code"], amounts: ({ mode }) => [[mode, 1]], of: "perMinute" });
      return held.problems(shown, { ...truth, all: pushes });
    },
  },
  "Time to read each source | A": {
    ...reported(["source"], SOURCES, () => [0, 5]),
    to: "data",
    why: "how long a reading takes is this machine's own: less than what a source is given",
  },
  "Constitution Violations | A": steps({
    by: ["rule_name"],
    amounts: ({ work }) =>
      work.checks.flatMap(({ rule, passed }) => (passed ? [] : [[rule, 1] as const])),
    of: "amount",
    isRounded: true,
    where: isLive,
  }),
  "Feature Store Latency | A": perStep([], queries, quantileOf(QUERY), isLive),
  "Feature Store Latency | B": perStep(
    [],
    queries,
    (values) => [0.9 * mean(values), 1.1 * mean(values)],
    isLive,
  ),
  "Time to calculate a feature, p95 | A": perStep(
    ["feature_name"],
    ({ work }) => work.calculations.map(({ feature, seconds }) => [feature, seconds]),
    quantileOf(CALCULATION),
    isLive,
  ),
  "annotation Runs | ": RUN_MARKS,
  "annotation Critical alerts | ": CRITICAL_MARKS,
};
