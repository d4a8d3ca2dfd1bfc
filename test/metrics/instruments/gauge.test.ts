import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { Gauge } from "../../../src/metrics/instruments/gauge.ts";

function gauge(...labelNames: string[]): Gauge {
  return new Gauge({ name: "g", help: "G.", labelNames });
}

function samples(of: Gauge) {
  return of.family()?.samples ?? [];
}

describe("a gauge", () => {
  test("that nobody set reports nothing, least of all 0", () => {
    const g = gauge();
    g.labels();
    expect(g.family()).toBeUndefined();
  });

  test("holds what it was set to last, by its forms alike", () => {
    const g = gauge("a");
    g.set({ a: "1" }, 5);
    g.labels("1").set(-2.5);
    g.labels({ a: "2" }).set(7);
    g.inc({ a: "2" });
    g.inc({ a: "2" }, 3);
    g.dec({ a: "2" });
    g.dec({ a: "2" }, 0.5);
    g.labels("2").inc();
    g.labels("2").dec(2);
    expect(g.family()).toEqual({
      type: "gauge",
      name: "g",
      help: "G.",
      samples: [
        { labels: { a: "1" }, value: -2.5 },
        { labels: { a: "2" }, value: 8.5 },
      ],
    });
  });

  test("without labels takes a value alone", () => {
    const g = gauge();
    g.set(3);
    g.inc();
    g.inc(2);
    g.dec();
    g.dec(0.5);
    g.set({}, g.labels().value);
    expect(samples(g)).toEqual([{ labels: {}, value: 4.5 }]);
  });

  test.each<{ name: string; act: (g: Gauge) => unknown }>([
    { name: "set to 0", act: (g) => g.set(0) },
    { name: "set to -0", act: (g) => g.set(-0) },
    { name: "raised by 0", act: (g) => g.inc(0) },
    { name: "raised by -0", act: (g) => g.inc(-0) },
    { name: "lowered by 0", act: (g) => g.dec(0) },
    { name: "lowered by -0", act: (g) => g.dec(-0) },
    { name: "raised and lowered", act: (g) => [g.inc(), g.dec()] },
    { name: "set below 0 and raised", act: (g) => [g.set(-1), g.inc()] },
    { name: "a child set to -0", act: (g) => g.labels().set(-0) },
  ])("that was $name reports 0", ({ act }) => {
    const g = gauge();
    act(g);
    expect(samples(g)).toEqual([{ labels: {}, value: 0 }]);
  });

  test("keeps what it had when a value is refused", () => {
    const g = gauge();
    g.set(3);
    for (const act of [g.set, g.inc, g.dec] as ((value: number) => void)[]) {
      expect(() => act.call(g, Number.NaN)).toThrow(TypeError);
    }
    expect(samples(g)).toEqual([{ labels: {}, value: 3 }]);
  });

  test("that has labels is not set without them", () => {
    expect(() => gauge("a").set(1)).toThrow("Invalid number of arguments (0)");
    expect(() => gauge("a").inc()).toThrow("Invalid number of arguments (0)");
  });

  test("is what the last of any changes made it, or absent when there were none", () => {
    const change = fc.tuple(
      fc.constantFrom("set", "inc", "dec" as const),
      fc.double({ min: -1e6, max: 1e6, noNaN: true }),
    );
    fc.assert(
      fc.property(fc.array(change, { maxLength: 10 }), (changes) => {
        const g = gauge();
        let value = 0;
        for (const [method, by] of changes) {
          g[method](by);
          value = { set: by, inc: value + by, dec: value - by }[method];
        }
        expect(samples(g)).toEqual(changes.length === 0 ? [] : [{ labels: {}, value: value + 0 }]);
      }),
      { numRuns: 1000 },
    );
  });

  test("takes from another what it has not, 0 included, and keeps what it has", () => {
    const [one, other] = [gauge("a"), gauge("a")];
    one.set({ a: "both" }, 0);
    other.set({ a: "both" }, 1);
    other.set({ a: "there" }, 0);
    other.labels("nowhere");
    one.absorb(other);
    expect(samples(one)).toEqual([
      { labels: { a: "both" }, value: 0 },
      { labels: { a: "there" }, value: 0 },
    ]);
  });

  test("is absent again after a reset", () => {
    const g = gauge();
    g.set(5);
    g.reset();
    expect(g.family()).toBeUndefined();
  });
});
