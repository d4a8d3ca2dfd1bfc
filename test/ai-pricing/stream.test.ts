import { Readable } from "node:stream";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import {
  AT_END,
  AT_START,
  DELTA,
  MODEL,
  readAll,
  START,
  STOP,
  streamOf,
  TEXT,
  WHOLE,
  watched,
} from "./watched.ts";

describe("usage in a stream of the Messages API", () => {
  const delta = (usage: unknown) => ({ type: "message_delta", usage });

  test.each<{ name: string; events: readonly unknown[]; usage: object }>([
    { name: "is what the last delta says", events: WHOLE, usage: { output_tokens: 25 } },
    {
      name: "is counted once when a delta comes twice",
      events: [START, DELTA, DELTA, STOP],
      usage: { output_tokens: 25 },
    },
    {
      name: "grows, and is not added up",
      events: [START, delta({ output_tokens: 5 }), delta({ output_tokens: 25 }), STOP],
      usage: { output_tokens: 25 },
    },
    {
      name: "stays where a delta says null or nothing",
      events: [
        START,
        delta({
          input_tokens: null,
          cache_read_input_tokens: undefined,
          server_tool_use: null,
          output_tokens: 25,
        }),
        STOP,
      ],
      usage: { output_tokens: 25 },
    },
    {
      name: "takes what only a delta says",
      events: [
        START,
        delta({ output_tokens: 25, server_tool_use: { web_search_requests: 2 } }),
        STOP,
      ],
      usage: { output_tokens: 25, server_tool_use: { web_search_requests: 2 } },
    },
    {
      name: "is overwritten where a delta says 0",
      events: [START, delta({ cache_read_input_tokens: 0 }), STOP],
      usage: { cache_read_input_tokens: 0 },
    },
    {
      name: "is not disturbed by what is no usage",
      events: [START, delta(null), delta([9]), delta("9"), null, undefined, "text", [], {}, STOP],
      usage: {},
    },
  ])("$name", async ({ events, usage }) => {
    const { stream, ends } = watched(streamOf(events));
    expect(await readAll(stream)).toEqual(events);
    const answer = { model: MODEL, usage: { ...START.message.usage, ...usage } };
    expect(ends).toEqual([{ outcome: "succeeded", answer }]);
  });

  test("leaves the job's events as they are", async () => {
    const events = [START, DELTA, STOP];
    const copy = structuredClone(events);
    const { stream } = watched(streamOf(events));
    const read = await readAll(stream);
    expect(read.every((event, at) => event === events[at])).toBe(true);
    expect(events).toEqual(copy);
  });

  test("is of the model that a fallback block names last", async () => {
    const fallback = (model: string) => ({
      type: "content_block_start",
      content_block: { type: "fallback", from: { model: MODEL }, to: { model } },
    });
    const text = { type: "content_block_start", content_block: { type: "text", text: "" } };
    const events = [
      START,
      fallback("claude-opus-4-8"),
      fallback("claude-opus-5"),
      text,
      DELTA,
      STOP,
    ];
    const { stream, ends } = watched(streamOf(events));
    await readAll(stream);
    expect(ends).toEqual([{ outcome: "succeeded", answer: { ...AT_END, model: "claude-opus-5" } }]);
  });
});

describe("usage in a stream of OpenAI's APIs", () => {
  const chunk = (usage: unknown, about: object = {}) => ({
    object: "chat.completion.chunk",
    model: "gpt-4o-2024-08-06",
    choices: [],
    usage,
    ...about,
  });
  const usage = { prompt_tokens: 10, completion_tokens: 25 };

  test("is in a chat's last chunk, which may come after the end of its text", async () => {
    const events = [chunk(null), chunk(null), chunk(usage, { service_tier: "flex" })];
    const { stream, ends } = watched(streamOf(events));
    expect(await readAll(stream)).toEqual(events);
    const answer = { model: "gpt-4o-2024-08-06", usage, service_tier: "flex" };
    expect(ends).toEqual([{ outcome: "succeeded", answer }]);
  });

  test("is what the last chunk says when every chunk says it", async () => {
    const { stream, ends } = watched(
      streamOf([chunk({ prompt_tokens: 10, completion_tokens: 5 }), chunk(usage), chunk(null)]),
    );
    await readAll(stream);
    expect(ends).toMatchObject([{ outcome: "succeeded", answer: { usage } }]);
  });

  test("is not known of a chat that does not tell it", async () => {
    const { stream, ends } = watched(streamOf([chunk(undefined), chunk(undefined)]));
    await readAll(stream);
    expect(ends).toEqual([{ outcome: "succeeded", answer: {} }]);
  });

  const told = { input_tokens: 10, output_tokens: 25 };
  const response = (type: string, of: object) => ({ type, response: { model: "gpt-5.4", ...of } });
  const created = response("response.created", { usage: null });
  const text = { type: "response.output_text.delta", delta: "Hi" };

  test.each([
    { type: "response.completed", outcome: "succeeded" },
    { type: "response.incomplete", outcome: "succeeded" },
    { type: "response.failed", outcome: "failed" },
  ])("is in the $type of a response, which has $outcome", async ({ type, outcome }) => {
    const events = [created, text, response(type, { usage: told, service_tier: "default" })];
    const { stream, ends } = watched(streamOf(events));
    expect(await readAll(stream)).toEqual(events);
    const answer = { model: "gpt-5.4", usage: told, service_tier: "default" };
    expect(ends).toMatchObject([{ outcome, answer }]);
  });

  test("is not known of a response that is cut off, which has failed", async () => {
    const { stream, ends } = watched(streamOf([created, text]));
    await readAll(stream);
    expect(ends).toEqual([{ outcome: "failed", answer: {} }]);
  });
});

describe("what is watched", () => {
  test("gives its items, whatever they are, unchanged and in order", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.anything()), async (items) => {
        const { stream, ends } = watched(streamOf(items));
        const read = await readAll(stream);
        expect(read).toHaveLength(items.length);
        expect(read.every((item, at) => Object.is(item, items[at]))).toBe(true);
        expect(ends).toHaveLength(1);
      }),
      { numRuns: 500 },
    );
  });

  test("has no property that can be listed", () => {
    const { stream } = watched(streamOf([]));
    expect(Object.keys(stream)).toEqual([]);
  });

  test.each<{ name: string; answer: unknown }>([
    { name: "nothing", answer: undefined },
    { name: "text", answer: "data: {}" },
    { name: "a whole answer", answer: AT_START },
    { name: "a list", answer: WHOLE },
    { name: "a web stream", answer: new ReadableStream() },
    { name: "a Node stream", answer: Readable.from(WHOLE) },
    { name: "a frozen stream", answer: Object.freeze(streamOf([TEXT])) },
  ])("is not $name, which stays as it is", ({ answer }) => {
    const isObject = typeof answer === "object" && answer !== null;
    const keys = isObject ? Reflect.ownKeys(answer) : [];
    expect(watched(answer)).toMatchObject({ isWatched: false, ends: [] });
    expect(isObject ? Reflect.ownKeys(answer) : []).toEqual(keys);
  });
});
