import { describe, expect, test } from "@jest/globals";
import { type AiUsage, readUsage } from "../../src/ai-pricing/usage.ts";
import { InvalidInputError } from "../../src/errors.ts";
import { usageOf } from "./usages.ts";

type Row = { name: string; answer: unknown; usage: Partial<AiUsage> };

function chat(usage: object, about: object = {}): object {
  return { ...about, usage: { prompt_tokens: 100, completion_tokens: 5, ...usage } };
}

function response(usage: object, about: object = {}): object {
  return { object: "response", ...about, usage: { input_tokens: 100, output_tokens: 5, ...usage } };
}

describe("usage of OpenAI's APIs, whose totals contain what is cached, is read", () => {
  test.each<Row>([
    { name: "from a chat", answer: chat({}), usage: { input: 100, output: 5 } },
    {
      name: "from a chat with cached tokens and sound",
      answer: chat({
        prompt_tokens_details: { cached_tokens: 60, cache_write_tokens: 10, audio_tokens: 8 },
        completion_tokens_details: { audio_tokens: 2, reasoning_tokens: 3 },
      }),
      usage: { input: 30, output: 5, cacheRead: 60, cacheWrite: 10, inputAudio: 8, outputAudio: 2 },
    },
    {
      name: "from a chat with null details",
      answer: chat({ prompt_tokens_details: null, completion_tokens_details: null }),
      usage: { input: 100, output: 5 },
    },
    {
      name: "from a chat with its model and tier",
      answer: chat({}, { model: "gpt-4o-2024-08-06", service_tier: "flex" }),
      usage: { model: "gpt-4o-2024-08-06", input: 100, output: 5, tier: "flex" },
    },
    {
      name: "as DeepSeek spells it",
      answer: chat({ prompt_cache_hit_tokens: 60, prompt_cache_miss_tokens: 40 }),
      usage: { input: 40, output: 5, cacheRead: 60 },
    },
    {
      name: "as Moonshot spells it",
      answer: chat({ cached_tokens: 60 }),
      usage: { input: 40, output: 5, cacheRead: 60 },
    },
    {
      name: "once where the same is said in two spellings",
      answer: chat({
        prompt_tokens_details: { cached_tokens: 60 },
        prompt_cache_hit_tokens: 60,
        cached_tokens: 60,
      }),
      usage: { input: 40, output: 5, cacheRead: 60 },
    },
    {
      name: "from a response",
      answer: response({
        input_tokens_details: { cached_tokens: 60, cache_write_tokens: 10 },
        output_tokens_details: { reasoning_tokens: 3 },
      }),
      usage: { input: 30, output: 5, cacheRead: 60, cacheWrite: 10 },
    },
    {
      name: "from a response that gives no details",
      answer: response({}, { model: "gpt-5.4", service_tier: "default" }),
      usage: { model: "gpt-5.4", input: 100, output: 5, tier: "default" },
    },
    {
      name: "from a response that does not say what it is",
      answer: response({ input_tokens_details: { cached_tokens: 60 } }, { object: undefined }),
      usage: { input: 40, output: 5, cacheRead: 60 },
    },
    {
      name: "from a line of a batch of chats",
      answer: {
        custom_id: "a",
        response: {
          status_code: 200,
          body: chat({ prompt_tokens_details: { cached_tokens: 60 } }, { service_tier: "default" }),
        },
      },
      usage: { input: 40, output: 5, cacheRead: 60, tier: "batch" },
    },
    {
      name: "from a line of a batch of responses",
      answer: { response: { status_code: 200, body: response({}) } },
      usage: { input: 100, output: 5, tier: "batch" },
    },
  ])("$name", ({ answer, usage }) => {
    expect(readUsage(answer)).toEqual(usageOf(usage));
  });

  test("not from a line without usage", () => {
    expect(readUsage({ response: { status_code: 400, body: { error: {} } } })).toBeUndefined();
  });
});

describe("a count that cannot be", () => {
  test.each<{ name: string; answer: object; message: string }>([
    {
      name: "more cached than there was, in a chat",
      answer: chat({ prompt_tokens_details: { cached_tokens: 60, cache_write_tokens: 41 } }),
      message: "usage.prompt_tokens is 100, less than the 101 cached in it",
    },
    {
      name: "more cached than there was, in a response",
      answer: response({ input_tokens_details: { cached_tokens: 101 } }),
      message: "usage.input_tokens is 100, less than the 101 cached in it",
    },
    {
      name: "less than nothing",
      answer: chat({ completion_tokens: -1 }),
      message: "usage.completion_tokens is -1",
    },
    {
      name: "text",
      answer: chat({ prompt_tokens: "100" }),
      message: "usage.prompt_tokens is 100;",
    },
    {
      name: "a fraction",
      answer: response({ output_tokens: 1.5 }),
      message: "usage.output_tokens is 1.5",
    },
    {
      name: "no number, in details",
      answer: chat({ prompt_tokens_details: { audio_tokens: Number.NaN } }),
      message: "usage.audio_tokens is NaN",
    },
    {
      name: "missing",
      answer: chat({ completion_tokens: undefined }),
      message: "usage.completion_tokens is missing",
    },
    {
      name: "null where one is due",
      answer: chat({ prompt_tokens: null }),
      message: "usage.prompt_tokens is missing",
    },
  ])("is refused by its name: $name", ({ answer, message }) => {
    expect(() => readUsage(answer)).toThrow(InvalidInputError);
    expect(() => readUsage(answer)).toThrow(message);
  });
});
