import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import {
  applyConstitution,
  type Decided,
  fitsCount,
  fitsSize,
  isConvinced,
  LIMITS,
  type Limits,
  type Portfolio,
} from "../../../src/jobs/analysis/constitution.ts";

const SOME: Portfolio = { cash: 60_000, positions: { AAPL: 15_000, MSFT: 25_000 } };

function buy(ticker: string, conviction = 0.9): Decided {
  return { ticker, action: "BUY", conviction };
}

function sell(ticker: string, conviction = 0.9): Decided {
  return { ticker, action: "SELL", conviction };
}

describe("conviction_threshold", () => {
  test.each<[action: Decided["action"], conviction: number, passed: boolean]>([
    ["BUY", 0.7, true],
    ["BUY", 0.6999, false],
    ["BUY", 1, true],
    ["SELL", 0.6, true],
    ["SELL", 0.5999, false],
    ["HOLD", 0, true],
  ])("%s with %d: %p", (action, conviction, passed) => {
    expect(isConvinced({ action, conviction }, LIMITS)).toBe(passed);
  });
});

describe("max_position_size", () => {
  test.each<[usd: number, value: number, passed: boolean]>([
    [20_000, 100_000, true],
    [20_000.01, 100_000, false],
    // Three tenths are a little more than three times a tenth.
    [0.1 + 0.2, 1.5, true],
    [0, 0, true],
    [1, 0, false],
  ])("%d USD of %d: %p", (usd, value, passed) => {
    expect(fitsSize(usd, value, LIMITS)).toBe(passed);
  });
});

test.each([
  [10, true],
  [11, false],
])("max_positions: %d of ten: %p", (count, passed) => {
  expect(fitsCount(count, LIMITS)).toBe(passed);
});

describe("what would be traded", () => {
  test.each<{
    name: string;
    decided: Decided;
    portfolio?: Portfolio | undefined;
    limits?: Partial<Limits>;
    failed?: string[];
    checked: string[];
    trade: object;
  }>([
    {
      name: "a tenth of the portfolio is bought",
      decided: buy("IBM"),
      checked: ["conviction_threshold", "max_position_size", "max_positions"],
      trade: { action: "BUY", usd: 10_000 },
    },
    {
      name: "no more than there is cash",
      decided: buy("IBM"),
      portfolio: { cash: 500, positions: { AAPL: 15_000 } },
      checked: ["conviction_threshold", "max_position_size", "max_positions"],
      trade: { action: "BUY", usd: 500 },
    },
    {
      name: "nothing without cash, and no rule is at fault",
      decided: buy("IBM"),
      portfolio: { cash: 0, positions: { AAPL: 15_000 } },
      checked: ["conviction_threshold", "max_position_size", "max_positions"],
      trade: { action: "HOLD" },
    },
    {
      name: "not what would make a position too large",
      decided: buy("AAPL"),
      checked: ["conviction_threshold", "max_position_size", "max_positions"],
      failed: ["max_position_size"],
      trade: { action: "HOLD" },
    },
    {
      name: "not one position too many",
      decided: buy("IBM"),
      limits: { positions: 2 },
      checked: ["conviction_threshold", "max_position_size", "max_positions"],
      failed: ["max_positions"],
      trade: { action: "HOLD" },
    },
    {
      name: "more of a position that is open, whatever the number of positions",
      decided: buy("AAPL"),
      limits: { positions: 2, positionShare: 0.5 },
      checked: ["conviction_threshold", "max_position_size", "max_positions"],
      trade: { action: "BUY", usd: 10_000 },
    },
    {
      name: "not what is half-hearted; every rule that fails is told",
      decided: buy("AAPL", 0.5),
      limits: { positions: 0 },
      checked: ["conviction_threshold", "max_position_size", "max_positions"],
      failed: ["conviction_threshold", "max_position_size"],
      trade: { action: "HOLD" },
    },
    {
      name: "all of a position is sold",
      decided: sell("MSFT"),
      checked: ["conviction_threshold"],
      trade: { action: "SELL", usd: 25_000 },
    },
    {
      name: "a position is not sold half-heartedly",
      decided: sell("MSFT", 0.59),
      checked: ["conviction_threshold"],
      failed: ["conviction_threshold"],
      trade: { action: "HOLD" },
    },
    {
      name: "nothing is sold that is not held, even if it is called like a property of all objects",
      decided: sell("constructor"),
      checked: ["conviction_threshold"],
      trade: { action: "HOLD" },
    },
    {
      name: "holding takes no rule",
      decided: { ticker: "AAPL", action: "HOLD", conviction: 0 },
      checked: [],
      trade: { action: "HOLD" },
    },
    {
      name: "without a portfolio conviction alone is checked, and no amount is known",
      decided: buy("AAPL"),
      portfolio: undefined,
      checked: ["conviction_threshold"],
      trade: { action: "BUY" },
    },
  ])("$name", ({ decided, limits, failed = [], checked, trade, ...given }) => {
    const portfolio = "portfolio" in given ? given.portfolio : SOME;
    const [planned] = applyConstitution([decided], portfolio, { ...LIMITS, ...limits });
    expect(planned?.trade).toEqual(trade);
    expect(planned?.checks.map(({ rule }) => rule)).toEqual(checked);
    expect(planned?.checks.filter(({ passed }) => !passed).map(({ rule }) => rule)).toEqual(failed);
  });

  test("the strongest purchases get the places that are left, among equals the first", () => {
    const decisions = [buy("A", 0.8), buy("B", 0.9), sell("AAPL"), buy("C", 0.95), buy("D", 0.9)];
    const planned = applyConstitution(decisions, SOME, { ...LIMITS, positions: 4 });
    expect(planned.map(({ trade }) => trade.action)).toEqual([
      "HOLD",
      "BUY",
      "SELL",
      "BUY",
      "HOLD",
    ]);
  });

  test("cash is spent once, and what a sale would bring is not spent", () => {
    const portfolio = { cash: 15_000, positions: { AAPL: 85_000 } };
    const decisions = [buy("A"), buy("B"), buy("C"), sell("AAPL", 1)];
    const planned = applyConstitution(decisions, portfolio, LIMITS);
    expect(planned.map(({ trade }) => trade)).toEqual([
      { action: "BUY", usd: 10_000 },
      { action: "BUY", usd: 5000 },
      { action: "HOLD" },
      { action: "SELL", usd: 85_000 },
    ]);
  });

  test("keeps the constitution, whatever is decided and held", () => {
    const ticker = fc.constantFrom("A", "B", "C", "D", "E", "F", "__proto__");
    const usd = fc.oneof(fc.constant(0), fc.double({ min: 0, max: 1e9, noNaN: true }));
    const share = fc.double({ min: 0, max: 1, noNaN: true });
    const decided = fc.record({
      ticker,
      action: fc.constantFrom("BUY" as const, "SELL" as const, "HOLD" as const),
      conviction: share,
    });
    const held = fc.dictionary(ticker, usd);
    const limits = fc.record({
      buyConviction: share,
      sellConviction: share,
      positionShare: share,
      positions: fc.nat(6),
      orderShare: share,
    });
    fc.assert(
      fc.property(
        fc.uniqueArray(decided, { selector: (one) => one.ticker }),
        fc.option(fc.record({ cash: usd, positions: held }), { nil: undefined }),
        limits,
        (decisions, portfolio, limit) => {
          const planned = applyConstitution(decisions, portfolio, limit);
          expect(planned).toHaveLength(decisions.length);
          const positions = new Map(Object.entries(portfolio?.positions ?? {}));
          const before = [...positions.values()].filter((each) => each > 0).length;
          const value = [...positions.values()].reduce(
            (sum, each) => sum + each,
            portfolio?.cash ?? 0,
          );
          let spent = 0;
          let bought = 0;
          for (const [index, { checks, trade }] of planned.entries()) {
            const decision = decisions[index];
            if (decision === undefined) throw new Error("there is no such decision");
            // A trade is what was decided, or none; and none that a rule forbids.
            if (trade.action === "HOLD") continue;
            expect(trade.action).toBe(decision.action);
            expect(checks.every(({ passed }) => passed)).toBe(true);
            const least = trade.action === "BUY" ? limit.buyConviction : limit.sellConviction;
            expect(decision.conviction).toBeGreaterThanOrEqual(least);
            if (portfolio === undefined) continue;
            const own = positions.get(decision.ticker) ?? 0;
            expect(trade.usd).toBeGreaterThan(0);
            if (trade.action === "SELL") expect(trade.usd).toBe(own);
            else {
              spent += trade.usd ?? 0;
              if (own === 0) bought++;
              expect(own + (trade.usd ?? 0)).toBeLessThanOrEqual(
                value * limit.positionShare * (1 + 1e-8),
              );
            }
          }
          expect(spent).toBeLessThanOrEqual((portfolio?.cash ?? 0) * (1 + 1e-9));
          if (bought > 0) expect(before + bought).toBeLessThanOrEqual(limit.positions);
        },
      ),
      { numRuns: 1000 },
    );
  });
});
