import { expect, test } from "@jest/globals";
import { createFeatureCache } from "../../../src/jobs/backtest/feature-cache.ts";
import { withMetricSet } from "../../../src/metrics/current.ts";
import { createMetricSet } from "../../../src/metrics/metric-set.ts";
import { exposedCounts } from "../../metrics/exposed.ts";

test("a feature is calculated once a day, then found in the first layer, later in the second", () => {
  const set = createMetricSet();
  const calculated: number[] = [];
  withMetricSet(set, () => {
    const cache = createFeatureCache("f", (day) => {
      calculated.push(day);
      return day * 10;
    });
    expect(cache.get(0)).toBe(0);
    expect(cache.get(0)).toBe(0);
    for (let day = 1; day <= 20; day++) expect(cache.get(day)).toBe(day * 10);
    // Twenty days later the first layer has forgotten it.
    expect(cache.get(0)).toBe(0);
    expect(cache.get(1)).toBe(10);
    expect(cache.traffic()).toEqual({ hits: 3, misses: 21 });
  });
  expect(calculated).toEqual(Array.from({ length: 21 }, (_, day) => day));
  expect(exposedCounts(set)).toEqual([
    "cache_misses_total 21",
    'feature_calculation_latency_seconds_count{feature_name="f"} 21',
    "feature_store_query_latency_seconds_count 24",
    'cache_hits_total{layer="L1_Redis"} 2',
    'cache_hits_total{layer="L2_TimescaleDB"} 1',
  ]);
});

test("a calculation that throws is a miss, is measured, and is tried again", () => {
  const set = createMetricSet();
  withMetricSet(set, () => {
    let broken = true;
    const cache = createFeatureCache("f", () => {
      if (broken) throw new Error("no prices");
      return 1;
    });
    expect(() => cache.get(0)).toThrow("no prices");
    broken = false;
    expect(cache.get(0)).toBe(1);
    expect(cache.traffic()).toEqual({ hits: 0, misses: 2 });
  });
});
