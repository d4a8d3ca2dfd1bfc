import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { costOf } from "../../src/ai-pricing/price.ts";
import type { AiUsage } from "../../src/ai-pricing/usage.ts";
import { usageOf } from "./usages.ts";

const MODELS = [
  "claude-3-haiku-20240307",
  "claude-haiku-4-5",
  "claude-sonnet-4-5",
  "claude-opus-5",
  "claude-fable-5-1",
  "gpt-4o",
  "gpt-5.4",
  "us.anthropic.claude-haiku-4-5-20251001-v1:0",
  "anthropic/claude-haiku-4.5",
  "mine",
] as const;

const prices = { mine: { input: 0.7, output: 11, cacheRead: 0.01, webSearch: 3 } };

const COUNTS = [
  "input",
  "output",
  "cacheRead",
  "cacheWrite",
  "cacheWrite1h",
  "webSearches",
] as const;

/** Two of them together stay below every tier's limit: 200,000 tokens in. */
const below = fc.nat(20_000);

const usages = fc.record(Object.fromEntries(COUNTS.map((key) => [key, below]))).map(usageOf);

const model = fc.constantFrom(...MODELS);

function usdOf(name: string, usage: AiUsage): number {
  const { usd } = costOf(name, usage, { prices });
  if (usd === undefined) throw new Error(`${name} has no price`);
  return usd;
}

function together(one: AiUsage, other: AiUsage): AiUsage {
  return usageOf(Object.fromEntries(COUNTS.map((key) => [key, one[key] + other[key]])));
}

const RUNS = { numRuns: 500 };

test("two requests cost what one with the counts of both would, below every limit", () => {
  fc.assert(
    fc.property(model, usages, usages, (name, one, other) => {
      expect(usdOf(name, together(one, other))).toBeCloseTo(
        usdOf(name, one) + usdOf(name, other),
        9,
      );
    }),
    RUNS,
  );
});

test("more of anything never costs less", () => {
  const more = fc.record({
    key: fc.constantFrom(...COUNTS),
    by: fc.integer({ min: 1, max: 20_000 }),
  });
  fc.assert(
    fc.property(model, usages, more, (name, usage, { key, by }) => {
      const [less, greater] = [
        usdOf(name, usage),
        usdOf(name, { ...usage, [key]: usage[key] + by }),
      ];
      expect(greater - less).toBeGreaterThanOrEqual(-1e-12);
    }),
    RUNS,
  );
});

test("a batch without searches costs half, to the last digit", () => {
  fc.assert(
    fc.property(model, usages, (name, usage) => {
      const standard = { ...usage, webSearches: 0 };
      expect(usdOf(name, { ...standard, tier: "batch" })).toBe(usdOf(name, standard) / 2);
    }),
    RUNS,
  );
});

test("no cost is less than nothing or not a number, whatever is said of how it was served", () => {
  const count = fc.oneof(below, fc.nat({ max: 2 ** 50 }));
  const words = fc.option(
    fc.oneof(
      fc.constantFrom("batch", "flex", "priority", "fast", "us", "__proto__", "valueOf"),
      fc.string(),
    ),
    { nil: undefined },
  );
  const any = fc.record(Object.fromEntries(COUNTS.map((key) => [key, count])));
  fc.assert(
    fc.property(model, any, words, words, words, (name, counts, tier, speed, geo) => {
      const served = Object.entries({ tier, speed, geo }).filter(([, word]) => word !== undefined);
      const usd = usdOf(name, usageOf({ ...counts, ...Object.fromEntries(served) }));
      expect(usd).toBeGreaterThanOrEqual(0);
      expect(Number.isFinite(usd)).toBe(true);
    }),
    RUNS,
  );
});
