import Anthropic from "@anthropic-ai/sdk";
import { betaTool } from "@anthropic-ai/sdk/helpers/beta/json-schema";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { createGate, type MessagesApi, startMessagesApi } from "./messages-api.ts";

const params = {
  model: "claude-haiku-4-5",
  max_tokens: 100,
  messages: [{ role: "user" as const, content: "What is 2 + 1?" }],
};

let api: MessagesApi;
let client: Anthropic;

beforeEach(async () => {
  api = await startMessagesApi();
  client = clientOf(api);
});

afterEach(() => api.close());

describe("a message", () => {
  test("is what was scripted, in the model that was asked for", async () => {
    api.script({
      type: "message",
      content: "Three.",
      stopReason: "max_tokens",
      usage: {
        input_tokens: 7,
        cache_creation_input_tokens: 30,
        cache_read_input_tokens: null,
        cache_creation: { ephemeral_1h_input_tokens: 10, ephemeral_5m_input_tokens: 20 },
        output_tokens: 40,
        server_tool_use: { web_search_requests: 2, web_fetch_requests: 0 },
        service_tier: "priority",
        inference_geo: undefined,
      },
    });

    const message = await client.messages.create(params);

    expect(message).toEqual({
      id: expect.stringMatching(/^msg_/),
      type: "message",
      role: "assistant",
      model: "claude-haiku-4-5",
      content: [{ type: "text", text: "Three.", citations: null }],
      stop_reason: "max_tokens",
      stop_sequence: null,
      stop_details: null,
      container: null,
      diagnostics: null,
      usage: {
        input_tokens: 7,
        cache_creation_input_tokens: 30,
        cache_read_input_tokens: null,
        cache_creation: { ephemeral_1h_input_tokens: 10, ephemeral_5m_input_tokens: 20 },
        output_tokens: 40,
        output_tokens_details: null,
        server_tool_use: { web_search_requests: 2, web_fetch_requests: 0 },
        service_tier: "priority",
        speed: null,
      },
    });
    expect(message.usage).not.toHaveProperty("inference_geo");
    const request = await api.arrival(0);
    expect(request).toMatchObject({ method: "POST", path: "/v1/messages", body: params });
    expect(request.headers.authorization).toBe("Bearer key");
    expect(message._request_id).toBe(request.id);
    await expect(request.ended).resolves.toBe("complete");
  });

  test("answers with ?beta=true too, under another model and id if need be", async () => {
    api.script({ type: "message", model: "claude-haiku-4-5-20251001", id: "msg_1" });

    const message = await client.post("/v1/messages?beta=true", { body: params });

    expect(message).toMatchObject({ id: "msg_1", model: "claude-haiku-4-5-20251001" });
    expect(api.requests[0]?.path).toBe("/v1/messages?beta=true");
  });
});

describe("a stream", () => {
  test("has the documented events on the wire", async () => {
    api.script({
      type: "stream",
      content: [
        { type: "text", text: "I add." },
        { type: "tool_use", name: "add", input: { a: 2, b: 1 } },
      ],
    });

    const response = await fetch(`${api.url}/v1/messages`, {
      method: "POST",
      body: JSON.stringify({ ...params, stream: true }),
    });
    const text = await response.text();

    expect(response.headers.get("content-type")).toMatch(/^text\/event-stream/);
    expect(response.headers.get("request-id")).toBe(api.requests[0]?.id);
    const events = text.trimEnd().split("\n\n");
    expect(events.map((event) => /^event: (\w+)\ndata: \{"type":"\1"/.exec(event)?.[1])).toEqual([
      "message_start",
      "content_block_start",
      "ping",
      "content_block_delta",
      "content_block_delta",
      "content_block_stop",
      "content_block_start",
      "content_block_delta",
      "content_block_delta",
      "content_block_delta",
      "content_block_stop",
      "message_delta",
      "message_stop",
    ]);
  });

  test("has small usage at its start and all of it at its end", async () => {
    api.script({ type: "stream", usage: { input_tokens: 70, output_tokens: 50 } });

    const events = await collect(await client.messages.create({ ...params, stream: true }));

    expect(events.at(0)).toMatchObject({
      message: { content: [], stop_reason: null, usage: { input_tokens: 70, output_tokens: 1 } },
    });
    expect(events.at(-2)).toEqual({
      type: "message_delta",
      delta: { stop_reason: "end_turn", stop_sequence: null, stop_details: null, container: null },
      usage: {
        input_tokens: 70,
        cache_creation_input_tokens: 0,
        cache_read_input_tokens: 0,
        output_tokens: 50,
      },
    });
    expect(events.at(-1)?.type).toBe("message_stop");
  });

  test("adds up to the same message as no stream", async () => {
    const fields = {
      id: "msg_1",
      content: [
        { type: "text", text: "I add." },
        { type: "tool_use", name: "add", input: { a: 2, b: [1, "é"] } },
      ],
      usage: { input_tokens: 70, cache_read_input_tokens: 6, output_tokens: 50 },
    } as const;
    api.script({ type: "stream", ...fields }, { type: "message", ...fields });

    const streamed = await client.messages.stream(params).finalMessage();

    const created = await client.messages.create(params);
    expect(streamed).toEqual({ ...created, parsed_output: null });
    expect(streamed.stop_reason).toBe("tool_use");
    expect(streamed.content[1]).toMatchObject({ name: "add", input: { a: 2, b: [1, "é"] } });
  });

  test("has as many message_delta events as scripted, with nulls and gaps", async () => {
    api.script({
      type: "stream",
      startUsage: { input_tokens: 70, cache_read_input_tokens: null, output_tokens: 2 },
      deltaUsages: [{ output_tokens: 20 }, { input_tokens: null, output_tokens: 50 }],
    });

    const events = await collect(await client.messages.create({ ...params, stream: true }));

    expect(events[0]).toMatchObject({
      message: { usage: { input_tokens: 70, cache_read_input_tokens: null, output_tokens: 2 } },
    });
    const deltas = events.flatMap((event) => (event.type === "message_delta" ? [event] : []));
    expect(deltas.map(({ usage }) => usage)).toEqual([
      { output_tokens: 20 },
      { input_tokens: null, output_tokens: 50 },
    ]);
    expect(deltas.map(({ delta }) => delta.stop_reason)).toEqual([null, "end_turn"]);
  });

  test("waits where it is told to until it is let go", async () => {
    const gate = createGate();
    api.script({ type: "stream", pause: { after: 0, until: gate.opened } }, { type: "message" });

    const stream = await client.messages.create({ ...params, stream: true });
    await client.messages.create(params);
    const first = await api.arrival(0);

    await expect(Promise.race([first.ended, "not yet"])).resolves.toBe("not yet");
    gate.open();
    await expect(collect(stream)).resolves.toHaveLength(7);
    await expect(first.ended).resolves.toBe("complete");
  });

  test("is cut where it is told to", async () => {
    const cut = { type: "stream", end: { type: "cut", after: "content_block_delta" } } as const;
    api.script(cut, cut);

    const seen: string[] = [];
    const reading = (async () => {
      const stream = await client.messages.create({ ...params, stream: true });
      for await (const { type } of stream) seen.push(type);
    })();

    await expect(reading).rejects.toMatchObject({ name: "TypeError", message: "terminated" });
    expect(seen).toEqual(["message_start", "content_block_start", "content_block_delta"]);
    await expect(api.requests[0]?.ended).resolves.toBe("cut");
    const helper = client.messages.stream(params);
    await expect(helper.finalMessage()).rejects.toThrow(/terminated/);
    expect(helper.currentMessage?.usage.input_tokens).toBe(10);
  });

  test("ends in an error event where it is told to", async () => {
    const answer = { type: "stream", end: { type: "error", after: "content_block_stop" } } as const;
    api.script(answer, answer);

    const stream = await client.messages.create({ ...params, stream: true });

    await expect(collect(stream)).rejects.toMatchObject({
      name: "APIError",
      status: undefined,
      type: "overloaded_error",
      error: { type: "error", request_id: api.requests[0]?.id },
    });
    await expect(client.messages.stream(params).finalMessage()).rejects.toThrow(Anthropic.APIError);
    await expect(api.requests[0]?.ended).resolves.toBe("complete");
  });

  test("ends early where it is told to, which only the helper minds", async () => {
    const answer = { type: "stream", end: { type: "early", after: "message_delta" } } as const;
    api.script(answer, answer);

    const events = await collect(await client.messages.create({ ...params, stream: true }));

    expect(events.at(-1)?.type).toBe("message_delta");
    await expect(client.messages.stream(params).finalMessage()).rejects.toThrow(
      "stream ended without producing a Message",
    );
  });
});

describe("a client that leaves", () => {
  const paused = {
    type: "stream",
    pause: { after: "content_block_delta", until: createGate().opened },
  } as const;

  test.each<{ name: string; leave: (abort: AbortController) => "break" | undefined }>([
    { name: "by its signal", leave: (abort) => void abort.abort() },
    { name: "by breaking out of the loop", leave: () => "break" },
  ])("in the middle of a raw stream is seen to, and gets no error: $name", async ({ leave }) => {
    api.script(paused);
    const abort = new AbortController();

    const seen: string[] = [];
    const { signal } = abort;
    const stream = await client.messages.create({ ...params, stream: true }, { signal });
    for await (const { type } of stream) {
      seen.push(type);
      if (type === "content_block_delta" && leave(abort) === "break") break;
    }

    expect(seen).toEqual(["message_start", "content_block_start", "content_block_delta"]);
    await expect(api.requests[0]?.ended).resolves.toBe("client-left");
  });

  test("in the middle of the stream helper is seen to, and gets an error", async () => {
    api.script(paused);

    const stream = client.messages.stream(params);
    stream.on("text", () => stream.abort());

    await expect(stream.finalMessage()).rejects.toThrow(Anthropic.APIUserAbortError);
    expect(stream.currentMessage?.usage.output_tokens).toBe(1);
    await expect(api.requests[0]?.ended).resolves.toBe("client-left");
  });

  test("before any answer is seen to", async () => {
    api.script({ type: "hang" });
    const abort = new AbortController();

    const message = client.messages.create(params, { signal: abort.signal });
    const rejected = expect(message).rejects.toThrow(Anthropic.APIUserAbortError);
    const request = await api.arrival(0);
    abort.abort();

    await rejected;
    await expect(request.ended).resolves.toBe("client-left");
  });

  test("is told from a server that closes", async () => {
    api.script({ type: "hang" });

    const rejected = expect(client.messages.create(params)).rejects.toThrow(
      Anthropic.APIConnectionError,
    );
    const request = await api.arrival(0);
    await api.close();

    await rejected;
    await expect(request.ended).resolves.toBe("closed");
  });
});

describe("an error", () => {
  test.each([
    { status: 400, type: "invalid_request_error", name: "BadRequestError" },
    { status: 401, type: "authentication_error", name: "AuthenticationError" },
    { status: 403, type: "permission_error", name: "PermissionDeniedError" },
    { status: 404, type: "not_found_error", name: "NotFoundError" },
    { status: 413, type: "request_too_large", name: "ContentTooLargeError" },
    { status: 429, type: "rate_limit_error", name: "RateLimitError" },
    { status: 500, type: "api_error", name: "InternalServerError" },
    { status: 529, type: "overloaded_error", name: "OverloadedError" },
  ])("$status: $name", async ({ status, type, name }) => {
    api.script({ type: "error", status, message: "No.", headers: { "retry-after": "9" } });

    const error = await client.messages.create(params).catch((thrown) => thrown);

    expect(error).toMatchObject({ name, status, type, apiMessage: "No." });
    const { id: request_id } = await api.arrival(0);
    expect(error.error).toEqual({ type: "error", error: { type, message: "No." }, request_id });
    expect(error.requestID).toBe(request_id);
    expect(error.headers.get("retry-after")).toBe("9");
  });

  test("is followed by the retries of the SDK", async () => {
    const overloaded = { type: "error", status: 529, headers: { "retry-after-ms": "1" } } as const;
    api.script(overloaded, overloaded, { type: "message", content: "At last." });

    const message = await client.messages.create(params, { maxRetries: 2 });

    expect(message.content).toMatchObject([{ text: "At last." }]);
    const retries = api.requests.map(({ headers }) => headers["x-stainless-retry-count"]);
    expect(retries).toEqual(["0", "1", "2"]);
  });

  test("is not, when its headers say so", async () => {
    api.script({ type: "error", status: 529, headers: { "x-should-retry": "false" } });

    await expect(client.messages.create(params, { maxRetries: 2 })).rejects.toThrow(
      Anthropic.InternalServerError,
    );
    expect(api.requests).toHaveLength(1);
  });

  test.each([
    { name: "a message", request: params },
    { name: "a stream", request: { ...params, stream: true } },
  ])("can be $name that makes no sense", async ({ request }) => {
    api.script({ type: "nonsense" });

    const reading = (async () => {
      const answer = await client.messages.create(request);
      if ("controller" in answer) await collect(answer);
    })();

    await expect(reading).rejects.toMatchObject({ name: "SyntaxError" });
  });
});

describe("a tool loop", () => {
  test.each([
    { name: "on a thread sends only what is new", options: {}, roles: ["user"] },
    {
      name: "off a thread sends all of it again",
      options: { thread: false as const },
      roles: ["user", "assistant", "user"],
    },
  ])("$name", async ({ options, roles }) => {
    api.script(
      { type: "message", content: [{ type: "tool_use", name: "add", input: { a: 2, b: 1 } }] },
      { type: "message", content: "Three." },
    );

    const tools = [addTool()];
    const final = await client.beta.messages.toolRunner({ ...params, ...options, tools });

    expect(final.content).toMatchObject([{ type: "text", text: "Three." }]);
    expect(api.requests.map(({ method, path }) => `${method} ${path}`)).toEqual([
      "POST /v1/messages",
      "POST /v1/messages",
    ]);
    const sent = api.requests[1]?.body?.["messages"] as typeof params.messages;
    expect(sent.map(({ role }) => role)).toEqual(roles);
    expect(sent.at(-1)?.content).toMatchObject([{ type: "tool_result", content: "3" }]);
  });
});

describe("concurrent calls", () => {
  test("each get the answer to their own question", async () => {
    const calls = Array.from({ length: 20 }, (_, index) => index);
    await api.close();
    api = await startMessagesApi({
      async answer({ body }) {
        // All are under way before the first one is answered.
        await api.arrival(calls.length - 1);
        return { type: "message", usage: { output_tokens: Number(body?.["max_tokens"]) } };
      },
    });
    client = clientOf(api);

    const messages = await Promise.all(
      calls.map((call) => client.messages.create({ ...params, max_tokens: 100 + call })),
    );

    const counts = messages.map(({ usage }) => usage.output_tokens);
    expect(counts).toEqual(calls.map((call) => 100 + call));
    expect(new Set(messages.map(({ id }) => id)).size).toBe(calls.length);
  });

  test("get scripted answers in order of arrival", async () => {
    api.script({ type: "message", content: "first" }, ({ index }) => ({
      type: "message",
      content: `second, of request ${index}`,
    }));

    const answered = [client.messages.create(params), client.messages.create(params)];
    const messages = await Promise.all(answered);

    const inOrder = api.requests.map(({ id }) => messages.find((one) => one._request_id === id));
    expect(inOrder).toMatchObject([
      { content: [{ text: "first" }] },
      { content: [{ text: "second, of request 1" }] },
    ]);
    expect(api.left()).toBe(0);
  });
});

describe("beside messages", () => {
  test("tokens are counted", async () => {
    api.script({ type: "token-count", inputTokens: 14 });

    const { model, messages } = params;

    await expect(client.messages.countTokens({ model, messages })).resolves.toEqual({
      input_tokens: 14,
    });
    expect(api.requests[0]?.path).toBe("/v1/messages/count_tokens");
  });

  test("the results of a batch are lines of the service tier batch", async () => {
    api.script(
      { type: "batch", counts: { succeeded: 1, errored: 1, expired: 1 } },
      {
        type: "batch-results",
        results: [
          { customId: "a", type: "succeeded", message: { usage: { output_tokens: 50 } } },
          { customId: "b", type: "errored" },
          { customId: "c", type: "expired" },
        ],
      },
    );

    const lines = await collect(await client.messages.batches.results("msgbatch_1"));

    expect(lines).toMatchObject([
      {
        custom_id: "a",
        result: {
          type: "succeeded",
          message: { type: "message", usage: { output_tokens: 50, service_tier: "batch" } },
        },
      },
      {
        custom_id: "b",
        result: { type: "errored", error: { error: { type: "invalid_request_error" } } },
      },
      { custom_id: "c", result: { type: "expired" } },
    ]);
    expect(api.requests.map(({ method, path }) => `${method} ${path}`)).toEqual([
      "GET /v1/messages/batches/msgbatch_1",
      "GET /v1/messages/batches/msgbatch_1/results",
    ]);
  });

  test("a batch that is not over has no results yet", async () => {
    api.script({ type: "batch", status: "in_progress", counts: { processing: 3 } });

    await expect(client.messages.batches.retrieve("msgbatch_1")).resolves.toMatchObject({
      id: "msgbatch_1",
      processing_status: "in_progress",
      request_counts: { processing: 3, succeeded: 0 },
      results_url: null,
      ended_at: null,
    });
  });

  test("an unknown path is not found, and takes nothing from the script", async () => {
    api.script({ type: "message" });

    await expect(client.models.retrieve("claude-haiku-4-5")).rejects.toMatchObject({
      name: "NotFoundError",
      type: "not_found_error",
      requestID: "req_000000000000000000000000",
    });
    expect(api.left()).toBe(1);
  });
});

describe("a mistake in the script is an error that is not retried", () => {
  test.each<{ name: string; prepare: () => void; message: string }>([
    {
      name: "nothing left",
      prepare: () => {},
      message: "no answer left for POST /v1/messages",
    },
    {
      name: "a stream nobody asked for",
      prepare: () => api.script({ type: "stream" }),
      message: "stream is no answer to POST /v1/messages, stream false",
    },
    {
      name: "an answer to something else",
      prepare: () => api.script({ type: "token-count", inputTokens: 1 }),
      message: "token-count is no answer to POST /v1/messages, stream false",
    },
    {
      name: "a function that throws",
      prepare: () =>
        api.script(() => {
          throw new Error("ouch");
        }),
      message: "Error: ouch",
    },
  ])("$name", async ({ prepare, message }) => {
    prepare();

    await expect(client.messages.create(params, { maxRetries: 2 })).rejects.toMatchObject({
      status: 500,
      apiMessage: message,
    });
    expect(api.requests).toHaveLength(1);
  });

  test("a message where a stream was asked for", async () => {
    api.script({ type: "message" });

    await expect(client.messages.create({ ...params, stream: true })).rejects.toMatchObject({
      apiMessage: "message is no answer to POST /v1/messages, stream true",
    });
  });

  test.each([9, -1, 1.5, "error"] as const)("a stream without a position %p", async (after) => {
    api.script({ type: "stream", end: { type: "early", after } });

    await expect(client.messages.create({ ...params, stream: true })).rejects.toMatchObject({
      status: 500,
      apiMessage: `Error: no position ${JSON.stringify(after)} in a stream of 8 events`,
    });
  });
});

function clientOf({ url }: MessagesApi): Anthropic {
  return new Anthropic({ apiKey: "key", baseURL: url, maxRetries: 0, logLevel: "off" });
}

function addTool() {
  return betaTool({
    name: "add",
    description: "Adds two numbers.",
    inputSchema: {
      type: "object",
      properties: { a: { type: "number" }, b: { type: "number" } },
      required: ["a", "b"],
    },
    run: ({ a, b }) => String(a + b),
  });
}

async function collect<T>(items: AsyncIterable<T>): Promise<readonly T[]> {
  const collected: T[] = [];
  for await (const item of items) collected.push(item);
  return collected;
}
