import type { PriceOptions } from "../../src/ai-pricing/price.ts";
import type { AiUsage } from "../../src/ai-pricing/usage.ts";
import { usageOf } from "./usages.ts";

/** Prices are written as they are documented, in USD per million tokens, and per 1,000 searches. */
export type CostRow = {
  name: string;
  model: string;
  usage: Partial<AiUsage>;
  byHand: string;
  options?: PriceOptions;
};

const HAIKU_ON_BEDROCK = "us.anthropic.claude-haiku-4-5-20251001-v1:0";

export const COST_ROWS: readonly CostRow[] = [
  {
    name: "a request that the provider's console billed (litellm issue 9812)",
    model: "claude-3-7-sonnet-20250219",
    usage: { input: 3, cacheWrite: 12304, output: 550 },
    byHand: "3×3/1e6 + 12304×3.75/1e6 + 550×15/1e6",
  },
  {
    name: "cache read",
    model: "claude-haiku-4-5",
    usage: { input: 10, cacheRead: 90_000, output: 200 },
    byHand: "10×1/1e6 + 90000×0.10/1e6 + 200×5/1e6",
  },
  {
    name: "cache writes of both lifetimes",
    model: "claude-haiku-4-5",
    usage: { input: 10, cacheWrite: 4000, cacheWrite1h: 6000, output: 200 },
    byHand: "10×1/1e6 + 4000×1.25/1e6 + 6000×2/1e6 + 200×5/1e6",
  },
  {
    name: "rounded cache prices of an old model",
    model: "claude-3-haiku-20240307",
    usage: { input: 100, cacheRead: 7000, cacheWrite: 3000, output: 50 },
    byHand: "100×0.25/1e6 + 7000×0.03/1e6 + 3000×0.30/1e6 + 50×1.25/1e6",
  },
  {
    name: "cache read at a fortieth of the input",
    model: "claude-fable-5-1",
    usage: { input: 10, cacheRead: 100_000, output: 300 },
    byHand: "10×10/1e6 + 100000×0.25/1e6 + 300×50/1e6",
  },
  {
    name: "web searches",
    model: "claude-haiku-4-5",
    usage: { input: 500, output: 100, webSearches: 3 },
    byHand: "500×1/1e6 + 100×5/1e6 + 3×10/1e3",
  },
  {
    name: "Anthropic's batch: tokens at half",
    model: "claude-haiku-4-5",
    usage: { input: 500, output: 100, tier: "batch" },
    byHand: "(500×1/1e6 + 100×5/1e6)×0.5",
  },
  {
    name: "Anthropic's batch: searches not at half",
    model: "claude-haiku-4-5",
    usage: { input: 500, output: 100, webSearches: 3, tier: "batch" },
    byHand: "(500×1/1e6 + 100×5/1e6)×0.5 + 3×10/1e3",
  },
  {
    name: "Anthropic's priority tier at list price",
    model: "claude-haiku-4-5",
    usage: { input: 500, output: 100, tier: "committed" },
    byHand: "500×1/1e6 + 100×5/1e6",
  },
  {
    name: "at the limit of the long context, caches included",
    model: "claude-sonnet-4-5",
    usage: { input: 100_000, cacheRead: 60_000, cacheWrite: 40_000, output: 1000 },
    byHand: "100000×3/1e6 + 60000×0.30/1e6 + 40000×3.75/1e6 + 1000×15/1e6",
  },
  {
    name: "one token over the limit",
    model: "claude-sonnet-4-5",
    usage: { input: 100_001, cacheRead: 60_000, cacheWrite: 40_000, output: 1000 },
    byHand: "100001×6/1e6 + 60000×0.60/1e6 + 40000×7.50/1e6 + 1000×22.5/1e6",
  },
  {
    name: "served in the US",
    model: "claude-opus-4-8",
    usage: { input: 1000, output: 100, geo: "us" },
    byHand: "(1000×5/1e6 + 100×25/1e6)×1.1",
  },
  {
    name: "served anywhere",
    model: "claude-opus-4-8",
    usage: { input: 1000, output: 100, geo: "global" },
    byHand: "1000×5/1e6 + 100×25/1e6",
  },
  {
    name: "fast mode",
    model: "claude-opus-4-8",
    usage: { input: 1000, output: 100, speed: "fast" },
    byHand: "1000×10/1e6 + 100×50/1e6",
  },
  {
    name: "fast mode of a dated model",
    model: "claude-opus-5-20260801",
    usage: { input: 1000, output: 100, cacheRead: 500, speed: "fast" },
    byHand: "1000×10/1e6 + 100×50/1e6 + 500×1/1e6",
  },
  {
    name: "in the US, in a batch, with caches and a search",
    model: "claude-opus-5",
    usage: {
      input: 1000,
      cacheRead: 20_000,
      cacheWrite1h: 3000,
      output: 100,
      webSearches: 1,
      geo: "us",
      tier: "batch",
    },
    byHand: "(1000×5/1e6 + 20000×0.5/1e6 + 3000×10/1e6 + 100×25/1e6)×1.1×0.5 + 1×10/1e3",
  },
  {
    name: "OpenAI with cached tokens",
    model: "gpt-4o",
    usage: { input: 4000, cacheRead: 6000, output: 100, tier: "default" },
    byHand: "4000×2.5/1e6 + 6000×1.25/1e6 + 100×10/1e6",
  },
  {
    name: "OpenAI's flex: at half",
    model: "gpt-5.4",
    usage: { input: 4000, cacheRead: 6000, output: 100, tier: "flex" },
    byHand: "(4000×2.5/1e6 + 6000×0.25/1e6 + 100×15/1e6)×0.5",
  },
  {
    name: "at the limit of OpenAI's long context",
    model: "gpt-5.4",
    usage: { input: 201_999, cacheRead: 70_000, output: 100 },
    byHand: "201999×2.5/1e6 + 70000×0.25/1e6 + 100×15/1e6",
  },
  {
    name: "over OpenAI's limit",
    model: "gpt-5.4",
    usage: { input: 202_001, cacheRead: 70_000, output: 100 },
    byHand: "202001×5/1e6 + 70000×0.5/1e6 + 100×22.5/1e6",
  },
  {
    name: "Amazon Bedrock's name, in a region",
    model: HAIKU_ON_BEDROCK,
    usage: { input: 1000, output: 100 },
    byHand: "1000×1.1/1e6 + 100×5.5/1e6",
  },
  {
    name: "Amazon Bedrock, which answers with the maker's name",
    model: HAIKU_ON_BEDROCK,
    usage: { model: "claude-haiku-4-5-20251001", input: 1000, output: 100 },
    byHand: "1000×1.1/1e6 + 100×5.5/1e6",
  },
  {
    name: "Amazon Bedrock's ARN",
    model: `arn:aws:bedrock:us-east-1:123456789012:inference-profile/${HAIKU_ON_BEDROCK}`,
    usage: { model: "anthropic.claude-haiku-4-5-20251001", input: 1000, output: 100 },
    byHand: "1000×1.1/1e6 + 100×5.5/1e6",
  },
  {
    name: "Amazon Bedrock, said beside the name",
    model: "claude-haiku-4-5-20251001",
    usage: { input: 1000, output: 100 },
    options: { provider: "aws" },
    byHand: "1000×1.1/1e6 + 100×5.5/1e6",
  },
  {
    name: "a router's name",
    model: "anthropic/claude-haiku-4.5",
    usage: { input: 1000, output: 100 },
    byHand: "1000×1/1e6 + 100×5/1e6",
  },
  {
    name: "the model that answered, not the one asked for",
    model: "claude-fable-5-1",
    usage: { model: "claude-haiku-4-5-20251001", input: 1000, output: 100 },
    byHand: "1000×1/1e6 + 100×5/1e6",
  },
  {
    name: "an answer under a name that nobody knows",
    model: "claude-haiku-4-5",
    usage: { model: "projects/7/endpoints/9", input: 1000, output: 100 },
    byHand: "1000×1/1e6 + 100×5/1e6",
  },
  {
    name: "an advisor of another model, and a compaction",
    model: "claude-haiku-4-5",
    usage: {
      model: "claude-haiku-4-5",
      input: 1000,
      output: 100,
      further: [
        usageOf({ model: "claude-opus-5", input: 2000, output: 50 }),
        usageOf({ model: "claude-haiku-4-5", input: 300, output: 30 }),
      ],
    },
    byHand: "1000×1/1e6 + 100×5/1e6 + 2000×5/1e6 + 50×25/1e6 + 300×1/1e6 + 30×5/1e6",
  },
  {
    name: "a price of the user's own, by pattern",
    model: "claude-haiku-5-5-20270101",
    usage: { input: 1000, cacheRead: 400, cacheWrite: 200, cacheWrite1h: 50, output: 100 },
    options: {
      prices: { "claude-haiku-5-5*": { input: 2, output: 9, cacheRead: 0.2, cacheWrite: 3 } },
    },
    byHand: "1000×2/1e6 + 400×0.2/1e6 + 200×3/1e6 + 50×3/1e6 + 100×9/1e6",
  },
  {
    name: "a price of the user's own for everything, at half in a batch",
    model: "mine",
    usage: {
      input: 10,
      cacheRead: 20,
      cacheWrite1h: 30,
      output: 40,
      webSearches: 2,
      tier: "batch",
    },
    options: { prices: { mine: { input: 2, output: 9, cacheWrite1h: 5, webSearch: 7 } } },
    byHand: "(10×2/1e6 + 20×2/1e6 + 30×5/1e6 + 40×9/1e6)×0.5 + 2×7/1e3",
  },
];
