import type { PanelQuery } from "./grafana.ts";
import type { Series } from "./store.ts";
import { SCRAPE_SECONDS } from "./times.ts";
import type { Truth } from "./truth.ts";

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

/** Of sums and products of decimals. */
export const ROUNDING = 1e-9;

/** The labels that tell series apart, as a name. */
export function nameBy(labels: readonly string[]): (series: Series) => string {
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
  seconds: number,
  figures: (truth: Truth) => Figures,
): Held {
  return {
    to: "formula",
    problems: (shown, truth) => {
      const samples = seconds / SCRAPE_SECONDS;
      return compared(shown, by, bounded(figures(truth), ROUNDING, 1.1 / (samples - 1)));
    },
  };
}

/** A ratio of two increases: either may be more than it is by that much. */
export function ratio(
  by: readonly string[],
  seconds: number,
  figures: (truth: Truth) => Figures,
): Held {
  return {
    to: "formula",
    problems: (shown, truth) => {
      const share = 1.1 / (seconds / SCRAPE_SECONDS - 1);
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

export function iso(time: number): string {
  return new Date(time * 1000).toISOString();
}
