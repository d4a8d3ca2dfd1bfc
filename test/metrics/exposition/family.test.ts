import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { METRIC_NAME, seriesCount } from "../../../src/metrics/exposition/family.ts";
import { renderFamilies } from "../../../src/metrics/exposition/render.ts";
import { families } from "./arbitrary.ts";

test("the count of series is the number of lines that are no comment", () => {
  fc.assert(
    fc.property(families(), (some) => {
      const lines = renderFamilies(some).toString().split("\n");
      const series = lines.filter((line) => line !== "" && !/^# (?:HELP|TYPE) /.test(line));
      expect(some.reduce((sum, family) => sum + seriesCount(family), 0)).toBe(series.length);
    }),
    { numRuns: 300 },
  );
});

test("a histogram without its +Inf bucket has one line more than it lists", () => {
  const sample = { labels: {}, count: 1, sum: 1 };
  const finite = { upperBound: 1, cumulativeCount: 1 };
  const infinite = { upperBound: Number.POSITIVE_INFINITY, cumulativeCount: 1 };
  const count = (...buckets: { upperBound: number; cumulativeCount: number }[]) =>
    seriesCount({ type: "histogram", name: "h", samples: [{ ...sample, buckets }] });
  expect([count(), count(finite), count(finite, infinite), count(infinite, finite)]).toEqual([
    3, 4, 4, 4,
  ]);
});

test.each([
  ["a", true],
  ["_a:b9", true],
  [":", true],
  ["", false],
  ["9a", false],
  ["a-b", false],
  ["ä", false],
  ["a\n", false],
])("a metric may be named %j: %s", (name, usable) => {
  expect(METRIC_NAME.test(name)).toBe(usable);
});
