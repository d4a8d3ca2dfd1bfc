import { describe, expect, test } from "@jest/globals";
import type { AnthropicClient } from "../../src/ai-pricing/anthropic.ts";
import { InvalidOptionError } from "../../src/errors.ts";
import {
  instrumentAnthropic,
  MODEL,
  metered,
  ONE,
  params,
  trackAiRequest,
  USAGE,
} from "./metered.ts";

describe("a client that is not the SDK's", () => {
  test.each<{ name: string; create: () => unknown }>([
    { name: "a promise", create: async () => ({ usage: USAGE }) },
    { name: "at once", create: () => ({ usage: USAGE }) },
  ])("counts what it answers with $name", async ({ create }) => {
    const client = instrumentAnthropic({ messages: { create: create as (_: object) => unknown } });

    const { result, figures } = await metered(() => client.messages.create(params));

    expect(result).toEqual({ usage: USAGE });
    expect(figures).toEqual(ONE);
  });

  test("keeps what its promises can do besides, and when they start", async () => {
    let started = 0;
    const lazy = {
      // biome-ignore lint/suspicious/noThenProperty: as query builders and wrapped clients do it.
      then: (fulfilled: (value: unknown) => unknown) => {
        started += 1;
        return Promise.resolve({ usage: USAGE }).then(fulfilled);
      },
      withResponse: () => "mine",
    };
    const client = instrumentAnthropic({ messages: { create: (_: object) => lazy } });

    const { result, figures } = await metered(async () => {
      const promise = client.messages.create(params);
      expect(promise.withResponse()).toBe("mine");
      expect(started).toBe(0);
      return { ...((await promise) as object) };
    });

    expect(started).toBe(1);
    expect(result).toEqual({ usage: USAGE });
    expect(figures).toEqual(ONE);
  });

  test("counts once a promise that does its work each time it is awaited", async () => {
    const lazy = {
      // biome-ignore lint/suspicious/noThenProperty: as above.
      then: (fulfilled: (value: unknown) => unknown) => fulfilled({ usage: USAGE }),
    };
    const client = instrumentAnthropic({ messages: { create: (_: object) => lazy } });

    const { figures } = await metered(() =>
      trackAiRequest(MODEL, async () => {
        const promise = client.messages.create(params);
        await promise;
        await promise;
      }),
    );

    expect(figures).toEqual(ONE);
  });

  test.each<{ name: string; create: () => unknown }>([
    { name: "rejects", create: () => Promise.reject(new TypeError("mine")) },
    {
      name: "throws",
      create: () => {
        throw new TypeError("mine");
      },
    },
  ])("fails as itself when it $name", async ({ create }) => {
    const client = instrumentAnthropic({ messages: { create: create as (_: object) => unknown } });

    const { figures } = await metered(() =>
      expect(async () => client.messages.create(params)).rejects.toThrow(new TypeError("mine")),
    );

    expect(figures).toEqual({ requests: 1, failed: 1, latencies: 1 });
  });

  test.each<{ name: string; client: unknown }>([
    { name: "nothing", client: undefined },
    { name: "null", client: null },
    { name: "a key", client: "sk-ant-1" },
    { name: "an empty object", client: {} },
    { name: "a client of OpenAI", client: { chat: { completions: { create() {} } } } },
    { name: "messages that cannot be created", client: { messages: { list() {} } } },
  ])("is refused when it is $name", ({ client }) => {
    expect(() => instrumentAnthropic(client as AnthropicClient)).toThrow(InvalidOptionError);
  });
});
