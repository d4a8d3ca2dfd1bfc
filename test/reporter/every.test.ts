import { describe, expect, test } from "@jest/globals";
import { every } from "../../src/reporter/every.ts";

/** Milliseconds of a clock that is the test's. */
const PERIOD_MS = 20;

describe("something is done every so often", () => {
  test("at once, and not at all when it was told to stop before", async () => {
    const stop = new AbortController();
    let looks = 0;
    await every(
      async () => {
        looks++;
        stop.abort();
      },
      { everyMs: 60_000, stop: stop.signal },
    );
    expect(looks).toBe(1);
    await every(() => Promise.reject(new Error("done all the same")), {
      everyMs: 60_000,
      stop: stop.signal,
    });
  });

  test("then at multiples of the period, however long each takes within it", async () => {
    expect(await walk([0, 7, 19, 0.5, 0])).toEqual([0, 20, 40, 60, 80]);
  });

  test("those that a long one ran into are left out, and later ones do not bunch up", async () => {
    // 20 + 47 = 67, so the next is at 80; 100 + 20 = 120 is a multiple itself.
    expect(await walk([1, 47, 1, 20, 1])).toEqual([0, 20, 80, 100, 120]);
  });

  test("timers that end late do not add up", async () => {
    expect(await walk([1, 1, 1, 1], 3)).toEqual([0, 23, 43, 63]);
  });

  test("a timer that ends a moment early makes no two of one", async () => {
    expect(await walk([0, 0, 0, 0], -0.75)).toEqual([0, 19.25, 39.25, 59.25]);
  });

  test("never two at a time", async () => {
    let atOnce = 0;
    let most = 0;
    let looks = 0;
    const stop = new AbortController();
    await every(
      async () => {
        most = Math.max(most, ++atOnce);
        for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate);
        atOnce--;
        if (++looks === 4) stop.abort();
      },
      { everyMs: 0.01, stop: stop.signal },
    );
    expect({ most, looks }).toEqual({ most: 1, looks: 4 });
  });

  test("until it is told to stop, while it waits", async () => {
    const stop = new AbortController();
    let looks = 0;
    await every(
      async () => {
        looks++;
        setImmediate(() => stop.abort());
      },
      { everyMs: 2 ** 31 - 1, stop: stop.signal },
    );
    expect(looks).toBe(1);
  });

  test("what it throws ends it", async () => {
    const { signal } = new AbortController();
    const work = () => Promise.reject(new Error("broken"));
    await expect(every(work, { everyMs: 1, stop: signal })).rejects.toThrow("broken");
  });
});

/**
 * Does work that takes so long each time, on a clock of its own.
 *
 * @param late by how much timers end after they should; negative: before.
 */
async function walk(durations: readonly number[], late = 0): Promise<readonly number[]> {
  let time = 1000;
  const begun: number[] = [];
  const stop = new AbortController();
  await every(
    async () => {
      begun.push(time - 1000);
      time += durations[begun.length - 1] ?? 0;
      if (begun.length === durations.length) stop.abort();
    },
    {
      everyMs: PERIOD_MS,
      stop: stop.signal,
      now: () => time,
      async pause(milliseconds) {
        time += milliseconds + late;
      },
    },
  );
  return begun;
}
