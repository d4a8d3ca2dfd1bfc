import { afterEach, describe, expect, test } from "@jest/globals";
import { type Clock, systemClock as clock } from "../../src/clock.ts";
import { PushError } from "../../src/errors.ts";
import type { GroupPublication, Held } from "../../src/publish/publish-group.ts";
import { createPublisher } from "../../src/publish/publisher.ts";
import { settle } from "../../src/publish/settle.ts";
import { GROUP, success } from "../support/run-records.ts";
import { endPublishing, groupNumber, startBench } from "./publishing.ts";

afterEach(endPublishing);

const FOREVER = new AbortController().signal;
const BUSY: GroupPublication = { groupingKey: GROUP, status: "busy", holder: "process 7" };
const FAILED: GroupPublication = {
  groupingKey: GROUP,
  status: "failed",
  error: new Error("no gateway"),
};
const REFUSED: GroupPublication = {
  groupingKey: GROUP,
  status: "refused",
  error: new PushError("no", { status: 400, retryable: false }),
};

test("it publishes until no value is held back any more", async () => {
  const { ledger, client, shown } = await startBench();
  await ledger.append(success("a"));
  const publisher = createPublisher({ ledger, client, clock, scrapeIntervalSeconds: 0.1 });
  const publications = await settle(() => publisher.publishAll(), { clock, signal: FOREVER });
  expect(publications).toMatchObject([{ status: "published", version: 1 }]);
  expect(publications[0]).not.toHaveProperty("held");
  expect(await shown("batch_job_runs_total", { outcome: "succeeded" })).toBe(1);
});

describe("a pass", () => {
  test("follows when the first of the held values is due, of all groups", async () => {
    const began = clock.now();
    const passes: number[] = [];
    const due = [
      [began + 0.1, began + 0.2],
      [undefined, began + 0.2],
      [undefined, undefined],
    ];
    const result = await settle(
      async () => {
        const [one, two] = due[passes.length] ?? [];
        passes.push(clock.now());
        return [published(1, one), published(2, two)];
      },
      { clock, signal: FOREVER },
    );
    expect(passes).toHaveLength(3);
    expect(passes[1]).toBeGreaterThanOrEqual(began + 0.1);
    expect(passes[2]).toBeGreaterThanOrEqual(began + 0.2);
    expect(result.every((each) => !("held" in each))).toBe(true);
  });

  test("waits for no group that failed or was refused, but for the others", async () => {
    const due = clock.now() + 0.05;
    const passes = [
      [FAILED, published(1, due), REFUSED],
      [FAILED, published(1), REFUSED],
    ];
    const done = await settle(async () => passes.shift() ?? [], { clock, signal: FOREVER });
    expect(done).toEqual([FAILED, published(1), REFUSED]);
    expect(passes).toEqual([]);
  });

  test.each([FAILED, REFUSED])("of one group that $status is the last one", async (over) => {
    const passes = [[over], []];
    expect(await settle(async () => passes.shift() ?? [], { clock, signal: FOREVER })).toEqual([
      over,
    ]);
    expect(passes).toHaveLength(1);
  });

  test("follows a second after somebody else was found publishing, whatever is held", async () => {
    const began = clock.now();
    const passes = [[BUSY, published(1, began + 1e6)], [published(2)]];
    await settle(async () => passes.shift() ?? [], { clock, signal: FOREVER });
    expect(passes).toEqual([]);
    expect(clock.now() - began).toBeGreaterThanOrEqual(1);
  });

  test("does not follow for ever while nothing is left but what others publish", async () => {
    let passes = 0;
    const publish = async () => {
      passes++;
      return [BUSY, published(1)];
    };
    expect(await settle(publish, { clock: hastyClock(), signal: FOREVER })).toContain(BUSY);
    expect(passes).toBe(30);
  });

  test("that rejects is not repeated", async () => {
    const failing = settle(() => Promise.reject(new Error("no gateway")), {
      clock,
      signal: FOREVER,
    });
    await expect(failing).rejects.toThrow("no gateway");
  });
});

test("a signal ends the wait, with what was published before it", async () => {
  const ends = new AbortController();
  let passes = 0;
  const settled = settle(
    async () => {
      passes++;
      setTimeout(() => ends.abort(), 20);
      return [published(1, clock.now() + 1e6)];
    },
    { clock, signal: ends.signal },
  );
  expect(await settled).toMatchObject([{ status: "published" }]);
  expect(passes).toBeLessThanOrEqual(2);
});

/** Two seconds pass between two looks at it. */
function hastyClock(): Clock {
  let now = 1_795_305_600;
  const next = () => {
    now += 2;
    return now;
  };
  return { now: next, monotonic: next };
}

function published(number: number, first?: number): GroupPublication {
  const held: { held?: Held } =
    first === undefined ? {} : { held: { series: 1, first, until: first } };
  return {
    groupingKey: groupNumber(number),
    status: "published",
    gateway: "http://gateway",
    version: 1,
    series: 1,
    seconds: 0,
    ...held,
  };
}
