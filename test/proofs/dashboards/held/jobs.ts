import { exact, type Held, held, noData } from "../judge.ts";
import { steps } from "../steps.ts";
import { END, MINUTE } from "../times.ts";
import type { Done, Truth } from "../truth.ts";
import { jobAges, pushed, RUN_MARKS, type Table } from "./common.ts";
import { CRITICAL_MARKS, WHAT_IS_WRONG } from "./wrong.ts";

/** The job catalogue, with what it allows, in seconds. */
export type Entry = {
  readonly labels: Readonly<Record<string, string>>;
  readonly maxAge: number;
  readonly maxDuration: number;
  readonly schedule: string;
};

export const ENTRIES: Readonly<Record<string, Entry>> = {
  backtest: {
    labels: { mode: "backtest", strategy: "momentum-20d" },
    // Friday to Monday, a run's own time and an hour: 72 h + 15 min + 1 h and the change of summer time.
    maxAge: 267_300,
    maxDuration: 900,
    schedule: "MON-FRI 17:30 New_York",
  },
  analysis: {
    labels: { mode: "paper" },
    maxAge: 267_300,
    maxDuration: 900,
    schedule: "MON-FRI 09:45 New_York",
  },
  closing_bell_reporter: { labels: {}, maxAge: 300, maxDuration: 60, schedule: "every 1m" },
};

export const NAMES = Object.keys(ENTRIES);

export const entryOf = (name: string): Entry => {
  const entry = ENTRIES[name];
  if (entry === undefined) throw new Error(`no entry ${name}`);
  return entry;
};

/** Of each entry of the catalogue a figure. */
function each(figure: (truth: Truth, name: string, entry: Entry) => number): Held {
  return exact(["job"], (truth) =>
    Object.fromEntries(NAMES.map((name) => [name, figure(truth, name, entryOf(name))])),
  );
}

/** When the last run had ended that rules know of, which are evaluated once a minute. */
export function ended(truth: Truth, name: string, time: number): number {
  return truth.endSeenAt(name, entryOf(name).labels, truth.evaluationBefore(time));
}

/** Numbers of the dashboard's own: 0 succeeded, 3 failed, 5 overdue. */
const STATE = each((truth, name, { labels, maxAge }) => {
  const at = ended(truth, name, END);
  if (END - at > maxAge) return 5;
  return truth.lastRun(name, labels)?.outcome === "failed" ? 3 : 0;
});

function lastSuccess(truth: Truth, name: string, { labels }: Entry): number {
  if (name === "closing_bell_reporter") return truth.pushSeenAt(END);
  return truth.lastSuccess(name, labels)?.endsAt ?? Number.NaN;
}

/** Of runs: how long they were. The reporter's clock stands still while it looks. */
function duration(truth: Truth, name: string, before: number): number {
  const run = truth.lastRun(name, entryOf(name).labels, before);
  return run === undefined ? 0 : run.endsAt - run.startsAt;
}

function runsToday({ today }: Truth, name: string): number {
  return today.filter(({ job, at }) => job === name && at < END - MINUTE).length;
}

/** Evaluations from the first scrape on, and whether the last run was too old then. */
export function evaluations(
  truth: Truth,
  name: string,
): readonly { readonly at: number; readonly isOverdue: boolean }[] {
  const all = [];
  for (let at = truth.evaluationBefore(END); at >= (truth.day.scrapes[0] ?? END); at -= MINUTE) {
    all.push({ at, isOverdue: at - ended(truth, name, at) > entryOf(name).maxAge });
  }
  return all;
}

const OVERDUE: Held = {
  to: "exact",
  problems(shown, truth) {
    const known = new Map(NAMES.map((name) => [name, evaluations(truth, name)]));
    return held(["job"], NAMES, (_, time, name) => {
      const past = (known.get(name) ?? []).filter(({ at }) => at <= time);
      return past.filter(({ isOverdue }) => isOverdue).length / past.length;
    }).problems(shown, truth);
  },
};

const outcomes = ({ job, outcome }: Done) =>
  outcome === undefined ? [] : [[`${job} ${outcome}`, 1] as const];

export const JOBS: Table = {
  "Data age | A": jobAges("analysis", "backtest", "closing_bell_reporter", "execution", "research"),
  "Data age | B": noData("what Prometheus scrapes itself on this day has no runs"),
  "What is wrong | A": WHAT_IS_WRONG,
  "State | A": STATE,
  "Job catalogue | A": STATE,
  "Job catalogue | B": each((truth, name) => END - ended(truth, name, END)),
  "Job catalogue | C": each((truth, name, entry) => 1000 * lastSuccess(truth, name, entry)),
  "Job catalogue | D": each((truth, name, { maxAge }) => 1000 * (ended(truth, name, END) + maxAge)),
  "Job catalogue | E": each((truth, name) => duration(truth, name, END)),
  "Job catalogue | F": each(runsToday),
  "Job catalogue | G": exact(["job", "schedule"], () =>
    Object.fromEntries(NAMES.map((name) => [`${name} ${entryOf(name).schedule}`, 0])),
  ),
  "Age of the last run, of what is allowed | A": held(
    ["job"],
    NAMES,
    (truth, time, name) => (time - ended(truth, name, time)) / entryOf(name).maxAge,
  ),
  "Runs by outcome | A": steps({
    by: ["job", "outcome"],
    amounts: outcomes,
    of: "amount",
    isRounded: true,
    where: ({ job }) => job !== "closing_bell_reporter",
  }),
  "Runs by outcome | B": steps({
    by: ["job", "outcome"],
    amounts: outcomes,
    of: "amount",
    isRounded: true,
    where: ({ job, outcome }) => job === "closing_bell_reporter" && outcome !== "succeeded",
  }),
  "Duration of the last run | A": pushed(
    ["job"],
    NAMES,
    (truth, time, name) =>
      duration(truth, name, truth.scrapeBefore(time)) / entryOf(name).maxDuration,
  ),
  "Time overdue, share of three days | A": OVERDUE,
  "annotation Runs | ": RUN_MARKS,
  "annotation Critical alerts | ": CRITICAL_MARKS,
};
