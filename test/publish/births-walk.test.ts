import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { MetricFamily } from "../../src/metrics/exposition/family.ts";
import { births, learnShown } from "../../src/publish/births.ts";
import { NOTHING_PUBLISHED, type PublishState } from "../../src/publish/publish-state.ts";
import { gauge, histogram, NIGHT } from "../support/run-records.ts";

const HOLD = 120;

/** A push's end. Nothing is outstanding when the next begins: the barrier sees to that. */
const OUTCOMES = ["confirmed", "applied, unanswered", "lost", "refused"] as const;

type Outcome = (typeof OUTCOMES)[number];

type Step =
  | { readonly do: "count"; readonly series: number; readonly by: number }
  | {
      readonly do: "push";
      readonly outcome: Outcome;
      readonly looks: boolean;
      /** By which name of the gateway: what is noted is noted per name. */
      readonly name: number;
    }
  /** Time passes; the clock may be set besides. */
  | { readonly do: "wait"; readonly seconds: number; readonly setBy: number }
  | { readonly do: "forget" };

type Rules = {
  readonly clockJumps: readonly number[];
  readonly forgets?: boolean;
  readonly names?: number;
};

/** Label sets of a counter; one more stands for the histogram. */
const ACTIONS = ["buy", "sell", "hold"];

function steps({ clockJumps, forgets = false, names = 1 }: Rules): fc.Arbitrary<readonly Step[]> {
  const push = fc.record({
    do: fc.constant("push" as const),
    outcome: fc.constantFrom(...OUTCOMES),
    // Each publisher looks at a gateway that it has not pushed to; others may.
    looks: names > 1 ? fc.constant(true) : fc.boolean(),
    name: fc.nat(names - 1),
  });
  const count = fc.record({
    do: fc.constant("count" as const),
    series: fc.nat(ACTIONS.length),
    by: fc.nat(3),
  });
  const wait = fc.record({
    do: fc.constant("wait" as const),
    seconds: fc.constantFrom(1, 60, 119, 120, 121),
    setBy: fc.constantFrom(0, 0, ...clockJumps),
  });
  const forget = fc.constant<Step>({ do: "forget" });
  const kinds: fc.Arbitrary<Step>[] = [push, push, count, wait, ...(forgets ? [forget] : [])];
  return fc.array(fc.oneof(...kinds), { minLength: 5, maxLength: 60 });
}

/** What publishers do with one group at one gateway, as `publish-group.ts` does it. */
function walker(names = 1) {
  /** How much was counted; a label set is there once it was touched. */
  const totals = new Map<number, number>();
  const states = new Map<number, PublishState>();
  let shown: readonly MetricFamily[] = [];
  /** Real time, and what the clock is wrong by. */
  let elapsed = 0;
  let wrongBy = 0;
  /** Per series: what the last push showed, and when its 0 was first confirmed or seen. */
  const pushed = new Map<string, number>();
  const confirmedAt = new Map<string, number>();
  const now = () => NIGHT + elapsed + wrongBy;

  function noteZeros(families: readonly MetricFamily[]): void {
    for (const [name] of valuesOf(families)) {
      if (!confirmedAt.has(name)) confirmedAt.set(name, elapsed);
    }
  }

  function push(outcome: Outcome, looks: boolean, name: number): readonly string[] {
    let state = states.get(name) ?? NOTHING_PUBLISHED;
    if (looks || state.unconfirmed !== undefined) {
      state = learnShown(state, shown, now());
      noteZeros(shown);
    }
    const composed = births(familiesOf(totals), state, { now: now(), holdSeconds: HOLD });
    const isApplied = outcome === "confirmed" || outcome === "applied, unanswered";
    // By one name even what is not applied may not fall.
    const first = isApplied || names === 1 ? rise(composed.families) : [];
    if (isApplied) shown = composed.families;
    state = { ...composed.state, unconfirmed: { version: 1, at: now() } };
    if (outcome === "refused") state = composed.state;
    if (outcome === "confirmed") {
      const { unconfirmed: _, ...confirmed } = composed.confirmed(now());
      state = confirmed;
      noteZeros(shown);
    }
    states.set(name, state);
    return first.filter((series) => {
      const since = confirmedAt.get(series);
      return since === undefined || elapsed - since < HOLD;
    });
  }

  /** Notes what is pushed, and gives the series that have a value for the first time. */
  function rise(families: readonly MetricFamily[]): readonly string[] {
    const first: string[] = [];
    for (const [series, value] of valuesOf(families)) {
      const before = pushed.get(series) ?? 0;
      if (value < before) throw new Error(`${series} falls from ${before} to ${value}`);
      if (value > 0 && before === 0) first.push(series);
      pushed.set(series, value);
    }
    return first;
  }

  return {
    totals,
    push,
    values: () => valuesOf(shown),
    take(step: Step): readonly string[] {
      switch (step.do) {
        case "count":
          totals.set(step.series, (totals.get(step.series) ?? 0) + step.by);
          return [];
        case "push":
          return push(step.outcome, step.looks, step.name);
        case "wait":
          elapsed += step.seconds;
          wrongBy += step.setBy;
          return [];
        case "forget":
          shown = [];
          return [];
        default:
          return step satisfies never;
      }
    },
  };
}

describe("whatever happens to pushes", () => {
  test("no value is shown before its 0 was there for the whole hold", () => {
    fc.assert(
      fc.property(steps({ clockJumps: [] }), (walk) => {
        const { take } = walker();
        expect(walk.flatMap(take)).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });

  test("nor when the clock is set back in between", () => {
    fc.assert(
      fc.property(steps({ clockJumps: [-1, -100, -5000] }), (walk) => {
        const { take } = walker();
        expect(walk.flatMap(take)).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });

  test("nothing that is pushed falls, whatever the clock and the gateway's memory do", () => {
    const jumps = [-1e9, -5000, -60, 60, 5000, 1e9];
    fc.assert(
      fc.property(steps({ clockJumps: jumps, forgets: true }), (walk) => {
        const { take } = walker();
        for (const step of walk) take(step);
      }),
      { numRuns: 1000 },
    );
  });

  test("nor by another name of the same gateway, since what it shows is looked at", () => {
    fc.assert(
      fc.property(steps({ clockJumps: [], names: 2 }), (walk) => {
        const { take } = walker(2);
        for (const step of walk) take(step);
      }),
      { numRuns: 1000 },
    );
  });

  test("two confirmed pushes with a hold between them show everything in the end", () => {
    const jumps = [-1e9, -5000, 60, 1e9];
    fc.assert(
      fc.property(steps({ clockJumps: jumps, forgets: true }), (walk) => {
        const { take, push, totals, values } = walker();
        for (const step of walk) take(step);
        push("confirmed", false, 0);
        take({ do: "wait", seconds: HOLD, setBy: 0 });
        push("confirmed", false, 0);
        expect(values()).toEqual(valuesOf(familiesOf(totals)));
      }),
      { numRuns: 500 },
    );
  });
});

function familiesOf(totals: ReadonlyMap<number, number>): readonly MetricFamily[] {
  const samples = ACTIONS.flatMap((action, series) => {
    const value = totals.get(series);
    return value === undefined ? [] : [{ labels: { action }, value }];
  });
  const observed = totals.get(ACTIONS.length);
  return [
    gauge("portfolio_cash", 7),
    { type: "counter", name: "trades_total", samples },
    ...(observed === undefined ? [] : [histogram("slippage", Array(observed).fill(1.5))]),
  ];
}

/** What rises: counters, and of histograms the count, the sum and each bucket. */
function valuesOf(families: readonly MetricFamily[]): readonly (readonly [string, number])[] {
  return families.flatMap((family) => {
    if (family.type === "counter") {
      return family.samples.map(({ labels, value }) => [`${labels["action"]}`, value] as const);
    }
    if (family.type !== "histogram") return [];
    return family.samples.flatMap(({ buckets, count, sum }) => [
      ["count", count] as const,
      ["sum", sum] as const,
      ...buckets.map((each) => [`le ${each.upperBound}`, each.cumulativeCount] as const),
    ]);
  });
}
