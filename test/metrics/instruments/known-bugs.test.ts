import { describe, expect, test } from "@jest/globals";
import * as theirs from "prom-client";
import { groupingKey } from "../../../src/grouping-key.ts";
import { Counter } from "../../../src/metrics/instruments/counter.ts";
import { Histogram } from "../../../src/metrics/instruments/histogram.ts";
import { registryFamilies } from "../../../src/metrics/prom-client.ts";
import { expositionOf } from "../../../src/push/body.ts";

/** Defects of prom-client 15.1.3 that would cost a short-lived job its metrics: ours has none of them. */
describe("known bugs of prom-client", () => {
  test("one label object used twice prints the last value under both series, and the push is lost", async () => {
    const text = async (Class: typeof theirs.Counter) => {
      const registry = new theirs.Registry();
      const counter = new Class({
        name: "c_total",
        help: "C.",
        labelNames: ["a"],
        registers: [registry],
      });
      const labels = { a: "1" };
      counter.inc(labels);
      labels.a = "2";
      counter.inc(labels);
      return registry.metrics();
    };
    expect(await text(theirs.Counter)).not.toContain('a="1"');
    const ours = await text(Counter as never);
    expect(ours).toContain('c_total{a="1"} 1\n');
    expect(ours).toContain('c_total{a="2"} 1\n');
  });

  test("label values that hold the key's separators merge two series", () => {
    const counter = new Counter({ name: "c_total", help: "C.", labelNames: ["a", "b"] });
    counter.inc({ a: "BTC|USD", b: "x" });
    counter.inc({ a: "BTC", b: "USD|x" });
    counter.inc({ a: "1,b:2" });
    counter.inc({ a: "1", b: "2" });
    expect(counter.family()?.samples).toHaveLength(4);
  });

  test("inc(NaN) poisons a counter for good", async () => {
    const registers = [new theirs.Registry()];
    const bad = new theirs.Counter({ name: "c_total", help: "C.", registers });
    bad.inc(Number.NaN);
    bad.inc(5);
    expect(await registers[0]?.metrics()).toContain("c_total Nan");
    const counter = new Counter({ name: "c_total", help: "C." });
    expect(() => counter.inc(Number.NaN)).toThrow(TypeError);
    counter.inc(5);
    expect(counter.family()?.samples).toEqual([{ labels: {}, value: 5 }]);
  });

  test("a bound of -1 counts what lies above the top bound", () => {
    const histogram = new Histogram({ name: "pnl_usd", help: "PnL.", buckets: [-1, 0, 1] });
    histogram.observe(5);
    expect(histogram.family()?.samples).toMatchObject([
      {
        buckets: [
          { upperBound: -1, cumulativeCount: 0 },
          { upperBound: 0, cumulativeCount: 0 },
          { upperBound: 1, cumulativeCount: 0 },
        ],
        count: 1,
      },
    ]);
  });

  test.each([
    { name: "unsorted", buckets: [2, 1] },
    { name: "given twice", buckets: [1, 1] },
    { name: "infinite", buckets: [1, Number.POSITIVE_INFINITY] },
    { name: "no number", buckets: [Number.NaN] },
  ])("bounds that are $name are accepted", ({ buckets }) => {
    const registers: never[] = [];
    expect(
      () => new theirs.Histogram({ name: "h", help: "H.", buckets: [...buckets], registers }),
    ).not.toThrow();
    expect(() => new Histogram({ name: "h", help: "H.", buckets })).toThrow("strictly ascending");
  });

  test("an undefined label prints as text, and an empty one is another series than a missing one", () => {
    const counter = new Counter({ name: "c_total", help: "C.", labelNames: ["a"] });
    counter.inc({ a: undefined });
    counter.inc({ a: "" });
    counter.inc({});
    expect(counter.family()?.samples).toEqual([{ labels: {}, value: 3 }]);
  });

  test("a label value that is no string is not escaped, and breaks the text", async () => {
    const registry = new theirs.Registry();
    const counter = new Counter({
      name: "c_total",
      help: "C.",
      labelNames: ["a"],
      registers: [registry],
    });
    counter.inc({ a: ['a"b'] as never });
    counter.inc({ a: 7 });
    expect(await registry.metrics()).toContain('c_total{a="a\\"b"} 1\nc_total{a="7"} 1\n');
  });

  test("a histogram without labels vanishes at a reset", async () => {
    const exposed = async (Class: typeof theirs.Histogram) => {
      const registry = new theirs.Registry();
      new Class({ name: "h", help: "H.", buckets: [1], registers: [registry] }).observe(1);
      registry.resetMetrics();
      return (await registry.metrics()).includes("h_count 0");
    };
    expect(await exposed(theirs.Histogram)).toBe(false);
    expect(await exposed(Histogram as never)).toBe(true);
  });

  test("zero() wipes a live series", () => {
    const histogram = new Histogram({ name: "h", help: "H.", labelNames: ["a"], buckets: [1] });
    histogram.observe({ a: "x" }, 1);
    histogram.zero({ a: "x" });
    expect(histogram.family()?.samples).toMatchObject([{ count: 1 }]);
  });

  test("counters of an OpenMetrics registry arrive untyped, and under another name", async () => {
    const registry = new theirs.Registry();
    registry.setContentType(theirs.Registry.OPENMETRICS_CONTENT_TYPE as never);
    new theirs.Counter({ name: "rows_total", help: "Rows.", registers: [registry] }).inc(7);
    // Its own text takes the ending away, and keeps the metric without it.
    await registry.metrics();
    const families = await registryFamilies(registry);
    expect(families).toMatchObject([
      { type: "counter", name: "rows_total", samples: [{ value: 7 }] },
    ]);
    const body = expositionOf(groupingKey("nightly"), families);
    expect(body.bytes.toString()).toBe(
      "# HELP rows_total Rows.\n# TYPE rows_total counter\nrows_total 7\n",
    );
  });
});
