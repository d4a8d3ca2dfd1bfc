import { describe, expect, test } from "@jest/globals";
import { InvalidInputError } from "../../../src/errors.ts";
import { LEAST_BARS, readFeatures } from "../../../src/jobs/analysis/features.ts";
import { readPrices } from "../../../src/jobs/backtest/prices.ts";
import { withMetricSet } from "../../../src/metrics/current.ts";
import { createMetricSet } from "../../../src/metrics/metric-set.ts";
import { exposedCounts } from "../../metrics/exposed.ts";
import { sp500 } from "../sp500.ts";
import { barsOf } from "./analysis-runs.ts";

describe("features", () => {
  test("of the S&P 500 are those that a second implementation gives", async () => {
    const bars = await readPrices(sp500());
    const { recent } = withMetricSet(createMetricSet(), () => readFeatures(bars));
    // The second implementation was ten lines of Python with the statistics module.
    const expected = [
      ["2020-04-13", 2534.0684692000004, 2899.15437986, 0.018668199654239492, 0.038535402959421594],
      ["2020-04-14", 2557.0649780000003, 2891.56518064, 0.19275152592353662, 0.03874442185585591],
      ["2020-04-15", 2569.773486300001, 2882.25398434, 0.10049469273925116, 0.038824356934084016],
      ["2020-04-16", 2589.84598385, 2872.29318356, 0.16740333372022564, 0.03883820878198159],
      ["2020-04-17", 2613.1044921500006, 2863.09058592, 0.1930655421737506, 0.03901610064991099],
    ] as const;
    expect(recent).toHaveLength(expected.length);
    for (const [index, [day, sma20, sma50, momentum, volatility]] of expected.entries()) {
      expect(recent[index]?.day).toBe(day);
      expect(recent[index]?.sma_20).toBeCloseTo(sma20, 8);
      expect(recent[index]?.sma_50).toBeCloseTo(sma50, 8);
      expect(recent[index]?.mom_20d).toBeCloseTo(momentum, 12);
      expect(recent[index]?.vol_60d).toBeCloseTo(volatility, 12);
    }
  });

  test("are counted as the store's: each is calculated once a day, and found afterwards", () => {
    const set = createMetricSet();
    const bars = barsOf(Array.from({ length: LEAST_BARS }, () => 1.01));
    const { traffic } = withMetricSet(set, () => readFeatures(bars));
    // Daily changes: 20 + 60 queries on 5 days, of 64 different days. The others: one each a day.
    expect(traffic).toEqual({ hits: 5 * 80 - 64, misses: 64 + 4 * 5 });
    expect(exposedCounts(set)).toEqual([
      "cache_misses_total 84",
      'feature_calculation_latency_seconds_count{feature_name="sma_20"} 5',
      'feature_calculation_latency_seconds_count{feature_name="sma_50"} 5',
      'feature_calculation_latency_seconds_count{feature_name="ret_1d"} 64',
      'feature_calculation_latency_seconds_count{feature_name="mom_20d"} 5',
      'feature_calculation_latency_seconds_count{feature_name="vol_60d"} 5',
      "feature_store_query_latency_seconds_count 420",
      // The first layer keeps twenty days: each day but the first finds 20 there, and the days since.
      `cache_hits_total{layer="L2_TimescaleDB"} ${336 - 86}`,
      `cache_hits_total{layer="L1_Redis"} ${20 + 21 + 22 + 23}`,
    ]);
  });

  test("need sixty-five days", () => {
    const bars = barsOf(Array.from({ length: LEAST_BARS - 1 }, () => 1));
    expect(() => readFeatures(bars)).toThrow(InvalidInputError);
    expect(() => readFeatures(bars)).toThrow("there are 64 days of prices, and features need 65");
  });

  test("are refused where prices give none", () => {
    const bars = barsOf(Array.from({ length: LEAST_BARS }, () => 1)).map((bar, index) =>
      index === 30 ? { ...bar, close: 1e308 } : index === 31 ? { ...bar, close: 1e308 } : bar,
    );
    const read = () => withMetricSet(createMetricSet(), () => readFeatures(bars));
    expect(read).toThrow(InvalidInputError);
    expect(read).toThrow("the prices give no sma_50: Infinity");
  });
});
