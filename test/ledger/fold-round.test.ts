import { describe, expect, test } from "@jest/globals";
import { groupingKey } from "../../src/grouping-key.ts";
import {
  foldGroup,
  MAX_ROUND_RECORDS,
  readNewestSnapshot,
  removeTotals,
  replaceTotals,
} from "../../src/ledger/fold-round.ts";
import type { Ledger } from "../../src/ledger/ledger.ts";
import { areRemoved, emptySnapshot, encodeSnapshot } from "../../src/ledger/snapshot.ts";
import { createMemoryLedger } from "../support/memory-ledger.ts";
import { GROUP, success } from "../support/run-records.ts";

describe("a fold", () => {
  test("that keeps losing leaves the work to those who win, and its records pending", async () => {
    const memory = createMemoryLedger();
    await memory.append(success("a"));
    const loses: Ledger = { ...memory, writeSnapshot: async () => "lost" };
    expect(await foldGroup(loses, GROUP)).toMatchObject({ status: "contended", taken: 0 });
    expect((await foldGroup(memory, GROUP)).taken).toBe(1);
  });

  test("stops between two rounds when it is told to, and what it took is counted", async () => {
    const memory = createMemoryLedger();
    for (let run = 0; run < 250; run++) await memory.append(success(`r${run}`));
    const signal = AbortSignal.abort();
    expect(await foldGroup(memory, GROUP, { signal })).toMatchObject({
      status: "stopped",
      taken: MAX_ROUND_RECORDS,
    });
    const { snapshot } = await foldGroup(memory, GROUP);
    expect(snapshot.totals.records).toBe(250);
  });

  test("drops duplicates of records that were counted, and writes no version for them", async () => {
    const memory = createMemoryLedger();
    await memory.append(success("a"));
    await foldGroup(memory, GROUP);
    // A store that cannot look at done marks when it appends, as DynamoDB.
    const forgetful: Ledger = {
      ...memory,
      async *pending() {
        if (isThere) yield { status: "record", record: success("a") };
      },
      async deletePending() {
        isThere = false;
      },
    };
    let isThere = true;
    await memory.append(success("b"));
    await foldGroup(memory, GROUP);
    expect(await foldGroup(forgetful, GROUP)).toMatchObject({
      status: "settled",
      taken: 0,
      duplicates: 1,
      snapshot: { version: 2, totals: { records: 2 } },
    });
  });

  test.each<{ name: string; bytes: Buffer }>([
    { name: "bytes", bytes: Buffer.from("x") },
    { name: "another group's", bytes: encodeSnapshot(emptySnapshot(groupingKey("x"))).bytes },
    { name: "another version's", bytes: encodeSnapshot(emptySnapshot(GROUP)).bytes },
  ])("over a snapshot that is $name stops, and keeps what is pending", async ({ bytes }) => {
    const memory = createMemoryLedger();
    await memory.append(success("a"));
    await memory.writeSnapshot(GROUP, { version: 1, bytes });
    await expect(foldGroup(memory, GROUP)).rejects.toMatchObject({ code: "ERR_LEDGER_CORRUPT" });
    expect(await memory.readPending(GROUP, ["run-a"])).toHaveLength(1);
  });
});

describe("replaced totals", () => {
  test("are the next version, and what is pending is added to them", async () => {
    const memory = createMemoryLedger();
    await memory.append(success("a"));
    await foldGroup(memory, GROUP);
    await memory.append(success("b"));
    const written = await replaceTotals(memory, GROUP, TOTALS);
    expect(written).toEqual({ group: GROUP, version: 2, last: [], totals: TOTALS });
    expect(await readNewestSnapshot(memory, GROUP)).toEqual(written);
    expect(await memory.readPending(GROUP, ["run-b"])).toHaveLength(1);
    expect((await foldGroup(memory, GROUP)).snapshot.totals.records).toBe(42);
  });

  test("are the first version where there was none", async () => {
    const memory = createMemoryLedger();
    expect(await replaceTotals(memory, GROUP, TOTALS)).toMatchObject({ version: 1 });
  });

  test("take no record a second time that its fold had no time to mark", async () => {
    const memory = createMemoryLedger();
    await memory.append(success("a"));
    const killed: Ledger = {
      ...memory,
      putDone: async () => {
        throw new Error("killed");
      },
    };
    await expect(foldGroup(killed, GROUP)).rejects.toThrow("killed");
    expect(await memory.readPending(GROUP, ["run-a"])).toHaveLength(1);

    await replaceTotals(memory, GROUP, TOTALS);
    expect(await foldGroup(memory, GROUP)).toMatchObject({
      taken: 0,
      snapshot: { version: 2, totals: { records: 41 } },
    });
  });

  test("come after what others wrote meanwhile", async () => {
    const memory = createMemoryLedger();
    await memory.append(success("a"));
    let isFirst = true;
    const late: Ledger = {
      ...memory,
      async writeSnapshot(group, snapshot) {
        if (isFirst) {
          isFirst = false;
          await foldGroup(memory, GROUP);
        }
        return memory.writeSnapshot(group, snapshot);
      },
    };
    expect(await replaceTotals(late, GROUP, TOTALS)).toMatchObject({ version: 2 });
    expect((await readNewestSnapshot(memory, GROUP)).totals.records).toBe(41);
  });

  test("are none over a snapshot that cannot be read", async () => {
    const memory = createMemoryLedger();
    await memory.writeSnapshot(GROUP, { version: 1, bytes: Buffer.from("x") });
    const replacing = replaceTotals(memory, GROUP, TOTALS);
    await expect(replacing).rejects.toMatchObject({ code: "ERR_LEDGER_CORRUPT" });
  });
});

const TOTALS = { ...emptySnapshot(GROUP).totals, records: 41 };
describe("totals that are removed", () => {
  test("are empty, and what was pending or is recorded later counts from 0", async () => {
    const memory = createMemoryLedger();
    await memory.append(success("a"));
    await foldGroup(memory, GROUP);
    await memory.append(success("pending"));

    const removed = await removeTotals(memory, await readNewestSnapshot(memory, GROUP));
    expect(removed).toMatchObject({ version: 2, totals: { records: 0, families: [], since: 2 } });
    expect(areRemoved(removed?.totals ?? NOT_REMOVED)).toBe(true);
    await memory.append(success("later"));
    const { snapshot } = await foldGroup(memory, GROUP);
    expect(snapshot.totals).toMatchObject({ records: 2, since: 2 });
    expect(areRemoved(snapshot.totals)).toBe(false);
  });

  test("are not counted again, whoever repeats their append", async () => {
    const memory = createMemoryLedger();
    await memory.append(success("a"));
    // The writer of version 1 was killed before it marked its records.
    const dying: Ledger = { ...memory, putDone: () => Promise.reject(new Error("killed")) };
    await expect(foldGroup(dying, GROUP)).rejects.toThrow("killed");

    await removeTotals(memory, await readNewestSnapshot(memory, GROUP));
    expect(await memory.append(success("a"))).toEqual({ status: "present" });
    expect((await foldGroup(memory, GROUP)).snapshot.version).toBe(2);
  });

  test("are only those that were looked at", async () => {
    const memory = createMemoryLedger();
    await memory.append(success("a"));
    const { snapshot: seen } = await foldGroup(memory, GROUP);
    await memory.append(success("b"));
    await foldGroup(memory, GROUP);
    expect(await removeTotals(memory, seen)).toBeUndefined();
    expect((await readNewestSnapshot(memory, GROUP)).totals.records).toBe(2);
  });

  test("leave their mark on totals that replace them, which are no new beginning", async () => {
    const memory = createMemoryLedger();
    await memory.append(success("a"));
    await foldGroup(memory, GROUP);
    await removeTotals(memory, await readNewestSnapshot(memory, GROUP));
    const { totals } = await replaceTotals(memory, GROUP, emptySnapshot(GROUP).totals);
    expect(totals.since).toBe(2);
  });
});

const { totals: NOT_REMOVED } = emptySnapshot(GROUP);
