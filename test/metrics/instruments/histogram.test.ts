import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { InvalidMetricError } from "../../../src/errors.ts";
import { Histogram } from "../../../src/metrics/instruments/histogram.ts";

function histogram(buckets: readonly number[], ...labelNames: string[]): Histogram {
  return new Histogram({ name: "h", help: "H.", labelNames, buckets });
}

function samples(of: Histogram) {
  return of.family()?.samples ?? [];
}

const anyNumber = fc.double({ noNaN: true, noDefaultInfinity: true });
const modest = fc.double({ min: -10, max: 10, noNaN: true });
const bounds = (number: fc.Arbitrary<number>) =>
  fc
    .uniqueArray(number, { maxLength: 8, comparator: "IsStrictlyEqual" })
    .map((some) => some.sort((a, b) => a - b));

describe("a histogram", () => {
  test("that observed nothing reports nothing", () => {
    const h = histogram([1], "a");
    h.labels("1");
    expect(h.family()).toBeUndefined();
  });

  test("counts what is at most a bound, cumulatively", () => {
    const h = histogram([1, 2], "a");
    for (const value of [0.5, 1, 1.5, 2, 2.5]) h.observe({ a: "1" }, value);
    h.labels("2").observe(-1);
    expect(h.family()).toEqual({
      type: "histogram",
      name: "h",
      help: "H.",
      samples: [
        {
          labels: { a: "1" },
          buckets: [
            { upperBound: 1, cumulativeCount: 2 },
            { upperBound: 2, cumulativeCount: 4 },
          ],
          count: 5,
          sum: 7.5,
        },
        {
          labels: { a: "2" },
          buckets: [
            { upperBound: 1, cumulativeCount: 1 },
            { upperBound: 2, cumulativeCount: 1 },
          ],
          count: 1,
          sum: -1,
        },
      ],
    });
  });

  test("counts like someone who looks at every value again, any bounds and values", () => {
    const cases = fc.oneof(
      fc.tuple(bounds(anyNumber), fc.array(anyNumber)),
      fc.tuple(bounds(modest), fc.array(modest)),
      bounds(modest).chain((some) =>
        fc.tuple(fc.constant(some), fc.array(fc.constantFrom(...some, 0))),
      ),
    );
    fc.assert(
      fc.property(cases, ([buckets, values]) => {
        const h = histogram(buckets);
        for (const value of values) h.observe(value);
        const expected = {
          labels: {},
          buckets: buckets.map((upperBound) => ({
            upperBound,
            cumulativeCount: values.filter((value) => value <= upperBound).length,
          })),
          count: values.length,
          sum: values.reduce((sum, value) => sum + value, 0),
        };
        expect(samples(h)).toEqual(values.length === 0 ? [] : [expected]);
      }),
      { numRuns: 2000 },
    );
  });

  test("knows a bound of -1 from none: what is above it is above it", () => {
    const h = histogram([-1, 0]);
    h.observe(5);
    expect(samples(h)[0]).toMatchObject({
      buckets: [
        { upperBound: -1, cumulativeCount: 0 },
        { upperBound: 0, cumulativeCount: 0 },
      ],
      count: 1,
    });
  });

  test.each([0, -0])("that observed %p reports it, with the sum 0", (value) => {
    const h = histogram([1]);
    h.observe(value);
    expect(samples(h)).toMatchObject([{ count: 1, sum: 0 }]);
  });

  test("keeps what it had when a value is refused", () => {
    const h = histogram([1]);
    h.observe(0.5);
    expect(() => h.observe(Number.NaN)).toThrow(TypeError);
    expect(() => h.observe(Number.POSITIVE_INFINITY)).toThrow(TypeError);
    expect(samples(h)).toMatchObject([{ count: 1, sum: 0.5 }]);
  });

  test("is zeroed into existence, and never wiped by it", () => {
    const h = histogram([1], "a");
    h.zero({ a: "1" });
    h.observe({ a: "2" }, 3);
    h.zero({ a: "2" });
    const buckets = [{ upperBound: 1, cumulativeCount: 0 }];
    expect(samples(h)).toEqual([
      { labels: { a: "1" }, buckets, count: 0, sum: 0 },
      { labels: { a: "2" }, buckets, count: 1, sum: 3 },
    ]);
  });

  test("without labels observes again after a reset", () => {
    const h = histogram([1]);
    h.observe(1);
    h.reset();
    expect(h.family()).toBeUndefined();
    h.observe(2);
    expect(samples(h)).toMatchObject([{ count: 1, sum: 2 }]);
  });

  test("keeps no hold on the caller's bounds", () => {
    const buckets = [1, 2];
    const h = histogram(buckets);
    buckets[0] = 100;
    h.observe(1.5);
    expect(samples(h)[0]?.buckets.map(({ upperBound }) => upperBound)).toEqual([1, 2]);
  });

  test("absorbs another: together they hold what one would have observed", () => {
    const values = fc.array(fc.tuple(fc.constantFrom("", "a"), fc.integer({ min: -5, max: 5 })));
    fc.assert(
      fc.property(values, values, (here, there) => {
        const [one, other, both] = [1, 2, 3].map(() => histogram([-1, 0, 2], "x")) as [
          Histogram,
          Histogram,
          Histogram,
        ];
        for (const [x, value] of here) one.observe({ x }, value);
        for (const [x, value] of there) other.observe({ x }, value);
        for (const [x, value] of [...here, ...there]) both.observe({ x }, value);
        one.absorb(other);
        expect(one.family()).toEqual(both.family());
      }),
      { numRuns: 1000 },
    );
  });

  test.each<{ name: string; buckets: readonly number[] }>([
    { name: "out of order", buckets: [1, 3, 2] },
    { name: "that come twice", buckets: [1, 1] },
    { name: "that are 0 twice", buckets: [-0, 0] },
    { name: "with the +Inf that is implied", buckets: [1, Number.POSITIVE_INFINITY] },
    { name: "from -Inf", buckets: [Number.NEGATIVE_INFINITY, 1] },
    { name: "with NaN", buckets: [Number.NaN] },
    { name: "with NaN between", buckets: [1, Number.NaN, 2] },
    { name: "as text", buckets: ["1", "2"] as unknown as number[] },
    { name: "with a gap", buckets: [1, undefined, 3] as unknown as number[] },
  ])("refuses bounds $name, and names itself", ({ buckets }) => {
    expect(() => histogram(buckets)).toThrow(InvalidMetricError);
    expect(() => histogram(buckets)).toThrow(/^metric h: buckets must be finite and strictly asc/);
  });

  test.each([[[]], [[0]], [[-2, -1, 0, 5e-324]]])("takes the bounds %p", (buckets) => {
    expect(histogram(buckets).bounds).toEqual(buckets);
  });
});
