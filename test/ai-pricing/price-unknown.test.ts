import { describe, expect, test } from "@jest/globals";
import type { AiPrices } from "../../src/ai-pricing/own-prices.ts";
import { costOf } from "../../src/ai-pricing/price.ts";
import type { AiUsage } from "../../src/ai-pricing/usage.ts";
import { usageOf } from "./usages.ts";

describe("a model without a price has no cost, not even 0", () => {
  test.each<{ model: string; provider?: string }>([
    { model: "claude-haiku-5-5" },
    { model: "nonsense" },
    { model: "" },
    { model: "/" },
    { model: "anthropic/" },
    { model: "anthropic/nonsense" },
    { model: "nobody/claude-haiku-4-5" },
    { model: "us.anthropic.nonsense-v1:0" },
    { model: "constructor" },
    { model: "claude-haiku-4-5", provider: "nobody" },
    { model: "gpt-4o", provider: "anthropic" },
  ])("$model of $provider", ({ model, provider }) => {
    const options = provider === undefined ? {} : { provider };
    expect(costOf(model, usageOf({ input: 1000, output: 10 }), options)).toEqual({
      isWhole: false,
    });
  });
});

describe("what is known of a cost is kept, and not taken for the whole", () => {
  test.each<{ name: string; model: string; usage: Partial<AiUsage>; usd: number; own?: AiPrices }>([
    {
      name: "searches on a model without a price for them",
      model: "claude-3-haiku-20240307",
      usage: { input: 1e6, webSearches: 2 },
      usd: 0.25,
    },
    {
      name: "searches without a price of the user's own",
      model: "mine",
      usage: { input: 1e6, webSearches: 2 },
      usd: 3,
      own: { mine: { input: 3, output: 4 } },
    },
    {
      name: "sound that went in",
      model: "gpt-4o-audio-preview",
      usage: { input: 1e6, inputAudio: 10 },
      usd: 2.5,
    },
    {
      name: "sound that came out",
      model: "gpt-4o-audio-preview",
      usage: { output: 1e6, outputAudio: 10 },
      usd: 10,
    },
    {
      name: "an hour in a cache whose price is known for minutes",
      model: "us.anthropic.claude-haiku-4-5-20251001-v1:0",
      usage: { cacheWrite1h: 1e6 },
      usd: 1.375,
    },
    {
      name: "OpenAI's priority tier",
      model: "gpt-4o",
      usage: { input: 1e6, tier: "priority" },
      usd: 2.5,
    },
    { name: "an unknown tier", model: "gpt-4o", usage: { input: 1e6, tier: "scale" }, usd: 2.5 },
    {
      name: "a tier named like what every object has",
      model: "gpt-4o",
      usage: { input: 1e6, tier: "constructor" },
      usd: 2.5,
    },
    {
      name: "an unknown place",
      model: "claude-opus-5",
      usage: { input: 1e6, geo: "eu" },
      usd: 5,
    },
    {
      name: "a place named like what every object has",
      model: "claude-opus-5",
      usage: { input: 1e6, geo: "toString" },
      usd: 5,
    },
    {
      name: "fast mode of a model whose fast price is not known",
      model: "claude-opus-5-5",
      usage: { input: 1e6, speed: "fast" },
      usd: 4,
    },
    {
      name: "an unknown speed",
      model: "claude-opus-5",
      usage: { input: 1e6, speed: "faster" },
      usd: 5,
    },
    {
      name: "a redeemed fallback credit",
      model: "claude-opus-5",
      usage: { input: 1e6, isRepriced: true },
      usd: 5,
    },
    {
      name: "an advisor without a price, which is not priced as the model that it advised",
      model: "claude-opus-5",
      usage: {
        model: "claude-opus-5",
        input: 1e6,
        further: [usageOf({ model: "claude-haiku-5-5", input: 1e6 })],
      },
      usd: 5,
    },
    {
      name: "an advisor with a price, of a model without one",
      model: "claude-haiku-5-5",
      usage: {
        model: "claude-haiku-5-5",
        input: 1e6,
        further: [usageOf({ model: "claude-opus-5", input: 1e6 })],
      },
      usd: 5,
    },
  ])("$name", ({ model, usage, usd, own = {} }) => {
    const cost = costOf(model, usageOf(usage), { prices: own });
    expect(cost.usd).toBeCloseTo(usd, 12);
    expect(cost.isWhole).toBe(false);
  });

  test("sound without a price of its own is the user's tokens, whatever they carry", () => {
    const usage = usageOf({ input: 1e6, inputAudio: 10, output: 1e6, outputAudio: 10 });
    const cost = costOf("mine", usage, { prices: { mine: { input: 3, output: 4 } } });
    expect(cost).toEqual({ usd: 7, isWhole: true });
  });

  test("a price of the user's own goes before the list, for the model that answered first", () => {
    const prices = { "gpt-4o": { input: 1, output: 1 }, asked: { input: 9, output: 9 } };
    const cost = costOf("asked", usageOf({ model: "gpt-4o", input: 1e6 }), { prices });
    expect(cost).toEqual({ usd: 1, isWhole: true });
  });
});
