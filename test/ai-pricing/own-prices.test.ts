import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { type AiPrices, checkAiPrices, ownPrice } from "../../src/ai-pricing/own-prices.ts";
import { InvalidOptionError } from "../../src/errors.ts";

/** Prices that tell by their input which pattern won: the first is 1, the second 2, and so on. */
function pricesOf(patterns: readonly string[]): AiPrices {
  return Object.fromEntries(patterns.map((name, at) => [name, { input: at + 1, output: 0 }]));
}

function winner(patterns: readonly string[], model: string): string | undefined {
  const price = ownPrice(pricesOf(patterns), model);
  return price === undefined ? undefined : patterns[price.input - 1];
}

describe("a pattern", () => {
  test.each<{ pattern: string; model: string; fits: boolean }>([
    { pattern: "gpt-4o", model: "gpt-4o", fits: true },
    { pattern: "gpt-4o", model: "gpt-4o-mini", fits: false },
    { pattern: "gpt-4o", model: "GPT-4o", fits: false },
    { pattern: "gpt-4o*", model: "gpt-4o", fits: true },
    { pattern: "gpt-4o*", model: "gpt-4o-mini", fits: true },
    { pattern: "*mini", model: "gpt-4o-mini", fits: true },
    { pattern: "*mini", model: "gpt-4o-mini-2024", fits: false },
    { pattern: "gpt*mini", model: "gptmini", fits: true },
    { pattern: "a*ba", model: "aba", fits: true },
    { pattern: "ab*ba", model: "aba", fits: false },
    { pattern: "*a*a*", model: "a", fits: false },
    { pattern: "*a*a*", model: "aa", fits: true },
    { pattern: "**", model: "", fits: true },
    { pattern: "*", model: "anything/at-all:v1", fits: true },
    { pattern: "gpt.4o", model: "gpt-4o", fits: false },
  ])("$pattern on $model fits: $fits", ({ pattern, model, fits }) => {
    expect(winner([pattern], model)).toBe(fits ? pattern : undefined);
  });

  // Letters that meet often, the star, and signs that mean something to a regular expression.
  const pattern = fc.string({
    unit: fc.constantFrom("a", "b", "*", "*", ".", "(", "\\"),
    maxLength: 8,
  });
  const model = fc.string({
    unit: fc.constantFrom("a", "b", "*", ".", "(", "\\", "\n"),
    maxLength: 12,
  });

  function oracle(text: string): RegExp {
    const parts = text.split("*").map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
    return new RegExp(`^${parts.join(".*")}$`, "s");
  }

  test("fits where the regular expression that says the same fits", () => {
    fc.assert(
      fc.property(pattern, model, (text, name) => {
        expect(winner([text], name) !== undefined).toBe(oracle(text).test(name));
      }),
      { numRuns: 5000 },
    );
  });

  test("fits every name that is made from it", () => {
    fc.assert(
      fc.property(pattern, model, (text, filling) => {
        const name = text.replaceAll("*", () => filling);
        expect(winner([text], name)).toBe(text);
      }),
      { numRuns: 2000 },
    );
  });

  test("with many stars is told at once that it does not fit", () => {
    const started = performance.now();
    expect(winner([`${"*a".repeat(2000)}b`], "a".repeat(20_000))).toBeUndefined();
    expect(performance.now() - started).toBeLessThan(1000);
  });
});

describe("of several patterns that fit", () => {
  test.each<{ name: string; patterns: readonly string[]; model: string; wins: string | undefined }>(
    [
      {
        name: "the longest wins",
        patterns: ["gpt*", "gpt-4o*", "*"],
        model: "gpt-4o-mini",
        wins: "gpt-4o*",
      },
      {
        name: "a longer one that does not fit loses",
        patterns: ["gpt-4o-mini-2024*", "gpt*"],
        model: "gpt-4o-mini",
        wins: "gpt*",
      },
      {
        name: "of two as long the first by name wins",
        patterns: ["gpt*", "*-4o"],
        model: "gpt-4o",
        wins: "*-4o",
      },
      { name: "none wins when none fits", patterns: ["a*", "b"], model: "gpt-4o", wins: undefined },
      { name: "none wins when there is none", patterns: [], model: "constructor", wins: undefined },
    ],
  )("$name", ({ patterns, model, wins }) => {
    expect(winner(patterns, model)).toBe(wins);
    expect(winner([...patterns].reverse(), model)).toBe(wins);
  });
});

describe("prices of the user's own", () => {
  test("are taken as they are when they are right", () => {
    const prices: AiPrices = {
      "claude-haiku-5-5*": {
        input: 0,
        output: 5,
        cacheRead: 0.1,
        cacheWrite: 1.25,
        cacheWrite1h: 2,
        webSearch: 10,
      },
      mine: { input: 1, output: 1 },
    };
    expect(checkAiPrices(prices)).toBe(prices);
    expect(checkAiPrices({})).toEqual({});
  });

  test.each<{ name: string; prices: unknown; message: string }>([
    {
      name: "a misspelt key, naming the nearest",
      prices: { mine: { input: 1, ouput: 1 } },
      message: 'price of "mine": unknown key "ouput"; did you mean "output"?',
    },
    {
      name: "another misspelt key",
      prices: { mine: { input: 1, output: 1, cache_read: 1 } },
      message: 'price of "mine": unknown key "cache_read"; did you mean "cacheRead"?',
    },
    {
      name: "a key that is near to none, naming all",
      prices: { mine: { input: 1, output: 1, currency: "EUR" } },
      message: "known: input, output, cacheRead, cacheWrite, cacheWrite1h, webSearch",
    },
    {
      name: "a price that is missing",
      prices: { mine: { input: 1 } },
      message: 'price of "mine": output is undefined; expected USD, 0 or more',
    },
    {
      name: "text",
      prices: { mine: { input: "1", output: 1 } },
      message: 'price of "mine": input is 1; expected USD, 0 or more',
    },
    {
      name: "less than nothing",
      prices: { mine: { input: 1, output: -1 } },
      message: 'price of "mine": output is -1;',
    },
    {
      name: "no number",
      prices: { mine: { input: Number.NaN, output: 1 } },
      message: 'price of "mine": input is NaN;',
    },
    {
      name: "an endless price",
      prices: { mine: { input: 1, output: 1, webSearch: Number.POSITIVE_INFINITY } },
      message: 'price of "mine": webSearch is Infinity;',
    },
    {
      name: "null for a price that may be left out",
      prices: { mine: { input: 1, output: 1, cacheRead: null } },
      message: 'price of "mine": cacheRead is null;',
    },
    {
      name: "a price of no model",
      prices: { "": { input: 1, output: 1 } },
      message: "a price needs the name of a model",
    },
    {
      name: "a price that is null",
      prices: { mine: null },
      message: 'price of "mine": expected an object, got null',
    },
    {
      name: "a price that is a number",
      prices: { mine: 3 },
      message: 'price of "mine": expected an object, got 3',
    },
    { name: "no prices", prices: undefined, message: "prices: expected an object, got undefined" },
    { name: "a list", prices: [], message: "prices: expected an object, got []" },
  ])("are refused for $name", ({ prices, message }) => {
    expect(() => checkAiPrices(prices as AiPrices)).toThrow(InvalidOptionError);
    expect(() => checkAiPrices(prices as AiPrices)).toThrow(message);
  });
});
