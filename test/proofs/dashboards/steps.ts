import { type Held, iso, nameBy, ROUNDING } from "./judge.ts";
import { SCRAPE_OFFSET, SCRAPE_SECONDS } from "./times.ts";
import type { Done } from "./truth.ts";

/*
 * How charts of what counters rose by are held to the truth, step by step.
 */

/** The first three samples of a series, 0 twice and then a value, in a window of five: 165 / 120 x 5 / 6 - 1. */
const NEW = 0.15;

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

/** The first scrape after a time. */
function scrapedAfter(time: number): number {
  return (
    Math.floor((time - SCRAPE_OFFSET) / SCRAPE_SECONDS) * SCRAPE_SECONDS +
    SCRAPE_OFFSET +
    SCRAPE_SECONDS
  );
}

function sumOf(byTime: ReadonlyMap<number, number>): number {
  return [...byTime.values()].reduce((total, each) => total + each, 0);
}
