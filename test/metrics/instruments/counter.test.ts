import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { Counter } from "../../../src/metrics/instruments/counter.ts";
import { outcome, pair } from "./prom-client.ts";

function counter(...labelNames: string[]): Counter {
  return new Counter({ name: "c_total", help: "C.", labelNames });
}

function samples(of: Counter) {
  return of.family()?.samples ?? [];
}

describe("a counter", () => {
  test("that nobody incremented reports nothing", () => {
    const c = counter("a");
    c.labels("1");
    c.labels({ a: "2" });
    expect(c.family()).toBeUndefined();
  });

  test("counts by its forms alike", () => {
    const c = counter("a", "b");
    c.inc({ a: "1", b: "2" });
    c.inc({ b: "2", a: "1" }, 2);
    c.labels("1", "2").inc();
    c.labels({ a: "1", b: "2" }).inc(0.5);
    expect(c.family()).toEqual({
      type: "counter",
      name: "c_total",
      help: "C.",
      samples: [{ labels: { a: "1", b: "2" }, value: 4.5 }],
    });
  });

  test("without labels counts 1 or what it is told", () => {
    const c = counter();
    c.inc();
    c.inc(2);
    c.inc(undefined);
    c.inc({}, 3);
    c.labels().inc();
    expect(samples(c)).toEqual([{ labels: {}, value: 8 }]);
  });

  test.each([0, -0])("incremented by %p reports 0", (by) => {
    const c = counter("a");
    c.inc({ a: "1" }, by);
    c.labels("2").inc(by);
    expect(samples(c)).toEqual([
      { labels: { a: "1" }, value: 0 },
      { labels: { a: "2" }, value: 0 },
    ]);
  });

  test("does not fall, says prom-client's error", () => {
    const { ours, theirs } = pair("counter", ["a"]);
    const refused = outcome(() => theirs.inc({ a: "1" }, -1));
    expect(refused).toBe("Error: It is not possible to decrease a counter");
    expect(outcome(() => ours.inc({ a: "1" }, -1))).toBe(refused);
    expect(outcome(() => ours.labels("1").inc(-1e-300))).toBe(refused);
    expect((ours as unknown as Counter).family()).toBeUndefined();
  });

  test("keeps what it had when an increment is refused", () => {
    const c = counter("a");
    c.inc({ a: "1" }, 3);
    expect(() => c.inc({ a: "1" }, Number.NaN)).toThrow(TypeError);
    expect(() => c.inc({ a: "1" }, -1)).toThrow();
    expect(samples(c)).toEqual([{ labels: { a: "1" }, value: 3 }]);
  });

  test("that has labels does not count without them", () => {
    expect(() => counter("a").inc()).toThrow("Invalid number of arguments (0)");
  });

  test("is zeroed into existence, and never wiped by it", () => {
    const c = counter("a");
    c.zero({ a: "1" });
    c.inc({ a: "2" }, 5);
    c.zero({ a: "2" });
    expect(samples(c)).toEqual([
      { labels: { a: "1" }, value: 0 },
      { labels: { a: "2" }, value: 5 },
    ]);
  });

  test("counts anew after a reset", () => {
    const c = counter();
    c.inc(5);
    c.reset();
    expect(c.family()).toBeUndefined();
    c.inc();
    expect(samples(c)).toEqual([{ labels: {}, value: 1 }]);
  });

  test("gives out plain data that later increments do not change", () => {
    const c = counter();
    c.inc();
    const before = samples(c);
    c.inc();
    expect(before).toEqual([{ labels: {}, value: 1 }]);
  });

  test("absorbs another: together they hold what one would have counted", () => {
    const increments = fc.array(fc.tuple(fc.constantFrom("", "a", "b"), fc.nat({ max: 1000 })));
    fc.assert(
      fc.property(increments, increments, (here, there) => {
        const [one, other, both] = [counter("x"), counter("x"), counter("x")];
        for (const [x, by] of here) one.inc({ x }, by);
        for (const [x, by] of there) other.inc({ x }, by);
        for (const [x, by] of [...here, ...there]) both.inc({ x }, by);
        one.absorb(other);
        expect(one.family()).toEqual(both.family());
      }),
      { numRuns: 1000 },
    );
  });
});
