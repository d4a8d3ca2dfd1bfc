import type Anthropic from "@anthropic-ai/sdk";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { createGate, type MessagesApi, startMessagesApi } from "../support/messages-api.ts";
import {
  bareClient,
  collect,
  figuresOf,
  MODEL,
  metered,
  meteredClient,
  ONE,
  params,
  trackAiRequest,
  USAGE,
} from "./metered.ts";

let api: MessagesApi;

beforeEach(async () => {
  api = await startMessagesApi();
});

afterEach(() => api.close());

const message = { type: "message", usage: USAGE } as const;

const stream = { type: "stream", content: "Hello, trader!", usage: USAGE } as const;

const streaming = { ...params, stream: true } as const;

const clients = [
  { kind: "bare", clientOf: bareClient },
  { kind: "instrumented", clientOf: meteredClient },
];

describe.each(clients)("trackAiRequest around a $kind client", ({ clientOf }) => {
  let client: Anthropic;

  beforeEach(() => {
    client = clientOf(api);
  });

  test.each<{
    name: string;
    answer: typeof message | typeof stream;
    ask: (using: Anthropic) => unknown;
    read?: (answer: never) => unknown;
  }>([
    { name: "a message", answer: message, ask: (using) => using.messages.create(params) },
    {
      name: "a message with its response",
      answer: message,
      ask: async (using) => (await using.messages.create(params).withResponse()).data,
    },
    {
      name: "a stream",
      answer: stream,
      ask: (using) => using.messages.create(streaming),
      read: collect,
    },
    {
      name: "a stream that the call has read",
      answer: stream,
      ask: async (using) => using.messages.stream(params).finalMessage(),
    },
    {
      name: "a message stream",
      answer: stream,
      ask: (using) => using.messages.stream(params),
      read: collect,
    },
    {
      name: "a message stream of the beta",
      answer: stream,
      ask: (using) => using.beta.messages.stream(params),
      read: (answer: { finalMessage: () => unknown }) => answer.finalMessage(),
    },
    {
      name: "a message stream that is over",
      answer: stream,
      ask: async (using) => {
        const over = using.messages.stream(params);
        await over.done();
        return over;
      },
    },
    {
      name: "a generator that passes a stream on",
      answer: stream,
      ask: async function* (using) {
        yield* await using.messages.create(streaming);
      },
      read: collect,
    },
  ])("counts $name once", async ({ answer, ask, read = () => undefined }) => {
    api.script(answer);

    const { figures } = await metered(async () => {
      await read((await trackAiRequest(MODEL, () => ask(client))) as never);
    });

    expect(figures).toEqual(ONE);
  });

  test.each<{ name: string; leave: (answer: ReturnType<Anthropic["messages"]["stream"]>) => void }>(
    [
      { name: "abort", leave: (answer) => answer.abort() },
      { name: "its controller", leave: (answer) => answer.controller.abort() },
    ],
  )("counts a message stream left by $name as aborted", async ({ leave }) => {
    const gate = createGate();
    api.script({ ...stream, pause: { after: "content_block_delta", until: gate.opened } });

    const { figures } = await metered(async () => {
      const answer = await trackAiRequest(MODEL, () => client.messages.stream(params));
      answer.on("text", () => leave(answer));
      await expect(answer.done()).rejects.toThrow("Request was aborted.");
    });
    gate.open();

    const usage = { usd: 0.001005, tokens: { input: 1000, output: 1 } };
    expect(figures).toEqual({ requests: 1, aborted: 1, latencies: 1, ...usage });
  });

  test.each(["cut", "error", "early"] as const)(
    "counts a message stream that breaks off (%s) as failed, with what was known",
    async (type) => {
      api.script({ ...stream, end: { type, after: "content_block_delta" } });

      const { figures } = await metered(async () => {
        const answer = await trackAiRequest(MODEL, () => client.messages.stream(params));
        await expect(answer.finalMessage()).rejects.toThrow();
      });

      const usage = { usd: 0.001005, tokens: { input: 1000, output: 1 } };
      expect(figures).toEqual({ requests: 1, failed: 1, latencies: 1, ...usage });
    },
  );

  test("takes the job's own cost before that of the usage, and still counts tokens", async () => {
    api.script(message);

    const { figures } = await metered(() =>
      trackAiRequest(MODEL, () => client.messages.create(params), { costUsd: 0.5 }),
    );

    expect(figures).toEqual({ ...ONE, usd: 0.5 });
  });

  test("finds the usage where it is told to look", async () => {
    api.script(message);

    const { figures } = await metered(() =>
      trackAiRequest(
        MODEL,
        async () => ({ decision: "BUY", raw: await client.messages.create(params) }),
        { answer: ({ raw }) => raw },
      ),
    );

    expect(figures).toEqual(ONE);
  });

  test("fails with the SDK's error", async () => {
    api.script({ type: "error", status: 529 });

    const { figures } = await metered(() =>
      expect(trackAiRequest(MODEL, () => client.messages.create(params))).rejects.toMatchObject({
        name: "OverloadedError",
      }),
    );

    expect(figures).toEqual({ requests: 1, failed: 1, latencies: 1 });
  });
});

describe("trackAiRequest", () => {
  test.each<{ name: string; answer: object }>([
    {
      name: "Chat Completions",
      answer: {
        model: "gpt-4o",
        usage: {
          prompt_tokens: 1000,
          completion_tokens: 200,
          prompt_tokens_details: { cached_tokens: 400 },
        },
      },
    },
    {
      name: "Responses",
      answer: {
        object: "response",
        model: "gpt-4o",
        usage: {
          input_tokens: 1000,
          output_tokens: 200,
          input_tokens_details: { cached_tokens: 400 },
        },
      },
    },
  ])("prices an answer of OpenAI's $name API", async ({ answer }) => {
    const { set } = await metered(() => trackAiRequest("gpt-4o", async () => answer));

    // 600 x 2.50 + 400 x 1.25 + 200 x 10 per million.
    expect(figuresOf(set, "gpt-4o")).toEqual({
      ...ONE,
      usd: 0.004,
      tokens: { input: 600, cache_read: 400, output: 200 },
    });
  });
});
