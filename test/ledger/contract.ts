import { describe, expect, test } from "@jest/globals";
import { groupingKey } from "../../src/grouping-key.ts";
import { foldGroup, foldRound } from "../../src/ledger/fold-round.ts";
import type { Lease, Ledger } from "../../src/ledger/ledger.ts";
import { decodeSnapshot } from "../../src/ledger/snapshot.ts";
import { snapshotFamilies } from "../../src/ledger/snapshot-families.ts";
import type { RunRecord } from "../../src/record/run-record.ts";
import { GROUP, NIGHT, runsTotal, sampleValue, success } from "../support/run-records.ts";

const OTHER_GROUP = groupingKey("nightly", { mode: "live" });

/**
 * What every ledger must do, whatever it is made of.
 *
 * @param open a new, empty ledger.
 */
export function describeLedgerContract(name: string, open: () => Promise<Ledger>): void {
  describe(`${name}: an append`, () => {
    test("leaves a record pending, as it was", async () => {
      const ledger = await open();
      const record = success("a");
      expect(await ledger.append(record)).toEqual({ status: "appended" });
      expect(await pendingOf(ledger)).toEqual([record]);
      expect(await ledger.groups()).toEqual([GROUP]);
    });

    test("is safe to repeat: before and after the fold it counts once", async () => {
      const ledger = await open();
      const record = success("a");
      await ledger.append(record);
      expect(await ledger.append(record)).toEqual({ status: "present" });
      await foldGroup(ledger, GROUP);
      const { status } = await ledger.append(record);
      expect(["present", "appended"]).toContain(status);
      expect(await totalOf(ledger)).toBe(1);
    });

    test("of the same execution with other content is refused, and the first stands", async () => {
      const ledger = await open();
      await ledger.append(success("a"));
      const other = success("a", [runsTotal(7)]);
      await expect(ledger.append(other)).rejects.toMatchObject({ code: "ERR_LEDGER_CONFLICT" });
      expect(await totalOf(ledger)).toBe(1);
    });

    test("of a unit of work counts once, however often and differently it was executed", async () => {
      const ledger = await open();
      const [first, second] = ["a", "b"].map((execution, index) =>
        success(execution, [runsTotal()], { runId: "2026-11-22", completedAt: NIGHT + index }),
      ) as [RunRecord, RunRecord];
      expect(await ledger.append(first)).toEqual({ status: "appended" });
      expect(await ledger.append(second)).toEqual({ status: "already_counted" });
      expect(await totalOf(ledger)).toBe(1);
      await ledger.append(second);
      expect(await totalOf(ledger)).toBe(1);
    });

    test("of a failure never stands in the way of its unit's later success", async () => {
      const ledger = await open();
      const failed = { outcome: "failed", runId: "2026-11-22" } as const;
      await ledger.append(success("a", [runsTotal()], failed));
      await ledger.append(success("b", [runsTotal()], failed));
      await ledger.append(success("c", [runsTotal()], { runId: "2026-11-22" }));
      expect(await totalOf(ledger)).toBe(3);
    });

    test("100 times at once, twice each, counts 100", async () => {
      const ledger = await open();
      const records = Array.from({ length: 100 }, (_, index) => success(`run-${index}`));
      await Promise.all([...records, ...records].map((record) => ledger.append(record)));
      expect(await totalOf(ledger)).toBe(100);
    });
  });

  describe(`${name}: a fold`, () => {
    test("moves what is pending into a new version, and then rests", async () => {
      const ledger = await open();
      for (const id of ["b", "a", "c"]) await ledger.append(success(id));
      const report = await foldGroup(ledger, GROUP);
      expect(report).toMatchObject({ status: "settled", taken: 3, duplicates: 0, skipped: [] });
      expect(report.snapshot.version).toBe(1);
      expect(report.snapshot.last.map(({ id }) => id)).toEqual(["run-a", "run-b", "run-c"]);
      expect(await pendingOf(ledger)).toEqual([]);
      expect(await ledger.done(GROUP, ["run-a", "run-x"])).toEqual(new Set(["run-a"]));
      expect((await foldGroup(ledger, GROUP)).snapshot.version).toBe(1);
    });

    test("takes at most 100 records a round", async () => {
      const ledger = await open();
      const records = Array.from({ length: 205 }, (_, index) => success(`run-${index}`));
      await Promise.all(records.map((record) => ledger.append(record)));
      expect((await foldRound(ledger, GROUP)).taken).toBe(100);
      expect(await foldGroup(ledger, GROUP)).toMatchObject({ taken: 105, status: "settled" });
      expect(await totalOf(ledger)).toBe(205);
    });

    test("of one group leaves the others alone", async () => {
      const ledger = await open();
      await ledger.append(success("a"));
      await ledger.append(success("a", [runsTotal()], { groupingKey: OTHER_GROUP }));
      expect(await totalOf(ledger)).toBe(1);
      expect(await pendingOf(ledger, OTHER_GROUP)).toHaveLength(1);
      expect(await ledger.groups()).toHaveLength(2);
    });

    test("by several at once while others append adds each record once", async () => {
      const ledger = await open();
      const appends = Array.from({ length: 60 }, (_, index) => ledger.append(success(`r${index}`)));
      const folds = Array.from({ length: 4 }, () => foldGroup(ledger, GROUP));
      await Promise.all([...appends, ...folds]);
      expect(await totalOf(ledger)).toBe(60);
    });

    test("that was cut off after its snapshot is finished by the next one", async () => {
      const ledger = await open();
      await ledger.append(success("a"));
      const cutOff = { ...ledger, putDone: () => Promise.reject(new Error("killed")) };
      await expect(foldGroup(cutOff, GROUP)).rejects.toThrow("killed");
      expect(await pendingOf(ledger)).toHaveLength(1);
      await ledger.append(success("b"));
      expect(await totalOf(ledger)).toBe(2);
      expect(await ledger.done(GROUP, ["run-a", "run-b"])).toEqual(new Set(["run-a", "run-b"]));
      expect(await pendingOf(ledger)).toEqual([]);
    });

    test("rejects a record of another shape, with its reason, and keeps the others", async () => {
      const ledger = await open();
      await ledger.append(success("a"));
      await foldGroup(ledger, GROUP);
      const wrong = { type: "gauge", name: "batch_job_runs_total", samples: [] } as const;
      const samples = [{ labels: {}, value: 1 }];
      await ledger.append(success("b", [{ ...wrong, samples }]));
      await ledger.append(success("c"));
      const { snapshot } = await foldGroup(ledger, GROUP);
      expect(snapshot.totals).toMatchObject({ records: 2, rejected: 1 });
      expect(snapshot.last).toContainEqual({
        id: "run-b",
        rejected: "metric batch_job_runs_total: it is a gauge here and a counter before",
      });
      expect(await pendingOf(ledger)).toEqual([]);
    });
  });

  describe(`${name}: compare-and-swap`, () => {
    test("of snapshots lets one of many writers win", async () => {
      const ledger = await open();
      await ledger.append(success("a"));
      const writes = Array.from({ length: 8 }, (_, index) =>
        ledger.writeSnapshot(GROUP, { version: 1, bytes: Buffer.from(`${index}`) }),
      );
      const results = await Promise.all(writes);
      expect(results.filter((result) => result === "won")).toHaveLength(1);
      const stored = await ledger.readSnapshot(GROUP);
      expect(stored?.version).toBe(1);
      expect(`${stored?.bytes}`).toBe(`${results.indexOf("won")}`);
    });

    test("of a small item: the first version, then one after the other", async () => {
      const ledger = await open();
      expect(await ledger.readState("high-water mark")).toBeUndefined();
      expect(await ledger.writeState("high-water mark", { version: 1, value: { peak: 7 } })).toBe(
        "won",
      );
      expect(await ledger.writeState("high-water mark", { version: 1, value: {} })).toBe("lost");
      expect(await ledger.writeState("high-water mark", { version: 2, value: { peak: 9 } })).toBe(
        "won",
      );
      expect(await ledger.readState("high-water mark")).toMatchObject({
        version: 2,
        value: { peak: 9 },
      });
      expect(await ledger.readState("another")).toBeUndefined();
    });
  });

  describe(`${name}: a lease`, () => {
    test("has one holder at a time, and its release lets the next one in", async () => {
      const ledger = await open();
      const lease = await takeLease(ledger);
      const refused = await ledger.lease(GROUP);
      expect(refused).toEqual({ status: "held", holder: expect.stringMatching(/./) });
      await lease.release();
      const next = await takeLease(ledger);
      // Safe to repeat: it is not the next one's lease that is given up.
      await lease.release();
      expect((await ledger.lease(GROUP)).status).toBe("held");
      await next.release();
      await (await takeLease(ledger)).release();
    });

    test("is one group's", async () => {
      const ledger = await open();
      const leases = [await takeLease(ledger), await takeLease(ledger, OTHER_GROUP)];
      await leases[0]?.release();
      expect((await ledger.lease(OTHER_GROUP)).status).toBe("held");
      await (await takeLease(ledger)).release();
      await leases[1]?.release();
    });

    test("that 50 ask for at once goes to one of them, again and again", async () => {
      const ledger = await open();
      for (let round = 0; round < 3; round++) {
        const results = await Promise.all(Array.from({ length: 50 }, () => ledger.lease(GROUP)));
        const leases = results.flatMap((each) => (each.status === "taken" ? [each.lease] : []));
        expect(leases).toHaveLength(1);
        await leases[0]?.release();
      }
    });

    test("carries a state, version after version, which the next holder and others read", async () => {
      const ledger = await open();
      const lease = await takeLease(ledger);
      expect(await lease.readState()).toBeUndefined();
      expect(await ledger.readPublishState(GROUP)).toBeUndefined();
      await lease.writeState({ version: 1, value: { acked: 7 } });
      await lease.writeState({ version: 2, value: { acked: 8 } });
      await lease.release();

      const written = { version: 2, value: { acked: 8 } };
      const next = await takeLease(ledger);
      expect(await next.readState()).toEqual(written);
      expect(await ledger.readPublishState(GROUP)).toEqual(written);
      expect(await ledger.readPublishState(OTHER_GROUP)).toBeUndefined();
      await next.release();
    });

    test("whose state somebody else has written is lost", async () => {
      const ledger = await open();
      const lease = await takeLease(ledger);
      await lease.writeState({ version: 1, value: "ours" });
      await expect(lease.writeState({ version: 1, value: "theirs" })).rejects.toMatchObject({
        code: "ERR_LEASE_LOST",
      });
      expect(await ledger.readPublishState(GROUP)).toEqual({ version: 1, value: "ours" });
      await lease.release();
    });

    test("that was released writes nothing", async () => {
      const ledger = await open();
      const lease = await takeLease(ledger);
      await lease.release();
      await expect(lease.writeState({ version: 1, value: 1 })).rejects.toMatchObject({
        code: "ERR_LEASE_LOST",
      });
      expect(await ledger.readPublishState(GROUP)).toBeUndefined();
    });
  });

  test(`${name}: the ledger's id stays the same`, async () => {
    const ledger = await open();
    const id = await ledger.ledgerId();
    expect(id).not.toBe("");
    expect(await ledger.ledgerId()).toBe(id);
  });
}

async function takeLease(ledger: Ledger, group = GROUP): Promise<Lease> {
  const result = await ledger.lease(group);
  if (result.status === "held") throw new Error(`the lease is held by ${result.holder}`);
  return result.lease;
}

async function pendingOf(ledger: Ledger, group = GROUP): Promise<readonly RunRecord[]> {
  const records: RunRecord[] = [];
  for await (const item of ledger.pending(group)) {
    if (item.status === "record") records.push(item.record);
  }
  return records;
}

/** Runs of the group after a fold, read back from the store. */
async function totalOf(ledger: Ledger): Promise<number | undefined> {
  await foldGroup(ledger, GROUP);
  const stored = await ledger.readSnapshot(GROUP);
  if (stored === undefined) return undefined;
  const families = snapshotFamilies(decodeSnapshot(GROUP, stored));
  return sampleValue(families, "batch_job_runs_total", { outcome: "succeeded" });
}
