import type { PanelQuery } from "./grafana.ts";
import { SCRAPE_OFFSET, SCRAPE_SECONDS } from "./plan.ts";
import type { Series } from "./store.ts";
import type { Done, Truth } from "./truth.ts";

/*
 * How a query is held to the truth. Each way says what is wrong, in words; nothing is right.
 */

export type Shown = {
  readonly query: Pick<PanelQuery, "range" | "time">;
  readonly series: readonly Series[];
};

/**
 * `exact`: the very figures. `formula`: within what increase() and rate() may add to the figures by
 * supposing that a counter goes on as it did. `data`: there is some, and why no more can be said.
 * `none`: there cannot be any on these days, and why.
 */
export type Held = {
  readonly to: "exact" | "formula" | "data" | "none";
  readonly why?: string;
  readonly problems: (shown: Shown, truth: Truth) => readonly string[];
};

/** Figures by name: `AAPL BUY`, or nothing for the only one. */
export type Figures = Readonly<Record<string, number>>;

/** The first three samples of a series, 0 twice and then a value, in a window of five: 165 / 120 x 5 / 6 - 1. */
const NEW = 0.15;

/** Of sums and products of decimals. */
const ROUNDING = 1e-9;

/** The labels that tell series apart, as a name. */
function nameBy(labels: readonly string[]): (series: Series) => string {
  return (series) =>
    labels
      .map((label) => series.labels[label] ?? "")
      .join(" ")
      .replace(/ +/g, " ")
      .trim();
}

/** Of each series its one value. */
export function exact(by: readonly string[], figures: (truth: Truth) => Figures): Held {
  return {
    to: "exact",
    problems: (shown, truth) => compared(shown, by, bounded(figures(truth), ROUNDING, ROUNDING)),
  };
}

/**
 * An increase over the last `seconds`: of n samples it may be 1.1 / (n - 1) above what was added
 * (`extrapolatedRate` in Prometheus's promql/functions.go), and never below it.
 */
export function increased(
  by: readonly string[],
  seconds: (truth: Truth) => number,
  figures: (truth: Truth) => Figures,
): Held {
  return {
    to: "formula",
    problems: (shown, truth) => {
      const samples = seconds(truth) / SCRAPE_SECONDS;
      return compared(shown, by, bounded(figures(truth), ROUNDING, 1.1 / (samples - 1)));
    },
  };
}

/** A ratio of two increases: either may be more than it is by that much. */
export function ratio(
  by: readonly string[],
  seconds: (truth: Truth) => number,
  figures: (truth: Truth) => Figures,
): Held {
  return {
    to: "formula",
    problems: (shown, truth) => {
      const share = 1.1 / (seconds(truth) / SCRAPE_SECONDS - 1);
      return compared(shown, by, bounded(figures(truth), share, share));
    },
  };
}

export type Bounds = Readonly<Record<string, readonly [least: number, most: number]>>;

/** A quantile: within the bucket in which the true one lies. */
export function quantile(
  q: number,
  bounds: readonly number[],
  observations: (truth: Truth) => readonly number[],
): Held {
  return {
    to: "formula",
    problems: (shown, truth) =>
      compared(shown, [], { "": bucketOf(q, bounds, observations(truth)) }),
  };
}

/** The bucket that holds the observation of that rank. */
export function bucketOf(
  q: number,
  bounds: readonly number[],
  values: readonly number[],
): readonly [number, number] {
  const rank = q * values.length;
  const upper = bounds.findIndex(
    (bound) => values.filter((value) => value <= bound).length >= rank,
  );
  return [bounds[upper - 1] ?? 0, bounds[upper] ?? Number.POSITIVE_INFINITY];
}

export function hasData(why: string): Held {
  return {
    to: "data",
    why,
    problems: ({ series }) => (series.length > 0 ? [] : ["there is no data"]),
  };
}

export function noData(why: string): Held {
  return {
    to: "none",
    why,
    problems: ({ series }) => series.map(({ labels }) => `there is ${JSON.stringify(labels)}`),
  };
}

/** A figure, the least and the most that it may be, absence, or anything. */
export type Wanted = number | readonly [least: number, most: number] | undefined | "either";

/** A gauge over time: at each step what it was then; `undefined` is absent, `either` is not judged. */
export function held(
  by: readonly string[],
  names: readonly string[],
  value: (truth: Truth, time: number, name: string) => Wanted,
): Held {
  return {
    to: "exact",
    problems: ({ query: { range }, series }, truth) => {
      if (range === undefined) return ["is asked at one moment only"];
      const problems: string[] = [];
      const found = new Map(series.map((each) => [nameBy(by)(each), each]));
      for (const name of found.keys()) if (!names.includes(name)) problems.push(`there is ${name}`);
      for (const name of names) {
        const samples = new Map(
          found.get(name)?.samples.map(({ time, value: shown }) => [time, shown]),
        );
        let judged = 0;
        for (let time = range.start; time <= range.end; time += range.step) {
          const wanted = value(truth, time, name);
          if (wanted === "either") continue;
          judged++;
          const shown = samples.get(time);
          if (!isWanted(shown, wanted)) {
            problems.push(`${name} at ${iso(time)} is ${shown}, not ${wanted}`);
          }
        }
        if (judged === 0) problems.push(`${name} was never judged`);
      }
      return problems;
    },
  };
}

export type Steps = {
  readonly by: readonly string[];
  /** What is added, and under which name. */
  readonly amounts: (done: Done) => readonly (readonly [name: string, amount: number])[];
  /** Of what a step shows, how much it stands for: 1, or its minutes. */
  readonly of: "amount" | "perMinute";
  /** Whether it is shown as a whole number. */
  readonly isRounded?: boolean;
  readonly where?: (done: Done) => boolean;
};

/**
 * What counters rose by, step by step: with a window of a step and one scrape each rise falls into one
 * window. A new label set is shown as 0 first, so a rise may come in the next steps: what is shown up to
 * a step is compared with what was done up to it, and up to two steps before.
 */
export function steps({ by, amounts, of, isRounded = false, where = () => true }: Steps): Held {
  return {
    to: "formula",
    problems: ({ query: { range }, series }, { all }) => {
      if (range === undefined) return ["is asked at one moment only"];
      const { start, end, step } = range;
      const windowSamples = step / SCRAPE_SECONDS + 1;
      // A rate is what was added, over the window: less than a step's worth where it is not supposed
      // to have gone on before its first sample, at which it was 0, or after its last.
      const [least, most] =
        of === "amount" ? [1, 1 + 1.1 / (windowSamples - 1)] : [step / (step + SCRAPE_SECONDS), 1];
      const weight = of === "amount" ? 1 : step / 60;
      const whole = isRounded ? Math.round : (value: number) => value;

      const done = new Map<string, Map<number, number>>();
      for (const each of all.filter(where)) {
        const scraped = scrapedAfter(each.at);
        const time = Math.ceil(scraped / step) * step;
        if (time < start || time > end) continue;
        for (const [name, amount] of amounts(each)) {
          const byTime = done.get(name) ?? new Map<number, number>();
          done.set(name, byTime.set(time, (byTime.get(time) ?? 0) + amount));
        }
      }
      const problems: string[] = [];
      const found = new Map(series.map((each) => [nameBy(by)(each), each]));
      for (const [name, { samples }] of found) {
        if (!done.has(name) && samples.some(({ value }) => value > 0))
          problems.push(`there is ${name}`);
      }
      for (const [name, byTime] of done) {
        if (sumOf(byTime) === 0) continue;
        const shown = new Map(
          found.get(name)?.samples.map(({ time, value }) => [time, value * weight]),
        );
        let [total, lower, upper] = [0, 0, 0];
        const first = Math.min(...shown.keys());
        for (let time = start; time <= end + 2 * step; time += step) {
          total += shown.get(time) ?? 0;
          const late = byTime.get(time - 2 * step) ?? 0;
          lower += whole(late * least);
          // Of a series that is new the window has fewer samples, and more is supposed.
          upper += whole((byTime.get(time) ?? 0) * (time <= first + step ? most + NEW : most));
          if (
            total < lower * (1 - ROUNDING) - ROUNDING ||
            total > upper * (1 + ROUNDING) + ROUNDING
          ) {
            problems.push(`${name} up to ${iso(time)} is ${total}, not ${lower} to ${upper}`);
            break;
          }
        }
      }
      return problems;
    },
  };
}

/**
 * Something of the observations of each step, such as their mean, between bounds that follow from them.
 * Steps in which nothing was observed show nothing.
 */
export function perStep(
  by: readonly string[],
  observations: (done: Done) => readonly (readonly [name: string, value: number])[],
  boundsOf: (values: readonly number[]) => readonly [number, number],
  where: (done: Done) => boolean = () => true,
): Held {
  return {
    to: "formula",
    problems: ({ query: { range }, series }, { all }) => {
      if (range === undefined) return ["is asked at one moment only"];
      const { start, end, step } = range;
      const observed = new Map<string, Map<number, number[]>>();
      for (const each of all.filter(where)) {
        const time = Math.ceil(scrapedAfter(each.at) / step) * step;
        if (time < start || time > end) continue;
        for (const [name, value] of observations(each)) {
          const byTime = observed.get(name) ?? new Map<number, number[]>();
          observed.set(name, byTime.set(time, [...(byTime.get(time) ?? []), value]));
        }
      }
      const problems: string[] = [];
      const found = new Map(series.map((each) => [nameBy(by)(each), each]));
      for (const name of found.keys()) if (!observed.has(name)) problems.push(`there is ${name}`);
      for (const [name, byTime] of observed) {
        const shown = new Map(found.get(name)?.samples.map(({ time, value }) => [time, value]));
        for (const [time, value] of shown) {
          // A label set that is new is shown as 0 first, and so a step later.
          const values = [0, 1, 2]
            .map((late) => byTime.get(time - late * step))
            .find((each) => each !== undefined);
          if (values === undefined) {
            problems.push(`${name} at ${iso(time)} is ${value}, though nothing was observed`);
            continue;
          }
          const [least, most] = boundsOf(values);
          if (!(value >= least * (1 - ROUNDING) && value <= most * (1 + ROUNDING))) {
            problems.push(`${name} at ${iso(time)} is ${value}, not ${least} to ${most}`);
          }
        }
        if (shown.size < byTime.size)
          problems.push(`${name} has ${shown.size} of ${byTime.size} points`);
      }
      return problems;
    },
  };
}

function compared({ series }: Shown, by: readonly string[], wanted: Bounds): readonly string[] {
  const problems: string[] = [];
  const found = new Map<string, number>();
  for (const each of series) {
    const name = nameBy(by)(each);
    if (found.has(name)) problems.push(`${name} is there twice`);
    found.set(name, each.samples.at(-1)?.value ?? Number.NaN);
    if (!Object.hasOwn(wanted, name)) problems.push(`there is ${JSON.stringify(each.labels)}`);
  }
  for (const [name, [least, most]] of Object.entries(wanted)) {
    const value = found.get(name);
    if (value === undefined) problems.push(`${name} is absent`);
    else if (!(value >= least && value <= most))
      problems.push(`${name} is ${value}, not ${least} to ${most}`);
  }
  return problems;
}

function bounded(figures: Figures, below: number, above: number): Bounds {
  return Object.fromEntries(
    Object.entries(figures).map(([name, value]) => {
      const room = [value * (1 - below), value * (1 + above)].sort((a, b) => a - b);
      return [name, [(room[0] ?? 0) - ROUNDING, (room[1] ?? 0) + ROUNDING] as const];
    }),
  );
}

/** Not a number is what nobody can know: before the first scrape, or of nothing at all. */
function isWanted(shown: number | undefined, wanted: Exclude<Wanted, "either">): boolean {
  if (wanted !== undefined && Number.isNaN([wanted].flat()[0])) {
    return shown === undefined || Number.isNaN(shown);
  }
  if (shown === undefined || wanted === undefined) return shown === wanted;
  if (typeof wanted === "number") return isNear(shown, wanted);
  return shown >= wanted[0] - ROUNDING && shown <= wanted[1] + ROUNDING;
}

function isNear(value: number, wanted: number): boolean {
  return Math.abs(value - wanted) <= Math.abs(wanted) * ROUNDING + ROUNDING;
}

/** The first scrape after a time. */
export function scrapedAfter(time: number): number {
  return (
    Math.floor((time - SCRAPE_OFFSET) / SCRAPE_SECONDS) * SCRAPE_SECONDS +
    SCRAPE_OFFSET +
    SCRAPE_SECONDS
  );
}

function sumOf(byTime: ReadonlyMap<number, number>): number {
  return [...byTime.values()].reduce((total, each) => total + each, 0);
}

function iso(time: number): string {
  return new Date(time * 1000).toISOString();
}
