import type Anthropic from "@anthropic-ai/sdk";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { type MessagesApi, startMessagesApi } from "../support/messages-api.ts";
import { bareClient, collect, metered, meteredClient, params, USAGE } from "./metered.ts";

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

describe("a stream that breaks off", () => {
  const after = "content_block_delta";

  test.each<{ name: string; end: { type: "cut" | "error" | "early"; after: typeof after } }>([
    { name: "with an error event", end: { type: "error", after } },
    { name: "because its socket is cut", end: { type: "cut", after } },
    { name: "without its last event", end: { type: "early", after } },
  ])("$name has failed, as it does without us, and costs what was known", async ({ end }) => {
    api.script(...Array<{ readonly type: "stream" }>(10).fill({ ...whole, end } as never));
    const reads: ((using: Anthropic) => Promise<unknown>)[] = [
      async (using) => collect(await create(using)),
      async (using) => collect(await betaCreate(using)),
      (using) => using.messages.stream(params).finalMessage(),
      (using) => collect(using.beta.messages.stream(params)),
      (using) => {
        const { messages, ...fields } = params;
        return using.beta.messages.thread(fields).stream(messages).finalMessage();
      },
    ];
    for (const read of reads) {
      const bare = await outcomeOf(read(bareClient(api)));

      const { result, figures } = await metered(() => outcomeOf(read(client)));

      expect(result).toEqual(bare);
      expect(figures).toEqual({ requests: 1, failed: 1, latencies: 1, ...BEGUN });
    }
    expect(api.left()).toBe(0);
  });

  test("before its first event has failed, and what it cost is not known", async () => {
    api.script({ ...whole, end: { type: "error", after: 0 } });

    const { figures } = await metered(async () =>
      expect(collect(await create(client))).rejects.toThrow("Overloaded"),
    );

    expect(figures).toEqual({ requests: 1, failed: 1, latencies: 1, unpriced: 1 });
  });
});

/** What a promise comes to, without what differs between two requests. */
async function outcomeOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    return { value: JSON.parse(JSON.stringify(await promise).replaceAll(/"msg_\d+"/g, '""')) };
  } catch (error) {
    const { name, message } = error as Error;
    return { name, message: message.replace(/req_\d+/, ""), class: error?.constructor };
  }
}
