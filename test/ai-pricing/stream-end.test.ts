import { setImmediate as turn } from "node:timers/promises";
import { MessageStream } from "@anthropic-ai/sdk/lib/MessageStream";
import { Stream } from "@anthropic-ai/sdk/streaming";
import { describe, expect, test } from "@jest/globals";
import {
  AT_END,
  AT_START,
  DELTA,
  leaveAfter,
  readAll,
  START,
  streamOf,
  TEXT,
  WHOLE,
  watched,
} from "./watched.ts";

const abort = Object.assign(new Error("stop"), { name: "AbortError" });
const broken = new Error("connection reset");

/** The SDK's own stream over given events: it ends in silence when it is aborted. */
function sdkStream(events: readonly unknown[], thrown?: unknown): Stream<unknown> {
  const controller = new AbortController();
  async function* iterator() {
    let isDone = false;
    try {
      for await (const event of streamOf(events, thrown)) {
        if (controller.signal.aborted) return;
        yield event;
      }
      isDone = true;
    } finally {
      if (!isDone) controller.abort();
    }
  }
  return new Stream(iterator, controller);
}

describe.each([
  { name: "a generator", open: streamOf },
  { name: "the SDK's stream", open: sdkStream },
])("$name", ({ open }) => {
  const read = (count: number) => (stream: AsyncIterable<unknown>) => leaveAfter(count, stream);

  test.each<{
    name: string;
    events: readonly unknown[];
    thrown?: unknown;
    act?: (stream: AsyncIterable<unknown>) => Promise<unknown>;
    outcome: string;
    answer: object;
  }>([
    { name: "that was read has succeeded", events: WHOLE, outcome: "succeeded", answer: AT_END },
    {
      name: "that ends without its last event has failed, with what is known",
      events: [START, TEXT],
      outcome: "failed",
      answer: AT_START,
    },
    {
      name: "that was left is aborted, with what is known",
      events: WHOLE,
      act: read(2),
      outcome: "aborted",
      answer: AT_START,
    },
    {
      name: "that was left after its last event has succeeded",
      events: WHOLE,
      act: read(4),
      outcome: "succeeded",
      answer: AT_END,
    },
    {
      name: "that throws has failed, with what is known",
      events: [START, TEXT, DELTA],
      thrown: broken,
      outcome: "failed",
      answer: AT_END,
    },
    {
      name: "that throws an abort is aborted, with what is known",
      events: [START, TEXT],
      thrown: abort,
      outcome: "aborted",
      answer: AT_START,
    },
    {
      name: "of nothing has succeeded, and says nothing",
      events: [],
      outcome: "succeeded",
      answer: {},
    },
  ])("$name", async ({ events, thrown, act = readAll, outcome, answer }) => {
    const { stream, isWatched, ends } = watched(open(events, thrown));
    expect(isWatched).toBe(true);
    if (thrown === undefined) await act(stream);
    else await expect(act(stream)).rejects.toBe(thrown);
    expect(ends).toEqual([{ outcome, answer }]);
  });

  test("has not ended before it was read", async () => {
    const { ends } = watched(open(WHOLE));
    await turn();
    expect(ends).toEqual([]);
  });

  test("ends once, however often it is read on", async () => {
    const { stream, ends } = watched(open(WHOLE));
    await readAll(stream);
    await readAll(stream).catch(() => []);
    expect(ends).toEqual([{ outcome: "succeeded", answer: AT_END }]);
  });
});

describe("the SDK's stream", () => {
  test("that is aborted while nobody reads is aborted at once", () => {
    const { stream, ends } = watched(sdkStream(WHOLE));
    stream.controller.abort();
    stream.controller.abort();
    expect(ends).toEqual([{ outcome: "aborted", answer: {} }]);
  });

  test("that is aborted while it is read is aborted, though it ends as if it had been read", async () => {
    const { stream, ends } = watched(sdkStream(WHOLE));
    const items: unknown[] = [];
    for await (const item of stream) {
      items.push(item);
      if (items.length === 2) stream.controller.abort();
    }
    expect(items).toEqual(WHOLE.slice(0, 2));
    expect(ends).toEqual([{ outcome: "aborted", answer: AT_START }]);
  });

  test("that is split in two is counted once, and each part is whole", async () => {
    const { stream, ends } = watched(sdkStream(WHOLE));
    const [left, right] = stream.tee();
    expect(await Promise.all([readAll(left), readAll(right)])).toEqual([WHOLE, WHOLE]);
    expect(ends).toEqual([{ outcome: "succeeded", answer: AT_END }]);
  });

  test("that is made a web stream is counted when that was read", async () => {
    const { stream, ends } = watched(sdkStream(WHOLE));
    const text: string[] = [];
    for await (const line of stream.toReadableStream() as unknown as AsyncIterable<Uint8Array>) {
      text.push(Buffer.from(line).toString());
    }
    expect(text.map((line) => JSON.parse(line))).toEqual(WHOLE);
    expect(ends).toEqual([{ outcome: "succeeded", answer: AT_END }]);
  });
});

describe("an iterator that is used by hand", () => {
  const iteratorOf = (stream: AsyncIterable<unknown>) => stream[Symbol.asyncIterator]();

  test("is its own iterable", async () => {
    const { stream, ends } = watched(streamOf(WHOLE));
    expect(await readAll({ [Symbol.asyncIterator]: () => iteratorOf(stream) })).toEqual(WHOLE);
    expect(ends).toHaveLength(1);
  });

  test("is aborted by return(), even when leaving fails, and the failure is the job's", async () => {
    const stream = {
      [Symbol.asyncIterator]: () => ({
        next: async () => ({ done: false, value: START }),
        return: () => Promise.reject(broken),
      }),
    };
    const { ends } = watched(stream);
    await expect(leaveAfter(1, stream as unknown as AsyncIterable<unknown>)).rejects.toBe(broken);
    expect(ends).toEqual([{ outcome: "aborted", answer: AT_START }]);
  });

  test("is aborted by return() where the iterator has none", async () => {
    const stream = {
      [Symbol.asyncIterator]: () => ({
        next: async () => ({ done: false as const, value: START }),
      }),
    };
    const { ends } = watched(stream);
    await leaveAfter(1, stream);
    expect(ends).toEqual([{ outcome: "aborted", answer: AT_START }]);
  });

  test.each([
    { name: "fails", thrown: broken, outcome: "failed" },
    { name: "is aborted", thrown: abort, outcome: "aborted" },
  ])("$name by throw(), which throws what it was given", async ({ thrown, outcome }) => {
    const { stream, ends } = watched(streamOf(WHOLE));
    const iterator = iteratorOf(stream);
    expect(await iterator.next()).toEqual({ done: false, value: START });
    await expect(iterator.throw?.(thrown)).rejects.toBe(thrown);
    expect(ends).toEqual([{ outcome, answer: AT_START }]);
  });
});

describe("the SDK's message stream, which folds its events itself", () => {
  const message = { ...START.message, id: "m", type: "message", role: "assistant", content: [] };
  const block = {
    type: "content_block_start",
    index: 0,
    content_block: { type: "text", text: "" },
  };
  const events = [{ type: "message_start", message }, block, ...WHOLE.slice(1)];
  const open = (of: readonly unknown[]) =>
    MessageStream.fromReadableStream(sdkStream(structuredClone(of)).toReadableStream());
  const usage = AT_END.usage;

  test("has succeeded when it was read, and is told once", async () => {
    const { stream, isWatched, ends } = watched(open(events));
    expect(isWatched).toBe(true);
    await stream.finalMessage();
    expect(ends).toMatchObject([{ outcome: "succeeded", answer: { usage } }]);
    expect(ends).toHaveLength(1);
  });

  test("that was over before it was watched is told all the same", async () => {
    const stream = open(events);
    await stream.finalMessage();
    expect(watched(stream).ends).toMatchObject([{ outcome: "succeeded", answer: { usage } }]);
  });

  test("has failed when it is cut off", async () => {
    const { stream, ends } = watched(open(events.slice(0, 2)));
    await expect(stream.finalMessage()).rejects.toThrow();
    expect(ends).toMatchObject([{ outcome: "failed" }]);
  });

  test("is aborted with what is known", async () => {
    const { stream, ends } = watched(open(events.slice(0, 3)));
    stream.on("streamEvent", ({ type }) => {
      if (type === "content_block_start") stream.abort();
    });
    await expect(stream.done()).rejects.toThrow("aborted");
    expect(ends).toMatchObject([{ outcome: "aborted", answer: { usage: AT_START.usage } }]);
  });
});
