import { describe, expect, test } from "@jest/globals";
import { createDynamodbLedger } from "../../../src/ledger/dynamodb-ledger.ts";
import type { Lease, Ledger } from "../../../src/ledger/ledger.ts";
import { type ManualClock, manualClock } from "../../support/manual-clock.ts";
import { GROUP, NIGHT } from "../../support/run-records.ts";
import { useDynamodb } from "./bench.ts";

const { startBench } = useDynamodb();

const LOST = { code: "ERR_LEASE_LOST" };

/** Two machines over one table, whose clocks may be apart. Time passes on both alike. */
async function startMachines({ apart = 0 } = {}) {
  const clocks = [manualClock(NIGHT), manualClock(NIGHT + apart)] as const;
  const { place, server } = await startBench().then(({ place, proxy }) => ({
    place,
    server: proxy,
  }));
  const [a, b] = clocks.map((clock) => createDynamodbLedger({ ...place, clock })) as [
    Ledger,
    Ledger,
  ];
  return {
    a,
    b,
    server,
    pass: (seconds: number) => {
      for (const clock of clocks) clock.advance(seconds);
    },
  };
}

describe("a lease in DynamoDB", () => {
  test("is somebody's by name, and one who asks is told", async () => {
    const { a, b } = await startMachines();
    await take(a);
    const holder = expect.stringMatching(/^process \d+ on ./);
    expect(await b.lease(GROUP)).toEqual({ status: "held", holder });
  });

  test.each([
    { name: "clocks that agree", apart: 0 },
    { name: "the next one's clock 4.9 s ahead", apart: 4.9 },
    { name: "the next one's clock 4.9 s behind", apart: -4.9 },
  ])("has one sender at a time with $name", async ({ apart }) => {
    const { a, b, pass } = await startMachines({ apart });
    const lease = await take(a);
    // Long enough for a request of 5 s to end 5 s before the lease does.
    pass(19.9);
    await lease.writeState({ version: 1, value: "sent" });
    // A request that began now could still be under way when the lease is the next one's.
    pass(20.1);
    await expect(lease.writeState({ version: 2, value: "late" })).rejects.toMatchObject(LOST);
    pass(9.8);
    expect((await b.lease(GROUP)).status).toBe("held");
    // 30 s and the skew after the last write, by the latest clock.
    pass(10.2);
    const next = await take(b);
    expect(await next.readState()).toEqual({ version: 1, value: "sent" });
  });

  test("that nobody gave up is taken over 35 s after its last write, not before", async () => {
    const { a, b, pass } = await startMachines();
    await take(a);
    pass(34.9);
    expect((await b.lease(GROUP)).status).toBe("held");
    pass(0.2);
    await take(b);
  });

  test("is prolonged by each write of its state", async () => {
    const { a, b, pass } = await startMachines();
    const lease = await take(a);
    for (let version = 1; version <= 5; version++) {
      pass(15);
      await lease.writeState({ version, value: version });
      expect((await b.lease(GROUP)).status).toBe("held");
    }
    await lease.release();
    await take(b);
  });

  test("of a holder that was stopped is no longer its own: it writes nothing", async () => {
    const { a, b, pass } = await startMachines();
    const paused = await take(a);
    await paused.writeState({ version: 1, value: "before" });
    pass(60);
    const next = await take(b);
    await expect(paused.writeState({ version: 2, value: "late" })).rejects.toMatchObject(LOST);
    await next.writeState({ version: 2, value: "next" });
    await paused.release();
    expect((await a.lease(GROUP)).status).toBe("held");
    expect(await a.readPublishState(GROUP)).toEqual({ version: 2, value: "next" });
  });

  test("of a holder whose clock stood still is refused by its id, whatever its clock says", async () => {
    const { place } = await startBench();
    const stopped = manualClock(NIGHT);
    const lease = await take(createDynamodbLedger({ ...place, clock: stopped }));
    const later = createDynamodbLedger({ ...place, clock: manualClock(NIGHT + 36) });
    const next = await take(later);
    await expect(lease.writeState({ version: 1, value: "late" })).rejects.toMatchObject({
      ...LOST,
      message: expect.stringMatching(/^process \d+ on .* publishes \{job="nightly"/),
    });
    expect(await later.readPublishState(GROUP)).toBeUndefined();
    await lease.release();
    await next.writeState({ version: 1, value: "next" });
    expect((await later.lease(GROUP)).status).toBe("held");
  });

  test("counts by the clock that went further: a wall clock that was set back does not prolong it", async () => {
    const { place } = await startBench();
    const clock = manualClock(NIGHT);
    const setBack = { now: () => clock.now() - clock.monotonic(), monotonic: clock.monotonic };
    const lease = await take(createDynamodbLedger({ ...place, clock: setBack }));
    clock.advance(21);
    await expect(lease.writeState({ version: 1, value: 1 })).rejects.toMatchObject(LOST);
  });

  test("whose time went by during a write is lost: nothing is sent after it", async () => {
    let clock: ManualClock | undefined;
    const bench = await startBench((operation, index) => {
      // The write takes so long, by the holder's clock.
      if (operation === "UpdateItem" && index === 1) clock?.advance(21);
      return undefined;
    });
    clock = manualClock(NIGHT);
    const lease = await take(createDynamodbLedger({ ...bench.place, clock }));
    await expect(lease.writeState({ version: 1, value: 1 })).rejects.toMatchObject(LOST);
  });

  test("keeps as much time as requests to the gateway may take", async () => {
    const { place } = await startBench();
    const clock = manualClock(NIGHT);
    const lease = await take(createDynamodbLedger({ ...place, clock, sendTimeoutMs: 12_000 }));
    clock.advance(12.9);
    await lease.writeState({ version: 1, value: 1 });
    clock.advance(13.1);
    await expect(lease.writeState({ version: 2, value: 2 })).rejects.toMatchObject(LOST);
  });

  test("is taken and written although answers are lost, and given up although nobody answers", async () => {
    const lost = new Set([0, 2]);
    const { ledger, seen } = await startBench((operation, index) =>
      operation === "UpdateItem" && lost.has(index) ? { type: "cut-answer", bytes: 0 } : undefined,
    );
    const lease = await take(ledger);
    await lease.writeState({ version: 1, value: "once" });
    expect(await ledger.readPublishState(GROUP)).toEqual({ version: 1, value: "once" });
    await expect(lease.writeState({ version: 1, value: "twice" })).rejects.toMatchObject(LOST);
    await lease.release();
    expect(seen().filter((operation) => operation === "UpdateItem")).toHaveLength(6);
  });

  test("whose release cannot be told expires", async () => {
    const { ledger } = await startBench(
      (operation, index) =>
        operation === "UpdateItem" && index > 0 ? { type: "answer", status: 500 } : undefined,
      { requestTimeoutMs: 3000 },
    );
    const lease = await take(ledger);
    await lease.release();
    expect((await ledger.lease(GROUP).catch((error) => error)).code).toBe("ERR_LEDGER_UNAVAILABLE");
  });
});

async function take(ledger: Ledger): Promise<Lease> {
  const result = await ledger.lease(GROUP);
  if (result.status === "held") throw new Error(`the lease is held by ${result.holder}`);
  return result.lease;
}
