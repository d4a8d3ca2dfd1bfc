import { once } from "node:events";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { SourceError } from "../../src/errors.ts";
import { readSource } from "../../src/sources/source.ts";

const NEVER = new AbortController().signal;

const unhandled: unknown[] = [];
const note = (reason: unknown) => unhandled.push(reason);

beforeEach(() => {
  process.on("unhandledRejection", note);
});
afterEach(async () => {
  // Node looks for rejections nobody handled after the microtasks of a turn.
  await new Promise(setImmediate);
  await new Promise(setImmediate);
  process.off("unhandledRejection", note);
  expect(unhandled.splice(0)).toEqual([]);
});

describe("a reading", () => {
  test("is the value, the source's name and the seconds it took", async () => {
    const reading = await readSource({ name: "redis", read: async () => 7 }, NEVER);
    expect(reading).toEqual({
      source: "redis",
      status: "read",
      value: 7,
      seconds: expect.any(Number),
    });
    expect(reading.seconds).toBeGreaterThanOrEqual(0);
  });

  test("that fails is the source's own error", async () => {
    const error = new SourceError("redis", "NOAUTH");
    const read = () => Promise.reject(error);
    const reading = await readSource({ name: "redis", read }, NEVER);
    expect(reading).toMatchObject({ status: "failed", error });
  });

  test.each<{ name: string; thrown: unknown; message: string }>([
    { name: "an error", thrown: new TypeError("boom"), message: "redis: boom" },
    { name: "a string", thrown: "boom", message: "redis: boom" },
    { name: "nothing", thrown: undefined, message: "redis: undefined" },
    {
      name: "what has no text",
      thrown: Object.create(null),
      message: "redis: something was thrown that has no text",
    },
  ])("never rejects: $name that is thrown becomes a SourceError", async ({ thrown, message }) => {
    for (const read of [() => Promise.reject(thrown), throwing(thrown)]) {
      const reading = await readSource({ name: "redis", read }, NEVER);
      expect(reading).toMatchObject({ status: "failed", source: "redis" });
      if (reading.status !== "failed") throw new Error("unreachable");
      expect(reading.error).toBeInstanceOf(SourceError);
      expect(reading.error.message).toBe(message);
      expect(reading.error.cause).toBeInstanceOf(Error);
    }
  });
});

describe("the timeout", () => {
  test("ends a source that pays no heed to its signal, and names the source and the time", async () => {
    const read = () => new Promise<never>(() => {});
    const reading = await readSource({ name: "deaf", timeoutMs: 30, read }, NEVER);
    expect(reading).toMatchObject({
      status: "failed",
      error: new SourceError("deaf", "gave no answer within 30 ms"),
    });
    expect(reading.seconds).toBeGreaterThan(0.02);
    expect(reading.seconds).toBeLessThan(5);
  });

  test("aborts the signal, and what the source says of its closed connections is left out", async () => {
    const later = async (signal: AbortSignal) => {
      await once(signal, "abort");
      throw new Error("socket hang up");
    };
    const atOnce = (signal: AbortSignal) =>
      new Promise<never>((_, reject) => {
        signal.addEventListener("abort", () => reject(new Error("socket hang up")));
      });
    for (const read of [later, atOnce]) {
      const reading = await readSource({ name: "slow", timeoutMs: 20, read }, NEVER);
      expect(reading).toMatchObject({
        error: new SourceError("slow", "gave no answer within 20 ms"),
      });
    }
  });

  test("does not abort the signal of a reading that is over", async () => {
    let given: AbortSignal | undefined;
    const read = async (signal: AbortSignal) => {
      given = signal;
    };
    await readSource({ name: "quick", timeoutMs: 10, read }, NEVER);
    await readSource({ name: "slow", timeoutMs: 30, read: () => new Promise(() => {}) }, NEVER);
    expect(given?.aborted).toBe(false);
  });
});

describe("the stop signal", () => {
  test("ends a reading at once, with its reason", async () => {
    const stop = new AbortController();
    const read = () => {
      stop.abort(new Error("SIGTERM"));
      return new Promise<never>(() => {});
    };
    const reading = await readSource({ name: "deaf", read }, stop.signal);
    expect(reading).toMatchObject({ status: "failed", error: new SourceError("deaf", "SIGTERM") });
  });

  test("aborts the reading's signal", async () => {
    const stop = new AbortController();
    let given: AbortSignal | undefined;
    const read = (signal: AbortSignal) => {
      given = signal;
      stop.abort();
      return Promise.resolve(1);
    };
    await readSource({ name: "heeding", read }, stop.signal);
    expect(given?.aborted).toBe(true);
  });

  test("given already: nothing is read", async () => {
    let calls = 0;
    const read = async () => ++calls;
    const reading = await readSource({ name: "late", read }, AbortSignal.abort(new Error("over")));
    expect(reading).toMatchObject({ status: "failed", error: new SourceError("late", "over") });
    expect(calls).toBe(0);
  });

  test("keeps nothing of the readings that are over", async () => {
    const stop = new AbortController();
    let listeners = 0;
    const { addEventListener: add, removeEventListener: remove } = stop.signal;
    stop.signal.addEventListener = (...args: Parameters<typeof add>) => {
      listeners++;
      add.apply(stop.signal, args);
    };
    stop.signal.removeEventListener = (...args: Parameters<typeof remove>) => {
      listeners--;
      remove.apply(stop.signal, args);
    };
    await readSource({ name: "one", read: async () => 1 }, stop.signal);
    await readSource({ name: "two", read: () => Promise.reject(new Error("no")) }, stop.signal);
    expect(listeners).toBe(0);
  });
});

describe("rejections that come too late are nobody's", () => {
  test("of the source, after the timeout", async () => {
    let reject = (_: Error) => {};
    const read = () => new Promise<never>((_, fail) => (reject = fail));
    await readSource({ name: "deaf", timeoutMs: 5, read }, NEVER);
    reject(new Error("too late"));
  });

  test("of the stop signal, after a reading that succeeded", async () => {
    const stop = new AbortController();
    await readSource({ name: "quick", read: async () => 1 }, stop.signal);
    stop.abort(new Error("SIGTERM"));
  });

  test("of the stop signal, after a source that threw at once", async () => {
    const stop = new AbortController();
    const read = throwing(new Error("not even a promise"));
    await readSource({ name: "broken", read }, stop.signal);
    stop.abort(new Error("SIGTERM"));
  });

  test("of a source that threw because it was stopped", async () => {
    const stop = new AbortController();
    const read = () => {
      stop.abort(new Error("SIGTERM"));
      throw new Error("interrupted");
    };
    const reading = await readSource({ name: "broken", read }, stop.signal);
    expect(reading).toMatchObject({ error: new SourceError("broken", "SIGTERM") });
  });

  test("of both", async () => {
    const stop = new AbortController();
    const read = (signal: AbortSignal) =>
      new Promise<never>((_, fail) => signal.addEventListener("abort", () => fail(signal.reason)));
    const reading = readSource({ name: "both", read }, stop.signal);
    stop.abort(new Error("SIGTERM"));
    expect(await reading).toMatchObject({ error: new SourceError("both", "SIGTERM") });
  });
});

function throwing(thrown: unknown): () => Promise<never> {
  return () => {
    throw thrown;
  };
}
