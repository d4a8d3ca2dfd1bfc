import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { PRICE_LIST } from "../../src/ai-pricing/price.ts";
import { exposedCounts } from "../metrics/exposed.ts";
import { type MessagesApi, startMessagesApi } from "../support/messages-api.ts";
import {
  bareClient,
  instrumentAnthropic,
  metered,
  meteredClient,
  ONE,
  params,
  USAGE,
} from "./metered.ts";

let api: MessagesApi;

beforeEach(async () => {
  api = await startMessagesApi();
});

afterEach(() => api.close());

const answer = { type: "message", usage: USAGE } as const;

describe("a message", () => {
  test("costs what the provider's bill says, to the last millionth", async () => {
    const model = "claude-3-7-sonnet-20250219";
    api.script({
      type: "message",
      usage: { input_tokens: 3, cache_creation_input_tokens: 12304, output_tokens: 550 },
    });
    const client = meteredClient(api);

    const { set } = await metered(() => client.messages.create({ ...params, model }));

    const { name, version } = PRICE_LIST;
    expect([...exposedCounts(set)].sort()).toEqual(
      [
        `ai_api_cost_usd_total{model_name="${model}"} 0.054399`,
        `ai_api_latency_seconds_count{model_name="${model}"} 1`,
        `ai_api_request_outcomes_total{model_name="${model}",outcome="succeeded"} 1`,
        `ai_api_requests_total{model_name="${model}"} 1`,
        `ai_api_tokens_total{model_name="${model}",token_type="cache_read"} 0`,
        `ai_api_tokens_total{model_name="${model}",token_type="cache_write"} 12304`,
        `ai_api_tokens_total{model_name="${model}",token_type="cache_write_1h"} 0`,
        `ai_api_tokens_total{model_name="${model}",token_type="input"} 3`,
        `ai_api_tokens_total{model_name="${model}",token_type="output"} 550`,
        `closing_bell_ai_pricing_info{package="${name}",version="${version}"} 1`,
      ].sort(),
    );
  });

  test("is the SDK's own, with the id of its request", async () => {
    api.script({ ...answer, id: "msg_1" }, { ...answer, id: "msg_1" });
    const bare = await bareClient(api).messages.create(params);

    const { result } = await metered(() => meteredClient(api).messages.create(params));

    expect(result).toEqual(bare);
    expect(result).toHaveProperty("_request_id", api.requests[1]?.id);
  });

  test.each<{ name: string; read: (client: ReturnType<typeof meteredClient>) => unknown }>([
    { name: "create", read: (client) => client.messages.create(params) },
    { name: "parse", read: (client) => client.messages.parse(params) },
    { name: "beta create", read: (client) => client.beta.messages.create(params) },
    { name: "beta parse", read: (client) => client.beta.messages.parse(params) },
    {
      name: "withResponse",
      read: async (client) => {
        const { data, response, request_id } = await client.messages.create(params).withResponse();
        expect(response.headers.get("request-id")).toBe(request_id);
        expect(data).toHaveProperty("_request_id", request_id);
        return data;
      },
    },
    {
      name: "then",
      read: (client) => client.messages.create(params).then(({ content }) => ({ content })),
    },
    {
      name: "finally",
      read: (client) => client.messages.create(params).finally(() => undefined),
    },
    {
      name: "create, awaited twice",
      read: async (client) => {
        const promise = client.messages.create(params);
        const [first, second] = [await promise, await promise];
        expect(second).toBe(first);
        return first;
      },
    },
    {
      name: "withResponse and once more",
      read: async (client) => {
        const promise = client.messages.create(params);
        const { data } = await promise.withResponse();
        expect(await promise).toBe(data);
        return data;
      },
    },
  ])("is counted once when it is read with $name", async ({ read }) => {
    api.script(answer);
    const client = meteredClient(api);

    const { result, figures } = await metered(() => read(client));

    expect(result).toMatchObject({ content: [{ type: "text", text: "Hello!" }] });
    expect(figures).toEqual(ONE);
  });

  test("that is taken as raw response is for the job to read, and has no price", async () => {
    api.script(answer);
    const client = meteredClient(api);

    const { result, figures } = await metered(() => client.messages.create(params).asResponse());

    expect(result.bodyUsed).toBe(false);
    await expect(result.json()).resolves.toMatchObject({ usage: USAGE });
    expect(figures).toEqual({ requests: 1, succeeded: 1, latencies: 1, unpriced: 1 });
  });

  test("that nobody waits for is a request without an outcome once it has arrived", async () => {
    api.script(answer);
    const client = meteredClient(api);

    const { figures } = await metered(async () => {
      const promise = client.messages.create(params);
      await Reflect.get(promise, "responsePromise");
    });

    expect(figures).toEqual({ requests: 1 });
  });

  test.each([
    { name: "are text", usage: { input_tokens: "many" as never, output_tokens: 5 } },
    { name: "are negative", usage: { input_tokens: -1 } },
    { name: "are missing in part", usage: { input_tokens: 5, output_tokens: undefined } },
  ])("whose counts $name is the job's all the same, without a price", async ({ usage }) => {
    api.script({ type: "message", usage });
    const client = meteredClient(api);

    const { result, set, figures } = await metered(() => client.messages.create(params));

    expect(result.content).toMatchObject([{ text: "Hello!" }]);
    expect(figures).toEqual({ requests: 1, succeeded: 1, latencies: 1, unpriced: 1, refused: 1 });
    expect(set.refusals()).toEqual([expect.stringMatching(/^usage\.(in|out)put_tokens is /)]);
  });
});

describe("an instrumented client", () => {
  test("is the client itself, with no property that can be listed more than before", () => {
    const client = bareClient(api);
    const keys = [Object.keys(client), Object.keys(client.messages)];

    expect(instrumentAnthropic(client)).toBe(client);

    expect([Object.keys(client), Object.keys(client.messages)]).toEqual(keys);
  });

  test("counts once, however often it is instrumented", async () => {
    api.script(answer);
    const client = instrumentAnthropic(instrumentAnthropic(bareClient(api)));
    instrumentAnthropic(client.withOptions({}));

    const { figures } = await metered(() => client.messages.create(params));

    expect(figures).toEqual(ONE);
  });

  test("counts once, even when somebody else has wrapped it in between", async () => {
    api.script(answer);
    const client = meteredClient(api);
    const counted = client.messages.create.bind(client.messages);
    client.messages.create = ((...args: Parameters<typeof counted>) =>
      counted(...args)) as typeof client.messages.create;
    instrumentAnthropic(client);

    const { figures } = await metered(() => client.messages.create(params));

    expect(figures).toEqual(ONE);
  });

  test("makes copies that count, and copies of these", async () => {
    api.script(answer, answer);
    const copy = meteredClient(api).withOptions({ timeout: 5000 });
    const copyOfCopy = copy.withOptions({ maxRetries: 3 });
    expect(copyOfCopy).toMatchObject({ timeout: 5000, maxRetries: 3 });

    const { figures } = await metered(async () => {
      await copy.messages.create(params);
      await copyOfCopy.beta.messages.create(params);
    });

    expect(figures).toMatchObject({ requests: 2, succeeded: 2, usd: 0.004 });
  });

  test("counts no tokens ahead, no batches and no other requests", async () => {
    api.script(
      { type: "token-count", inputTokens: 14 },
      { type: "batch", counts: { succeeded: 1 } },
      { type: "batch-results", results: [{ customId: "a", type: "succeeded" }] },
    );
    const client = meteredClient(api);

    const { set } = await metered(async () => {
      const { model, messages } = params;
      await client.messages.countTokens({ model, messages });
      for await (const _ of await client.messages.batches.results("msgbatch_1"));
    });

    expect(api.left()).toBe(0);
    expect(exposedCounts(set)).toEqual([]);
  });
});
