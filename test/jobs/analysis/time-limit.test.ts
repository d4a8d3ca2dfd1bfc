import { getEventListeners } from "node:events";
import { describe, expect, test } from "@jest/globals";
import { withinTime } from "../../../src/jobs/analysis/time-limit.ts";

const LIMIT = { ms: 60_000, what: "too late" } as const;

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
    const [settled] = await Promise.allSettled([withinTime({ ...LIMIT, signal }, work)]);
    expect(settled).toEqual(end);
    expect(getEventListeners(signal, "abort")).toEqual([]);
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
