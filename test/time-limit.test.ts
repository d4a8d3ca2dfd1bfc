import { getEventListeners } from "node:events";
import { describe, expect, test } from "@jest/globals";
import { withinTime } from "../src/time-limit.ts";
import { manualTime } from "./support/manual-time.ts";

const OVER = new Error("too late");
const LIMIT = { milliseconds: 60_000, reason: () => OVER } as const;

/** Settles as its signal aborts, with something less telling than why that happened. */
function heeding(signal: AbortSignal): Promise<string> {
  return new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(new Error("the socket closed")));
  });
}

const hanging = () => new Promise<string>(() => {});

describe("work that ends in time", () => {
  test.each<{ name: string; work: () => Promise<string>; end: object }>([
    { name: "well", work: async () => "done", end: { status: "fulfilled", value: "done" } },
    {
      name: "badly",
      work: () => Promise.reject("broken"),
      end: { status: "rejected", reason: "broken" },
    },
  ])("ends as it ends, and leaves nothing behind: $name", async ({ work, end }) => {
    const { signal } = new AbortController();
    const time = manualTime(0);
    const [settled] = await Promise.allSettled([
      withinTime({ ...LIMIT, signal, timer: time.timer }, work),
    ]);
    expect(settled).toEqual(end);
    expect(getEventListeners(signal, "abort")).toEqual([]);
    expect(time.pending()).toBe(0);
  });
});

test("work is not begun once the signal has aborted", async () => {
  const reason = new Error("over");
  let begun = false;
  const limited = withinTime({ ...LIMIT, signal: AbortSignal.abort(reason) }, async () => {
    begun = true;
  });
  await expect(limited).rejects.toBe(reason);
  expect(begun).toBe(false);
});

describe.each([
  { name: "heeds its signal", work: heeding },
  { name: "hangs", work: hanging },
])("work that $name", ({ work }) => {
  test("is over when its time is, and the reason is told", async () => {
    const time = manualTime(0);
    const limited = withinTime({ ...LIMIT, timer: time.timer }, work);
    time.advance(60);
    await expect(limited).rejects.toBe(OVER);
  });

  test("is over when the caller aborts, with the caller's reason", async () => {
    const caller = new AbortController();
    const limited = withinTime({ ...LIMIT, signal: caller.signal }, work);
    const reason = new Error("interrupted");
    caller.abort(reason);
    await expect(limited).rejects.toBe(reason);
  });
});

describe("work that has the last word", () => {
  test("says what it has to say as its signal aborts", async () => {
    const time = manualTime(0);
    const limited = withinTime(
      { ...LIMIT, timer: time.timer, hasLastWord: true },
      (signal) =>
        new Promise<string>((resolve) => {
          signal.addEventListener("abort", () => resolve("logged"));
        }),
    );
    time.advance(60);
    expect(await limited).toBe("logged");
  });

  test("has one turn for it when there is no time at all", async () => {
    const limit = { ...LIMIT, milliseconds: 0, hasLastWord: true };
    expect(await withinTime(limit, async (signal) => signal.aborted)).toBe(true);
    await expect(withinTime(limit, hanging)).rejects.toBe(OVER);
  });
});
