import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { createGate, type MessagesApi, startMessagesApi } from "../support/messages-api.ts";
import { MODEL, metered, meteredClient, ONE, params, trackAiRequest, USAGE } from "./metered.ts";

let api: MessagesApi;

beforeEach(async () => {
  api = await startMessagesApi();
});

afterEach(() => api.close());

const message = { type: "message", usage: USAGE } as const;

const stream = { type: "stream", content: "Hello, trader!", usage: USAGE } as const;

const streaming = { ...params, stream: true } as const;

describe("trackAiRequest around an instrumented client", () => {
  test("sums what a loop inside it spends, also when it fails in the end", async () => {
    api.script(message, message, { type: "error", status: 529 });
    const client = meteredClient(api);

    const { figures } = await metered(() =>
      expect(
        trackAiRequest(MODEL, async () => {
          for (;;) await client.messages.create(params);
        }),
      ).rejects.toThrow("529"),
    );

    const tokens = { input: 2000, output: 400 };
    expect(figures).toEqual({ requests: 1, failed: 1, latencies: 1, usd: 0.004, tokens });
  });

  test("sums streams and messages of calls side by side", async () => {
    api.script(message, message, message);
    const client = meteredClient(api);

    const { figures } = await metered(() =>
      trackAiRequest(MODEL, () => Promise.all([1, 2, 3].map(() => client.messages.create(params)))),
    );

    expect(figures).toMatchObject({ requests: 1, succeeded: 1, usd: 0.006 });
  });

  test("leaves a call that outlives it to be counted for itself", async () => {
    const gate = createGate();
    api.script(async () => {
      await gate.opened;
      return message;
    });
    const client = meteredClient(api);

    const { figures } = await metered(async () => {
      let call: PromiseLike<unknown> = Promise.resolve();
      await trackAiRequest(MODEL, () => {
        call = client.messages.create(params);
        return "not waiting";
      });
      gate.open();
      await call;
    });

    expect(figures).toEqual({ ...ONE, requests: 2, succeeded: 2, latencies: 2, unpriced: 1 });
  });

  test("leaves a stream that is read after it to be counted for itself", async () => {
    api.script(stream);
    const client = meteredClient(api);

    const { figures } = await metered(async () => {
      const web = await trackAiRequest(MODEL, async () =>
        (await client.messages.create(streaming)).toReadableStream(),
      );
      await new Response(web).text();
    });

    expect(figures).toEqual({ ...ONE, requests: 2, succeeded: 2, latencies: 2, unpriced: 1 });
  });
});
