import { readdirSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "@jest/globals";
import { groupPaths } from "../../src/ledger/file/group-files.ts";
import { createFileLedger } from "../../src/ledger/file-ledger.ts";
import { foldGroup } from "../../src/ledger/fold-round.ts";
import { repairGroup } from "../../src/ledger/repair.ts";
import { encodeTotals } from "../../src/ledger/snapshot.ts";
import { GROUP, gauge, success } from "../support/run-records.ts";
import { removeStateDirectories, stateDirectory } from "../support/state-directory.ts";

afterAll(removeStateDirectories);

describe("a repair", () => {
  test("leaves a group alone that can be read", async () => {
    const { ledger } = await ledgerOf(3);
    expect(await repairGroup(ledger, GROUP)).toEqual({
      status: "intact",
      version: 3,
      from: 3,
      records: 0,
    });
  });

  test.each([1, 2, 3])(
    "rebuilds the totals when the last %i versions are damaged",
    async (damaged) => {
      const { ledger, before, files } = await ledgerOf(3);
      for (const path of files.slice(-damaged)) truncateSync(path, 10);
      const result = await repairGroup(ledger, GROUP);
      expect(result).toMatchObject({ status: "repaired", version: 4, from: 3 - damaged });
      const { snapshot } = await foldGroup(ledger, GROUP);
      expect(encodeTotals(snapshot.totals)).toBe(encodeTotals(before.totals));
    },
  );

  test("leaves records that were not yet marked to the next fold", async () => {
    const { ledger, files } = await ledgerOf(2);
    await ledger.append(success("unmarked"));
    const cutOff = { ...ledger, putDone: () => Promise.reject(new Error("killed")) };
    await expect(foldGroup(cutOff, GROUP)).rejects.toThrow("killed");
    writeFileSync((files[0] ?? "").replace(/1$/, "3"), "damaged");
    await repairGroup(ledger, GROUP);
    const { snapshot } = await foldGroup(ledger, GROUP);
    expect(snapshot.totals.records).toBe(3);
  });

  test("is refused when the marks of a version are gone, unless the gap is accepted", async () => {
    const { ledger, files } = await ledgerOf(3);
    for (const path of files.slice(-2)) truncateSync(path, 10);
    const forgetful = {
      ...ledger,
      async *doneMarks(group: typeof GROUP) {
        for await (const mark of ledger.doneMarks(group)) if (mark.version !== 2) yield mark;
      },
    };
    await expect(repairGroup(forgetful, GROUP)).rejects.toThrow(
      /no done mark names version 2 .*--accept-gaps/,
    );
    const accepted = await repairGroup(forgetful, GROUP, { acceptGaps: true });
    expect(accepted).toMatchObject({ status: "repaired", version: 4, from: 1, records: 1 });
  });

  test("is refused when there is nothing to start from", async () => {
    const { ledger, directory } = await ledgerOf(25);
    const { snapshots } = groupPaths(directory, GROUP);
    for (const name of readdirSync(snapshots)) truncateSync(join(snapshots, name), 10);
    await expect(repairGroup(ledger, GROUP)).rejects.toThrow(/none of the 20 kept versions/);
  });
});

/** A ledger of so many versions of a run each, every third of them rejected. */
async function ledgerOf(versions: number) {
  const directory = stateDirectory();
  const ledger = createFileLedger({ directory });
  for (let run = 0; run < versions; run++) {
    const families = run % 3 === 2 ? [gauge("batch_job_runs_total", 1)] : undefined;
    await ledger.append(success(`r${run}`, families));
    await foldGroup(ledger, GROUP);
  }
  const { snapshots } = groupPaths(directory, GROUP);
  const files = readdirSync(snapshots)
    .toSorted()
    .map((name) => join(snapshots, name));
  return { ledger, directory, files, before: (await foldGroup(ledger, GROUP)).snapshot };
}
