import Anthropic from "@anthropic-ai/sdk";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { type MessagesApi, startMessagesApi } from "../support/messages-api.ts";
import { bareClient, metered, meteredClient, ONE, params, USAGE } from "./metered.ts";

let api: MessagesApi;

beforeEach(async () => {
  api = await startMessagesApi();
});

afterEach(() => api.close());

const soon = { headers: { "retry-after-ms": "1" } } as const;

const overloaded = { type: "error", status: 529, ...soon } as const;

const limited = { type: "error", status: 429, ...soon } as const;

const FAILED = { requests: 1, failed: 1, latencies: 1 };

const ABORTED = { requests: 1, aborted: 1, latencies: 1 };

describe("a request that is retried", () => {
  test("until it succeeds is one that succeeded", async () => {
    api.script(overloaded, limited, { type: "message", usage: USAGE });
    const client = meteredClient(api, { maxRetries: 2 });

    const { figures } = await metered(() => client.messages.create(params));

    expect(api.requests).toHaveLength(3);
    expect(figures).toEqual(ONE);
  });

  test("as a stream until it succeeds is one that succeeded", async () => {
    api.script(overloaded, { type: "stream", usage: USAGE });
    const client = meteredClient(api, { maxRetries: 1 });

    const { figures } = await metered(() => client.messages.stream(params).finalMessage());

    expect(api.requests).toHaveLength(2);
    expect(figures).toEqual(ONE);
  });

  test("in vain is one that failed and cost nothing", async () => {
    api.script(limited, limited);
    const client = meteredClient(api, { maxRetries: 1 });

    const { figures } = await metered(() =>
      expect(client.messages.create(params)).rejects.toThrow(Anthropic.RateLimitError),
    );

    expect(api.requests).toHaveLength(2);
    expect(figures).toEqual(FAILED);
  });
});

describe("an error", () => {
  const ways: readonly {
    readonly name: string;
    readonly call: (client: Anthropic) => PromiseLike<unknown>;
  }[] = [
    { name: "create", call: (client) => client.messages.create(params) },
    { name: "parse", call: (client) => client.messages.parse(params) },
    { name: "withResponse", call: (client) => client.messages.create(params).withResponse() },
    { name: "asResponse", call: (client) => client.messages.create(params).asResponse() },
    { name: "beta create", call: (client) => client.beta.messages.create(params) },
    { name: "stream", call: (client) => client.messages.stream(params).finalMessage() },
    {
      name: "a thread's stream",
      call: (client) => {
        const { messages, ...fields } = params;
        return client.beta.messages.thread(fields).stream(messages).finalMessage();
      },
    },
  ];

  test.each(ways)("of $name is the SDK's, as without us", async ({ call }) => {
    for (const answer of [
      { type: "error", status: 400, message: "No." },
      { type: "error", status: 429 },
      { type: "error", status: 500 },
    ] as const) {
      api.script(answer, answer);
      const bare = await thrownBy(call(bareClient(api)));

      const { result, figures } = await metered(() => thrownBy(call(meteredClient(api))));

      expect(result).toEqual(bare);
      expect(figures).toEqual(FAILED);
    }
  });

  test("about what is no answer is the SDK's, as without us", async () => {
    api.script({ type: "nonsense" }, { type: "nonsense" });
    const bare = await thrownBy(bareClient(api).messages.create(params));

    const { result, figures } = await metered(() =>
      thrownBy(meteredClient(api).messages.create(params)),
    );

    expect(bare).toMatchObject({ name: "SyntaxError" });
    expect(result).toEqual(bare);
    // It was answered, and will be charged.
    expect(figures).toEqual({ ...FAILED, unpriced: 1 });
  });

  test("of a request that cannot be made is thrown at once, as without us", async () => {
    const wrong = { ...params, max_tokens: 1_000_000_000 };
    expect(() => bareClient(api).messages.create(wrong)).toThrow("Streaming is required");
    const client = meteredClient(api);

    const { figures } = await metered(() => {
      expect(() => client.messages.create(wrong)).toThrow("Streaming is required");
    });

    expect(figures).toEqual(FAILED);
    expect(api.requests).toEqual([]);
  });

  test("of the connection is a failure", async () => {
    const client = meteredClient(api);
    await api.close();

    const { figures } = await metered(() =>
      expect(client.messages.create(params)).rejects.toThrow(Anthropic.APIConnectionError),
    );

    expect(figures).toEqual(FAILED);
  });

  test("of the deadline is a failure", async () => {
    api.script({ type: "hang" });
    const client = meteredClient(api, { timeout: 50 });

    const { figures } = await metered(() =>
      expect(client.messages.create(params)).rejects.toThrow(Anthropic.APIConnectionTimeoutError),
    );

    expect(figures).toEqual(FAILED);
  });
});

describe("a request is aborted", () => {
  const signalled = (client: Anthropic, signal: AbortSignal) =>
    expect(client.messages.create(params, { signal })).rejects.toThrow(Anthropic.APIUserAbortError);

  test("when its signal is before it is sent", async () => {
    const { figures } = await metered(() => signalled(meteredClient(api), AbortSignal.abort()));

    expect(figures).toEqual(ABORTED);
    expect(api.requests).toEqual([]);
  });

  test("when its signal is while it waits", async () => {
    api.script({ type: "hang" });
    const controller = new AbortController();

    const { figures } = await metered(async () => {
      const aborted = signalled(meteredClient(api), controller.signal);
      await api.arrival(0);
      controller.abort();
      await aborted;
    });

    expect(figures).toEqual(ABORTED);
  });

  test("when its message stream is while it waits", async () => {
    api.script({ type: "hang" });

    const { figures } = await metered(async () => {
      const stream = meteredClient(api).messages.stream(params);
      await api.arrival(0);
      stream.abort();
      await expect(stream.done()).rejects.toThrow(Anthropic.APIUserAbortError);
    });

    expect(figures).toEqual(ABORTED);
  });
});

/** What is the same in two errors of the same kind: all but the id of the request. */
async function thrownBy(promise: PromiseLike<unknown>) {
  try {
    await promise;
  } catch (error) {
    const { name, message } = error as Error;
    return { name, message: message.replaceAll(/req_\d+/g, ""), class: error?.constructor };
  }
  throw new Error("it did not fail");
}
