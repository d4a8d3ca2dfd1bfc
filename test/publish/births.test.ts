import { describe, expect, test } from "@jest/globals";
import type { MetricFamily } from "../../src/metrics/exposition/family.ts";
import { births, dueTimes, holdSecondsOf, learnShown } from "../../src/publish/births.ts";
import { NOTHING_PUBLISHED, type PublishState } from "../../src/publish/publish-state.ts";
import { counter, gauge, histogram, NIGHT, sampleValue } from "../support/run-records.ts";

const HOLD = 120;

/** What is pushed at a time, in seconds after the start of the night. */
function at(seconds: number, families: readonly MetricFamily[], before: PublishState) {
  return births(families, before, { now: NIGHT + seconds, holdSeconds: HOLD });
}

describe("a counter that is new", () => {
  test("is shown as 0, then with its value once the 0 was held", () => {
    const families = [counter("trades_total", 7)];
    const born = at(0, families, NOTHING_PUBLISHED);
    expect(sampleValue(born.families, "trades_total")).toBe(0);

    const held = born.confirmed(NIGHT + 1);
    expect(sampleValue(at(120.9, families, held).families, "trades_total")).toBe(0);
    expect(sampleValue(at(121, families, held).families, "trades_total")).toBe(7);
  });

  test("is held anew when the gateway did not confirm its 0", () => {
    const families = [counter("trades_total", 7)];
    const { state } = at(0, families, NOTHING_PUBLISHED);
    const { state: later, families: shown } = at(500, families, state);
    expect(sampleValue(shown, "trades_total")).toBe(0);
    expect(later.held.size).toBe(0);
  });

  test("holds back nothing else: label sets are born each for itself", () => {
    const old = { action: "buy" };
    const held = at(0, [counter("trades_total", 1, old)], NOTHING_PUBLISHED).confirmed(NIGHT);
    const both: MetricFamily = {
      type: "counter",
      name: "trades_total",
      samples: [
        { labels: old, value: 3 },
        { labels: { action: "sell" }, value: 5 },
      ],
    };
    const { families } = at(120, [both], held);
    expect(sampleValue(families, "trades_total", old)).toBe(3);
    expect(sampleValue(families, "trades_total", { action: "sell" })).toBe(0);
  });

  test("is the same whatever the order of its labels", () => {
    const first = counter("trades_total", 1, { action: "buy", result: "filled" });
    const second = counter("trades_total", 1, { result: "filled", action: "buy" });
    const held = at(0, [first], NOTHING_PUBLISHED).confirmed(NIGHT);
    expect(at(1, [second], held).isNews).toBe(false);
  });

  test("is another one in another family", () => {
    const held = at(0, [counter("a_total", 1)], NOTHING_PUBLISHED).confirmed(NIGHT);
    expect(at(1, [counter("b_total", 1)], held).isNews).toBe(true);
  });
});

test("its value is noted as shown before the push that shows it, so that it stays if that fails", () => {
  const families = [counter("trades_total", 7)];
  const held = at(0, families, NOTHING_PUBLISHED).confirmed(NIGHT);
  const { state } = at(120, families, held);
  expect(sampleValue(at(120, families, state).families, "trades_total")).toBe(7);
  // Whatever the clock does.
  expect(sampleValue(at(-9999, families, state).families, "trades_total")).toBe(7);
});

test("a histogram's label set is one unit: all of it is 0, then all of it is there", () => {
  const families = [histogram("slippage", [0.5, 1.5, 9])];
  const born = at(0, families, NOTHING_PUBLISHED);
  expect(born.families).toEqual([
    {
      type: "histogram",
      name: "slippage",
      samples: [
        {
          labels: {},
          buckets: [
            { upperBound: 1, cumulativeCount: 0 },
            { upperBound: 2, cumulativeCount: 0 },
          ],
          count: 0,
          sum: 0,
        },
      ],
    },
  ]);
  expect(at(120, families, born.confirmed(NIGHT)).families).toEqual(families);
});

test("gauges and untyped values are shown at once, and nothing is noted of them", () => {
  const families: MetricFamily[] = [
    gauge("portfolio_cash", 7),
    { type: "untyped", name: "x", samples: [{ labels: {}, value: 8 }] },
  ];
  const composed = at(0, families, NOTHING_PUBLISHED);
  expect(composed).toMatchObject({ families, isNews: false, state: { settled: new Set() } });
  expect(composed.confirmed(NIGHT).held.size).toBe(0);
});

test("without a hold, values are shown at once and for good", () => {
  const families = [counter("trades_total", 7), histogram("slippage", [1])];
  const rules = { now: NIGHT, holdSeconds: 0 };
  const composed = births(families, NOTHING_PUBLISHED, rules);
  expect(composed).toMatchObject({ families, isNews: true });
  expect(composed.confirmed(NIGHT)).not.toHaveProperty("hidden");
  // With a hold from then on, they stay.
  expect(at(1, families, composed.state).families).toEqual(families);
});

describe("what is hidden", () => {
  test("are the values that are not 0, with the first and the last time they may be shown", () => {
    const early = [counter("a_total", 1), counter("zero_total", 0)];
    const first = at(0, early, NOTHING_PUBLISHED).confirmed(NIGHT);
    expect(first.hidden).toEqual({ count: 1, since: NIGHT, latest: NIGHT });

    const second = at(50, [...early, histogram("h", [1])], first);
    // Not born yet: it is not hidden before the gateway shows its 0.
    expect(second.state.hidden).toEqual({ count: 1, since: NIGHT, latest: NIGHT });
    const { hidden } = second.confirmed(NIGHT + 50);
    expect(hidden).toEqual({ count: 2, since: NIGHT, latest: NIGHT + 50 });
    expect(dueTimes({ count: 2, since: NIGHT, latest: NIGHT + 50 }, HOLD)).toEqual({
      first: NIGHT + 120,
      last: NIGHT + 170,
    });
  });

  test("is a 0 that gets a value while it is held, and nothing once it was held", () => {
    const zero = at(0, [counter("a_total", 0)], NOTHING_PUBLISHED).confirmed(NIGHT);
    expect(zero).not.toHaveProperty("hidden");
    const value = at(60, [counter("a_total", 5)], zero);
    expect(value.confirmed(NIGHT + 60).hidden).toMatchObject({ count: 1, since: NIGHT });
    expect(at(120, [counter("a_total", 5)], zero).state).not.toHaveProperty("hidden");
  });

  test("is no longer hidden when the clock was ahead and goes back: it is held from then", () => {
    const families = [counter("a_total", 5)];
    const held = at(1e8, families, NOTHING_PUBLISHED).confirmed(NIGHT + 1e8);
    const back = at(0, families, held);
    expect(back.state.hidden).toEqual({ count: 1, since: NIGHT, latest: NIGHT });
    expect(sampleValue(at(120, families, back.state).families, "a_total")).toBe(5);
  });
});

describe("what a gateway was seen to show", () => {
  const families = [counter("a_total", 5), histogram("h", [1])];

  test("with a value goes on with its value", () => {
    const learned = learnShown(NOTHING_PUBLISHED, families, NIGHT);
    expect(at(0, families, learned)).toMatchObject({ families, isNews: false });
  });

  test("as 0 is held from then, and not from later looks", () => {
    const zeros = [counter("a_total", 0), histogram("h", [])];
    const once = learnShown(NOTHING_PUBLISHED, zeros, NIGHT);
    const twice = learnShown(once, zeros, NIGHT + 100);
    expect(sampleValue(at(119, families, twice).families, "a_total")).toBe(0);
    expect(at(120, families, twice).families).toEqual(families);
  });

  test("and not to show, although its 0 was held: its 0 comes again", () => {
    const held = at(0, families, NOTHING_PUBLISHED).confirmed(NIGHT);
    const learned = learnShown(held, [gauge("portfolio_cash", 7)], NIGHT + 120);
    const again = at(120, families, learned);
    expect(sampleValue(again.families, "a_total")).toBe(0);
    expect(again.isNews).toBe(true);
  });

  test("does not take back what was shown with a value", () => {
    const settled = learnShown(NOTHING_PUBLISHED, families, NIGHT);
    const looked = learnShown(settled, [counter("a_total", 0), histogram("h", [])], NIGHT + 1);
    expect(at(1, families, looked).families).toEqual(families);
  });

  test("with a value goes on with it, although its 0 is held here", () => {
    const held = at(0, families, NOTHING_PUBLISHED).confirmed(NIGHT);
    const learned = learnShown(held, families, NIGHT + 60);
    expect(at(60, families, learned).families).toEqual(families);
  });
});

test("a 0 is shown for two scrapes", () => {
  expect([0, 15, 60].map(holdSecondsOf)).toEqual([0, 30, 120]);
});
