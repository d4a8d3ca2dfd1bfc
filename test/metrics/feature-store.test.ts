import { setImmediate as turn } from "node:timers/promises";
import { describe, expect, test } from "@jest/globals";
import { withMetricSet } from "../../src/metrics/current.ts";
import {
  recordCacheHit,
  recordCacheMiss,
  trackFeatureCalculation,
  trackFeatureQuery,
  updateCacheMetrics,
} from "../../src/metrics/feature-store.ts";
import { createMetricSet } from "../../src/metrics/metric-set.ts";
import { exposed, exposedCounts } from "./exposed.ts";

const trackers = [
  {
    name: "a feature's calculation",
    track: <T>(fn: () => T) => trackFeatureCalculation("mom_20d", fn),
    counted: 'feature_calculation_latency_seconds_count{feature_name="mom_20d"} 1',
  },
  {
    name: "a feature store's query",
    track: trackFeatureQuery,
    counted: "feature_store_query_latency_seconds_count 1",
  },
];

describe.each(trackers)("$name", ({ track, counted }) => {
  test("that is synchronous gives back its value, at once", () => {
    const set = createMetricSet();
    const value = { momentum: 0.1 };
    expect(withMetricSet(set, () => track(() => value))).toBe(value);
    expect(exposedCounts(set)).toEqual([counted]);
  });

  test("that is synchronous and throws is measured, and its error is its own", () => {
    const set = createMetricSet();
    const broken = new Error("no prices");
    const act = () => {
      throw broken;
    };
    expect(() => withMetricSet(set, () => track(act))).toThrow(broken);
    expect(exposedCounts(set)).toEqual([counted]);
  });

  test("that is asynchronous is measured until it settles", async () => {
    const set = createMetricSet();
    let finish: (value: number) => void = () => undefined;
    const pending = withMetricSet(set, () =>
      track(() => new Promise<number>((resolve) => (finish = resolve))),
    );
    await turn();
    expect(set.families()).toEqual([]);
    finish(7);
    await expect(pending).resolves.toBe(7);
    expect(exposedCounts(set)).toEqual([counted]);
  });

  test("that rejects is measured, and its error is its own", async () => {
    const set = createMetricSet();
    const broken = new Error("no prices");
    const act = async () => {
      await turn();
      throw broken;
    };
    await expect(withMetricSet(set, () => track(act))).rejects.toBe(broken);
    expect(exposedCounts(set)).toEqual([counted]);
  });

  test("is told to the run that it was started in, wherever it is awaited", async () => {
    const [starter, other] = [createMetricSet(), createMetricSet()];
    const pending = withMetricSet(starter, () => track(() => turn(1)));
    await withMetricSet(other, () => pending);
    expect(exposedCounts(starter)).toEqual([counted]);
    expect(other.families()).toEqual([]);
  });

  test("that is lazy, as a query builder is, is not started by measuring it", () => {
    let started = false;
    const lazy = {
      // biome-ignore lint/suspicious/noThenProperty: a query builder is what is meant
      then: () => {
        started = true;
      },
    };
    expect(withMetricSet(createMetricSet(), () => track(() => lazy))).toBe(lazy);
    expect(started).toBe(false);
  });
});

test("a latency is in seconds", async () => {
  const set = createMetricSet();
  const started = performance.now();
  await withMetricSet(set, () => trackFeatureQuery(() => turn()));
  const wholeSeconds = (performance.now() - started) / 1000;
  const sum = exposed(set).find((line) =>
    line.startsWith("feature_store_query_latency_seconds_sum"),
  );
  const seconds = Number(sum?.split(" ")[1]);
  expect(seconds).toBeGreaterThan(0);
  expect(seconds).toBeLessThanOrEqual(wholeSeconds);
});

test("hits are counted by layer, and misses", () => {
  const set = createMetricSet();
  withMetricSet(set, () => {
    recordCacheHit("L1_Redis");
    recordCacheHit("L2_TimescaleDB");
    recordCacheHit("L1_Redis");
    recordCacheMiss();
  });
  expect(exposed(set)).toEqual([
    'cache_hits_total{layer="L1_Redis"} 2',
    'cache_hits_total{layer="L2_TimescaleDB"} 1',
    "cache_misses_total 1",
  ]);
});

describe("the hit rate", () => {
  test.each([
    [{ hits: 950, misses: 50 }, 0.95],
    [{ hits: 0, misses: 3 }, 0],
    [{ hits: 3, misses: 0 }, 1],
  ])("of %j is %p", (traffic, rate) => {
    const set = createMetricSet();
    withMetricSet(set, () => updateCacheMetrics(traffic));
    expect(exposed(set)).toEqual([`cache_hit_rate ${rate}`]);
  });

  test("is not set without traffic: 0 would say that all was missed", () => {
    const set = createMetricSet();
    withMetricSet(set, () => updateCacheMetrics({ hits: 0, misses: 0 }));
    expect(set.families()).toEqual([]);
    expect(set.refusals()).toEqual([]);
  });

  test.each([
    { hits: -1, misses: 2 },
    { hits: 1, misses: -1 },
    { hits: Number.NaN, misses: 1 },
    { hits: 1, misses: Number.POSITIVE_INFINITY },
    { hits: "1", misses: 1 },
    { hits: 1, misses: 1, hit: 1 },
    null,
    undefined,
  ])("of %j is refused, keeps what it was, and throws nothing", (traffic) => {
    const set = createMetricSet();
    withMetricSet(set, () => {
      updateCacheMetrics({ hits: 1, misses: 1 });
      updateCacheMetrics(traffic as never);
    });
    expect(exposed(set)).toEqual(["cache_hit_rate 0.5", "closing_bell_refused_updates_total 1"]);
  });
});
