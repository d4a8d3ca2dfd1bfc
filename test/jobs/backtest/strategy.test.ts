import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { type Bar, readPrices } from "../../../src/jobs/backtest/prices.ts";
import { backtestMomentum } from "../../../src/jobs/backtest/strategy.ts";
import { withMetricSet } from "../../../src/metrics/current.ts";
import type { LabelSet } from "../../../src/metrics/exposition/family.ts";
import { createMetricSet, type MetricSet } from "../../../src/metrics/metric-set.ts";
import { exposedCounts } from "../../metrics/exposed.ts";
import { sp500 } from "../sp500.ts";

const OPTIONS = { ticker: "SPX", startCapital: 100_000 };

describe("the backtest of the S&P 500 from 2000 to 2020", () => {
  test("gives the figures that a second implementation of its rules gives", async () => {
    const set = createMetricSet();
    const bars = await readPrices(sp500());
    const result = await withMetricSet(set, () => backtestMomentum(bars, OPTIONS));
    // The second implementation was forty lines of Python; it was run once and agreed to the digit.
    expect(result).toEqual({
      days: 5105,
      trades: 177,
      decisions: 4931,
      violations: 1104,
      killSwitchTrips: 14,
      finalValue: 111268.43014200004,
      cash: 27906.188431000046,
      numPositions: 1,
      dailyPnl: 2175.29028999999,
      totalReturnPct: 11.268430142000053,
      maxDrawdownPct: -17.977485602349585,
    });
    const lines = exposedCounts(set).filter((line) => !line.includes("_bucket{"));
    expect([...lines].sort()).toEqual([
      'agent_conviction_score_count{action="BUY"} 1152',
      'agent_conviction_score_count{action="HOLD"} 3708',
      'agent_conviction_score_count{action="SELL"} 71',
      'agent_conviction_score_sum{action="BUY"} 356.0000000000001',
      'agent_conviction_score_sum{action="HOLD"} 2090.91666666667',
      'agent_conviction_score_sum{action="SELL"} 8.5',
      'agent_decisions_total{ticker="SPX",action="BUY"} 1152',
      'agent_decisions_total{ticker="SPX",action="HOLD"} 3708',
      'agent_decisions_total{ticker="SPX",action="SELL"} 71',
      "cache_hit_rate 0.920674539413132",
      'cache_hits_total{layer="L1_Redis"} 14810',
      'cache_hits_total{layer="L2_TimescaleDB"} 44208',
      "cache_misses_total 5085",
      'constitution_checks_total{rule_name="conviction_threshold",result="FAIL"} 1063',
      'constitution_checks_total{rule_name="conviction_threshold",result="PASS"} 89',
      'constitution_checks_total{rule_name="daily_loss_limit",result="FAIL"} 14',
      'constitution_checks_total{rule_name="daily_loss_limit",result="PASS"} 5091',
      'constitution_checks_total{rule_name="max_drawdown",result="FAIL"} 4',
      'constitution_checks_total{rule_name="max_drawdown",result="PASS"} 5011',
      'constitution_checks_total{rule_name="max_position_size",result="FAIL"} 23',
      'constitution_checks_total{rule_name="max_position_size",result="PASS"} 66',
      'constitution_violations_total{rule_name="conviction_threshold"} 1063',
      'constitution_violations_total{rule_name="daily_loss_limit"} 14',
      'constitution_violations_total{rule_name="max_drawdown"} 4',
      'constitution_violations_total{rule_name="max_position_size"} 23',
      "current_positions_count 1",
      "daily_pnl 2175.29028999999",
      'feature_calculation_latency_seconds_count{feature_name="mom_20d"} 5085',
      "feature_store_query_latency_seconds_count 64103",
      "kill_switch_status 0",
      "max_drawdown_pct -17.977485602349585",
      "portfolio_cash 27906.188431000046",
      "portfolio_total_value 111268.43014200004",
      "total_return_pct 11.268430142000053",
      'trades_total{ticker="SPX",side="BUY"} 89',
      'trades_total{ticker="SPX",side="SELL"} 88',
    ]);
    expect(set.refusals()).toEqual([]);
  });
});

describe("the backtest of any prices", () => {
  test("keeps its books: cash and whole shares are the value, and every count agrees", async () => {
    await fc.assert(
      fc.asyncProperty(
        prices(),
        fc.integer({ min: 100, max: 1_000_000 }),
        async (bars, startCapital) => {
          const set = createMetricSet();
          const result = await withMetricSet(set, () =>
            backtestMomentum(bars, { ticker: "T", startCapital }),
          );
          const lastClose = bars.at(-1)?.close ?? Number.NaN;
          const shares = (result.finalValue - result.cash) / lastClose;
          expect(Math.abs(shares - Math.round(shares))).toBeLessThan(1e-6);
          expect(Math.round(shares) > 0).toBe(result.numPositions === 1);
          if (result.numPositions === 0) expect(result.finalValue).toBe(result.cash);
          expect(result.cash).toBeGreaterThanOrEqual(0);
          expect(result.totalReturnPct).toBeCloseTo(
            (result.finalValue / startCapital - 1) * 100,
            9,
          );
          expect(result.maxDrawdownPct).toBeLessThanOrEqual(0);
          expect(result.maxDrawdownPct).toBeGreaterThanOrEqual(-100);
          expect(result.maxDrawdownPct).toBeLessThanOrEqual(result.totalReturnPct + 1e-9);

          expect(result.days).toBe(bars.length);
          expect(total(set, "trades_total")).toBe(result.trades);
          expect(total(set, "trades_total", { side: "BUY" })).toBe(
            total(set, "trades_total", { side: "SELL" }) + result.numPositions,
          );
          expect(total(set, "agent_decisions_total")).toBe(result.decisions);
          for (const action of ["BUY", "SELL", "HOLD"]) {
            expect(total(set, "agent_conviction_score", { action })).toBe(
              total(set, "agent_decisions_total", { action }),
            );
          }
          expect(total(set, "constitution_violations_total")).toBe(result.violations);
          for (const rule_name of [
            "daily_loss_limit",
            "max_drawdown",
            "conviction_threshold",
            "max_position_size",
          ]) {
            expect(total(set, "constitution_checks_total", { rule_name, result: "FAIL" })).toBe(
              total(set, "constitution_violations_total", { rule_name }),
            );
          }
          const dailyLoss = { rule_name: "daily_loss_limit" };
          expect(total(set, "constitution_checks_total", dailyLoss)).toBe(bars.length);
          expect(total(set, "constitution_violations_total", dailyLoss)).toBe(
            result.killSwitchTrips,
          );
          expect([0, 1]).toContain(total(set, "kill_switch_status"));

          const [hits, misses] = [total(set, "cache_hits_total"), total(set, "cache_misses_total")];
          expect(total(set, "feature_calculation_latency_seconds")).toBe(misses);
          expect(total(set, "feature_store_query_latency_seconds")).toBe(hits + misses);
          const rate = hits + misses === 0 ? 0 : hits / (hits + misses);
          expect(total(set, "cache_hit_rate")).toBe(rate);

          expect(total(set, "portfolio_total_value")).toBe(result.finalValue);
          expect(total(set, "portfolio_cash")).toBe(result.cash);
          expect(total(set, "current_positions_count")).toBe(result.numPositions);
          expect(total(set, "daily_pnl")).toBe(result.dailyPnl);
          expect(total(set, "total_return_pct")).toBe(result.totalReturnPct);
          expect(total(set, "max_drawdown_pct")).toBe(result.maxDrawdownPct);
          expect(set.refusals()).toEqual([]);
        },
      ),
      // Shrinking hundreds of bars takes minutes; the seed in the message is enough to look.
      { numRuns: 150, endOnFailure: true },
    );
  });

  test("is the same each time, but for the latencies", async () => {
    await fc.assert(
      fc.asyncProperty(prices(), async (bars) => {
        const [one, other] = [createMetricSet(), createMetricSet()];
        const results = await Promise.all(
          [one, other].map((set) => withMetricSet(set, () => backtestMomentum(bars, OPTIONS))),
        );
        expect(results[0]).toEqual(results[1]);
        expect(exposedCounts(one)).toEqual(exposedCounts(other));
      }),
      { numRuns: 50, endOnFailure: true },
    );
  });

  test("decides nothing before there are twenty days and twelve weeks to compare", async () => {
    const set = createMetricSet();
    const bars = barsOf(Array.from({ length: 80 }, () => 1.001));
    const result = await withMetricSet(set, () => backtestMomentum(bars, OPTIONS));
    expect(result).toMatchObject({ days: 80, trades: 0, decisions: 0, finalValue: 100_000 });
    expect(set.families().map(({ name }) => name)).not.toContain("cache_hit_rate");
    const longer = barsOf(Array.from({ length: 81 }, () => 1.001));
    const { decisions } = await withMetricSet(set, () => backtestMomentum(longer, OPTIONS));
    expect(decisions).toBe(1);
  });
});

describe("the rules", () => {
  /** Calm, then rising ever faster: the strategy is all in, with 90 % of its capital. */
  const rising = [
    ...Array.from({ length: 81 }, () => 1),
    ...Array.from({ length: 20 }, () => 1.01),
  ];

  async function run(moves: readonly number[]) {
    const set = createMetricSet();
    const result = await withMetricSet(set, () => backtestMomentum(barsOf(moves), OPTIONS));
    return { set, result };
  }

  test("buy on rising prices with conviction, at the next open and with 90 % at most", async () => {
    const { set, result } = await run(rising);
    expect(result).toMatchObject({ trades: 1, numPositions: 1, violations: 1 });
    expect(result.cash).toBeGreaterThan(10_000);
    expect(result.cash).toBeLessThan(10_000 + 200);
    expect(total(set, "constitution_checks_total", { rule_name: "max_position_size" })).toBe(1);
  });

  test("halt and sell on a day that loses 2 % of the equity", async () => {
    const { set, result } = await run([...rising, 0.97]);
    expect(result).toMatchObject({ trades: 2, numPositions: 0, killSwitchTrips: 1 });
    expect(result.finalValue).toBe(result.cash);
    expect(total(set, "kill_switch_status")).toBe(1);
  });

  test("trade on at the next open", async () => {
    const { set, result } = await run([...rising, 0.97, 1]);
    expect(result.killSwitchTrips).toBe(1);
    expect(total(set, "kill_switch_status")).toBe(0);
  });

  test("do not halt on a day that loses less", async () => {
    const { set, result } = await run([...rising, 0.985]);
    expect(result).toMatchObject({ numPositions: 1, killSwitchTrips: 0 });
    expect(total(set, "kill_switch_status")).toBe(0);
  });

  test("sell and stand aside for twenty days when a tenth of the peak is lost", async () => {
    // So far up that twenty days' momentum stays positive, and no day loses 2 % of the equity.
    const slide = Array.from({ length: 15 }, () => 0.985);
    const { set, result } = await run([...rising, ...rising.map(() => 1.01), ...slide]);
    const limit = { rule_name: "max_drawdown", result: "FAIL" };
    expect(total(set, "constitution_checks_total", limit)).toBe(1);
    expect(result).toMatchObject({ numPositions: 0, killSwitchTrips: 0 });
  });

  test("do nothing with prices that stand still", async () => {
    const { set, result } = await run(Array.from({ length: 200 }, () => 1));
    expect(result).toMatchObject({ trades: 0, violations: 0, decisions: 120 });
    expect(total(set, "agent_decisions_total", { action: "HOLD" })).toBe(120);
  });
});

describe("an abort", () => {
  test("before the start ends the backtest with its reason", async () => {
    const reason = new Error("deadline");
    const run = () => backtestMomentum(barsOf([1, 1]), OPTIONS, AbortSignal.abort(reason));
    await expect(withMetricSet(createMetricSet(), run)).rejects.toBe(reason);
  });

  test("by a timer ends it on the way: the loop lets timers fire", async () => {
    const bars = barsOf(Array.from({ length: 2000 }, () => 1.001));
    const [bar] = bars;
    let read = 0;
    const abort = new AbortController();
    const reason = new Error("deadline");
    // Set off inside the loop, as a deadline is; immediates come in the order in which they were set.
    Object.defineProperty(bars, 300, {
      get() {
        setImmediate(() => abort.abort(reason));
        return bar;
      },
    });
    Object.defineProperty(bars, 600, {
      get() {
        read++;
        return bar;
      },
    });
    const run = () => backtestMomentum(bars, OPTIONS, abort.signal);
    await expect(withMetricSet(createMetricSet(), run)).rejects.toBe(reason);
    expect(read).toBe(0);
  });
});

/** Bars of a price that moves by these factors, opening where it closed. */
function barsOf(moves: readonly number[]): Bar[] {
  let price = 100;
  return moves.map((move, day) => {
    const open = price;
    price *= move;
    return { date: dateOf(day), open, close: price };
  });
}

function prices(): fc.Arbitrary<Bar[]> {
  const move = (most: number) => fc.double({ min: 1 - most, max: 1 + most, noNaN: true });
  const calm = fc.record({ overnight: move(0.003), day: move(0.015) });
  const wild = fc.record({ overnight: move(0.1), day: move(0.2) });
  const moves = fc.oneof({ weight: 9, arbitrary: calm }, { weight: 1, arbitrary: wild });
  return fc
    .tuple(
      fc.double({ min: 0.01, max: 50_000, noNaN: true }),
      fc.array(moves, { minLength: 1, maxLength: 260, size: "max" }),
    )
    .map(([start, days]) => {
      let price = start;
      return days.map(({ overnight, day }, index) => {
        const open = price * overnight;
        price = open * day;
        return { date: dateOf(index), open, close: price };
      });
    });
}

function dateOf(day: number): string {
  return new Date(Date.UTC(2000, 0, 3 + day)).toISOString().slice(0, 10);
}

/** Sum over the series that have these labels; of a histogram, how much it observed. */
function total(set: MetricSet, name: string, labels: LabelSet = {}): number {
  const family = set.families().find((candidate) => candidate.name === name);
  if (family === undefined) return 0;
  const samples: readonly { readonly labels: LabelSet; readonly amount: number }[] =
    family.type === "histogram" || family.type === "summary"
      ? family.samples.map((sample) => ({ labels: sample.labels, amount: sample.count }))
      : family.samples.map((sample) => ({ labels: sample.labels, amount: sample.value }));
  return samples
    .filter((sample) => Object.entries(labels).every(([k, v]) => sample.labels[k] === v))
    .reduce((sum, { amount }) => sum + amount, 0);
}
