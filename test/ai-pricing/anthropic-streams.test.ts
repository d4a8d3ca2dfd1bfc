import type Anthropic from "@anthropic-ai/sdk";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import {
  createGate,
  type Gate,
  type MessagesApi,
  startMessagesApi,
} from "../support/messages-api.ts";
import { bareClient, collect, metered, meteredClient, ONE, params, USAGE } from "./metered.ts";

let api: MessagesApi;
let client: Anthropic;

beforeEach(async () => {
  api = await startMessagesApi();
  client = meteredClient(api);
});

afterEach(() => api.close());

const whole = { type: "stream", content: "Hello, trader!", usage: USAGE } as const;

/** What is known when a stream ends before its first `message_delta`: 1,000 tokens in, 1 out. */
const BEGUN = { usd: 0.001005, tokens: { input: 1000, output: 1 } };

const request = { ...params, stream: true } as const;

const create = (using: Anthropic) => using.messages.create(request);

const betaCreate = (using: Anthropic) => using.beta.messages.create(request);

describe("a stream that is read to its end", () => {
  test.each<{ name: string; read: (using: Anthropic) => Promise<unknown> }>([
    { name: "create", read: async (using) => collect(await create(using)) },
    { name: "beta create", read: async (using) => collect(await betaCreate(using)) },
    {
      name: "withResponse",
      read: async (using) => collect((await create(using).withResponse()).data),
    },
    {
      name: "tee",
      read: async (using) => Promise.all((await create(using)).tee().map(collect)),
    },
    {
      name: "toReadableStream",
      read: async (using) => new Response((await create(using)).toReadableStream()).text(),
    },
    { name: "stream", read: (using) => collect(using.messages.stream(params)) },
    { name: "beta stream", read: (using) => collect(using.beta.messages.stream(params)) },
    { name: "finalMessage", read: (using) => using.messages.stream(params).finalMessage() },
    {
      name: "beta finalMessage",
      read: (using) => using.beta.messages.stream(params).finalMessage(),
    },
    { name: "finalText", read: (using) => using.messages.stream(params).finalText() },
    {
      name: "text events",
      read: async (using) => {
        const texts: string[] = [];
        await using.messages
          .stream(params)
          .on("text", (text) => texts.push(text))
          .done();
        return texts;
      },
    },
    {
      name: "a thread's stream",
      read: (using) => {
        const { messages, ...fields } = params;
        return collect(using.beta.messages.thread(fields).stream(messages));
      },
    },
  ])("gives the same with $name as without us, and is counted once", async ({ read }) => {
    api.script({ ...whole, id: "msg_1" }, { ...whole, id: "msg_1" });
    const bare = await read(bareClient(api));

    const { result, figures } = await metered(() => read(client));

    expect(result).toEqual(bare);
    expect(figures).toEqual(ONE);
  });

  test("has the counts that it said last, and adds none", async () => {
    api.script({
      type: "stream",
      startUsage: { input_tokens: 700, cache_read_input_tokens: 5000, output_tokens: 1 },
      deltaUsages: [
        { output_tokens: 50 },
        { input_tokens: null, output_tokens: 120 },
        { input_tokens: 1000, cache_read_input_tokens: null, output_tokens: 200 },
      ],
    });

    const { figures } = await metered(async () => collect(await create(client)));

    const tokens = { input: 1000, cache_read: 5000, output: 200 };
    expect(figures).toEqual({ ...ONE, usd: 0.0025, tokens });
  });

  test("is whole at its last event, even if nobody asks for what comes after it", async () => {
    api.script(whole);

    const { figures } = await metered(async () => {
      const [stream] = (await create(client)).tee();
      for await (const { type } of stream) if (type === "message_stop") break;
    });

    expect(figures).toEqual(ONE);
  });
});

describe("a stream that is left", () => {
  let gate: Gate;

  beforeEach(() => {
    gate = createGate();
    // The rest of it comes only when it was left.
    const pause = { after: "content_block_delta", until: gate.opened } as const;
    api.script({ ...whole, pause });
  });

  afterEach(() => gate.open());

  test.each<{ name: string; leave: (using: Anthropic) => Promise<unknown> }>([
    {
      name: "in the loop",
      leave: async (using) => {
        for await (const { type } of await create(using)) {
          if (type === "content_block_delta") break;
        }
      },
    },
    {
      name: "by its controller, in the loop",
      leave: async (using) => {
        const stream = await create(using);
        for await (const { type } of stream) {
          if (type === "content_block_delta") stream.controller.abort();
        }
      },
    },
    {
      name: "by its controller, while nobody reads",
      leave: async (using) => {
        const stream = await create(using);
        const events = stream[Symbol.asyncIterator]();
        await events.next();
        stream.controller.abort();
      },
    },
    {
      name: "by cancelling what it was turned into",
      leave: async (using) => {
        const reader = (await create(using)).toReadableStream().getReader();
        await reader.read();
        await reader.cancel();
      },
    },
    {
      name: "by the signal of the request",
      leave: async (using) => {
        const controller = new AbortController();
        const stream = await using.messages.create(request, { signal: controller.signal });
        for await (const { type } of stream) {
          if (type === "content_block_delta") controller.abort();
        }
      },
    },
    {
      name: "by abort, as a message stream",
      leave: async (using) => {
        const stream = using.messages.stream(params);
        stream.on("text", () => stream.abort());
        await expect(stream.finalMessage()).rejects.toThrow("Request was aborted.");
      },
    },
    {
      name: "in the loop, as a message stream",
      leave: async (using) => {
        const stream = using.messages.stream(params);
        for await (const { type } of stream) if (type === "content_block_delta") break;
        await expect(stream.done()).rejects.toThrow("Request was aborted.");
      },
    },
    {
      name: "by abort, as a thread's stream",
      leave: async (using) => {
        const { messages, ...fields } = params;
        const stream = using.beta.messages.thread(fields).stream(messages);
        stream.on("text", () => stream.abort());
        await expect(stream.finalMessage()).rejects.toThrow("Request was aborted.");
      },
    },
  ])("$name is aborted, and costs what was known by then", async ({ leave }) => {
    const { figures } = await metered(() => leave(client));

    expect(figures).toEqual({ requests: 1, aborted: 1, latencies: 1, ...BEGUN });
    await expect(api.requests[0]?.ended).resolves.toBe("client-left");
  });

  test("before it is read is aborted, and nothing is known of its cost", async () => {
    const { figures } = await metered(async () => (await create(client)).controller.abort());

    expect(figures).toMatchObject({ requests: 1, aborted: 1, latencies: 1 });
    expect(figures).not.toHaveProperty("usd");
  });

  test("lying is a request that has no outcome yet", async () => {
    const { figures } = await metered(() => create(client));

    expect(figures).toEqual({ requests: 1 });
  });
});
