import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { withMetricSet } from "../../src/metrics/current.ts";
import { createMetricSet } from "../../src/metrics/metric-set.ts";
import { type Portfolio, trackTrade, updatePortfolioMetrics } from "../../src/metrics/trading.ts";
import { exposed } from "./exposed.ts";

describe("trackTrade", () => {
  test("counts by ticker and side; quantity and price make no series", () => {
    const set = createMetricSet();
    withMetricSet(set, () => {
      trackTrade({ ticker: "AAPL", side: "BUY", quantity: 10, fillPrice: 150.25 });
      trackTrade({ ticker: "AAPL", side: "BUY", quantity: 20 });
      trackTrade({ ticker: "AAPL", side: "SELL" });
    });
    expect(exposed(set)).toEqual([
      'trades_total{ticker="AAPL",side="BUY"} 2',
      'trades_total{ticker="AAPL",side="SELL"} 1',
    ]);
  });

  test("throws nothing when there is no trade, and notes it", () => {
    const set = createMetricSet();
    withMetricSet(set, () => trackTrade(undefined as never));
    expect(exposed(set)).toEqual(["closing_bell_refused_updates_total 1"]);
  });
});

const NAMES = {
  totalValue: "portfolio_total_value",
  cash: "portfolio_cash",
  numPositions: "current_positions_count",
  dailyPnl: "daily_pnl",
  totalReturnPct: "total_return_pct",
  maxDrawdownPct: "max_drawdown_pct",
};

describe("updatePortfolioMetrics", () => {
  test("sets each figure in its gauge", () => {
    const set = createMetricSet();
    withMetricSet(set, () =>
      updatePortfolioMetrics({
        totalValue: 105_000,
        cash: -50.5,
        numPositions: 7,
        dailyPnl: 1250.5,
        totalReturnPct: 5,
        maxDrawdownPct: -3.5,
      }),
    );
    expect(exposed(set)).toEqual([
      "portfolio_total_value 105000",
      "portfolio_cash -50.5",
      "current_positions_count 7",
      "daily_pnl 1250.5",
      "total_return_pct 5",
      "max_drawdown_pct -3.5",
    ]);
  });

  test("sets all that is given or, for one that is no number, nothing at all", () => {
    const figure = fc.oneof(
      { weight: 6, arbitrary: fc.double({ noNaN: true, noDefaultInfinity: true }) },
      { weight: 1, arbitrary: fc.constant(undefined) },
      { weight: 1, arbitrary: fc.anything({ withBigInt: true, withNullPrototype: true }) },
    );
    const portfolios = fc.record(
      {
        totalValue: figure,
        cash: figure,
        numPositions: figure,
        dailyPnl: figure,
        totalReturnPct: figure,
        maxDrawdownPct: figure,
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(portfolios, (portfolio) => {
        const set = createMetricSet();
        withMetricSet(set, () => updatePortfolioMetrics(portfolio as Portfolio));
        const given = Object.entries(portfolio).filter(([, value]) => value !== undefined);
        const refused = given.some(([, value]) => !Number.isFinite(value));
        const expected = refused
          ? ["closing_bell_refused_updates_total 1"]
          : given.map(
              ([name, value]) => `${NAMES[name as keyof Portfolio]} ${(value as number) + 0}`,
            );
        expect([...exposed(set)].sort()).toEqual(expected.sort());
      }),
      { numRuns: 1000 },
    );
  });

  test.each<{ name: string; portfolio: unknown; refusal: RegExp }>([
    {
      name: "the figure",
      portfolio: { cash: 1, dailyPnl: Number.NaN },
      refusal: /^updatePortfolioMetrics: dailyPnl is not a number: NaN$/,
    },
    {
      name: "the figure that is null",
      portfolio: { cash: null },
      refusal: /^updatePortfolioMetrics: cash is not a number: null$/,
    },
    {
      name: "the name that it has not",
      portfolio: { cash: 1, total_value: 2 },
      refusal: /^updatePortfolioMetrics: unknown key "total_value"/,
    },
  ])("says $name that it refused", ({ portfolio, refusal }) => {
    const set = createMetricSet();
    withMetricSet(set, () => updatePortfolioMetrics(portfolio as Portfolio));
    expect(set.refusals()).toEqual([expect.stringMatching(refusal)]);
    expect(exposed(set)).toEqual(["closing_bell_refused_updates_total 1"]);
  });
});
