import { describe, expect, test } from "@jest/globals";
import { type AiUsage, readUsage } from "../../src/ai-pricing/usage.ts";
import { InvalidInputError } from "../../src/errors.ts";
import { message, usageOf } from "./usages.ts";

type Row = { name: string; answer: unknown; usage: Partial<AiUsage> };

function readsAs({ answer, usage }: Row): void {
  expect(readUsage(answer)).toEqual(usageOf(usage));
}

describe("usage of Anthropic's Messages API", () => {
  test.each<Row>([
    { name: "input and output alone", answer: message({}), usage: { input: 3, output: 5 } },
    {
      name: "null wherever the API may say null",
      answer: message({
        cache_creation: null,
        cache_creation_input_tokens: null,
        cache_read_input_tokens: null,
        server_tool_use: null,
        service_tier: null,
        speed: null,
        inference_geo: null,
        iterations: null,
        fallback_credit: null,
      }),
      usage: { input: 3, output: 5 },
    },
    {
      name: "cached tokens beside the input, not in it",
      answer: message({ cache_creation_input_tokens: 100, cache_read_input_tokens: 1000 }),
      usage: { input: 3, output: 5, cacheWrite: 100, cacheRead: 1000 },
    },
    {
      name: "writes of both lifetimes",
      answer: message({
        cache_creation_input_tokens: 100,
        cache_creation: { ephemeral_5m_input_tokens: 70, ephemeral_1h_input_tokens: 30 },
      }),
      usage: { input: 3, output: 5, cacheWrite: 70, cacheWrite1h: 30 },
    },
    {
      name: "lifetimes that fall short of the total: the rest lives for the usual time",
      answer: message({
        cache_creation_input_tokens: 150,
        cache_creation: { ephemeral_5m_input_tokens: 70, ephemeral_1h_input_tokens: 30 },
      }),
      usage: { input: 3, output: 5, cacheWrite: 120, cacheWrite1h: 30 },
    },
    {
      name: "lifetimes that exceed the total: the total is what was written",
      answer: message({
        cache_creation_input_tokens: 20,
        cache_creation: { ephemeral_5m_input_tokens: 70, ephemeral_1h_input_tokens: 30 },
      }),
      usage: { input: 3, output: 5, cacheWrite1h: 20 },
    },
    {
      name: "searches",
      answer: message({ server_tool_use: { web_search_requests: 4, web_fetch_requests: 9 } }),
      usage: { input: 3, output: 5, webSearches: 4 },
    },
    {
      name: "the model and how it was served",
      answer: message(
        { service_tier: "standard", speed: "fast", inference_geo: "us" },
        { model: "claude-opus-5" },
      ),
      usage: {
        model: "claude-opus-5",
        input: 3,
        output: 5,
        tier: "standard",
        speed: "fast",
        geo: "us",
      },
    },
    {
      name: "the priority tier as capacity bought in advance, which OpenAI's priority is not",
      answer: message({ service_tier: "priority" }),
      usage: { input: 3, output: 5, tier: "committed" },
    },
    {
      name: "a redeemed fallback credit as another price",
      answer: message({ fallback_credit: { status: { type: "redeemed" } } }),
      usage: { input: 3, output: 5, isRepriced: true },
    },
    {
      name: "a fallback credit that was not applied as the usual price",
      answer: message({ fallback_credit: { status: { type: "not_applied", reason: "expired" } } }),
      usage: { input: 3, output: 5 },
    },
    {
      name: "one result of a batch, which is at the batch's price whatever its message says",
      answer: {
        custom_id: "a",
        result: { type: "succeeded", message: message({ service_tier: "standard" }) },
      },
      usage: { input: 3, output: 5, tier: "batch" },
    },
  ])("is read with $name", readsAs);
});

describe("an answer without usage", () => {
  test.each<{ name: string; answer: unknown }>([
    { name: "nothing", answer: undefined },
    { name: "null", answer: null },
    { name: "text", answer: "usage" },
    { name: "a list", answer: [{ usage: { input_tokens: 1, output_tokens: 1 } }] },
    { name: "an object", answer: {} },
    { name: "usage that is null, as in most chunks of a stream", answer: { usage: null } },
    { name: "usage in other words", answer: { usage: { promptTokenCount: 3 } } },
    { name: "a result that failed", answer: { custom_id: "a", result: { type: "errored" } } },
    { name: "a line that failed", answer: { response: null, error: { code: "expired" } } },
  ])("has none to read: $name", ({ answer }) => {
    expect(readUsage(answer)).toBeUndefined();
  });
});

describe("a count that cannot be", () => {
  test.each<{ name: string; usage: object; message: string }>([
    { name: "less than nothing", usage: { input_tokens: -1 }, message: "usage.input_tokens is -1" },
    {
      name: "not a number",
      usage: { output_tokens: Number.NaN },
      message: "usage.output_tokens is NaN",
    },
    {
      name: "a fraction",
      usage: { cache_read_input_tokens: 0.5 },
      message: "usage.cache_read_input_tokens is 0.5",
    },
    {
      name: "text",
      usage: { cache_creation_input_tokens: "9" },
      message: "usage.cache_creation_input_tokens is 9",
    },
    {
      name: "endless",
      usage: { cache_creation: { ephemeral_1h_input_tokens: Number.POSITIVE_INFINITY } },
      message: "usage.ephemeral_1h_input_tokens is Infinity",
    },
    {
      name: "text, of searches",
      usage: { server_tool_use: { web_search_requests: "many" } },
      message: "usage.web_search_requests is many",
    },
    {
      name: "missing",
      usage: { output_tokens: undefined },
      message: "usage.output_tokens is missing",
    },
    {
      name: "null where one is due",
      usage: { input_tokens: null },
      message: "usage.input_tokens is missing",
    },
    {
      name: "wrong in an iteration",
      usage: { iterations: [{ type: "compaction", input_tokens: 1 }] },
      message: "usage.output_tokens is missing",
    },
  ])("is refused by its name: $name", ({ usage, message: refusal }) => {
    expect(() => readUsage(message(usage))).toThrow(InvalidInputError);
    expect(() => readUsage(message(usage))).toThrow(refusal);
  });
});
