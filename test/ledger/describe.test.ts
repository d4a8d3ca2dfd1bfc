import { truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "@jest/globals";
import { groupingKey } from "../../src/grouping-key.ts";
import { describeLedger } from "../../src/ledger/describe.ts";
import { groupPaths, pendingPath } from "../../src/ledger/file/group-files.ts";
import { createFileLedger } from "../../src/ledger/file-ledger.ts";
import { foldGroup } from "../../src/ledger/fold-round.ts";
import { GROUP, gauge, NIGHT, runsTotal, sampleValue, success } from "../support/run-records.ts";
import { removeStateDirectories, stateDirectory } from "../support/state-directory.ts";

afterAll(removeStateDirectories);

test("a ledger tells of each group: totals, what waits, what was rejected, what it cannot read", async () => {
  const directory = stateDirectory();
  const ledger = createFileLedger({ directory });
  const broken = groupingKey("broken");
  await ledger.append(success("a", [runsTotal()], { groupingKey: broken }));
  await foldGroup(ledger, broken);
  const { snapshots } = groupPaths(directory, broken);
  truncateSync(join(snapshots, "0000000000000001"), 5);
  await ledger.append(success("b", [runsTotal()], { groupingKey: broken }));

  await ledger.append(success("a"));
  await foldGroup(ledger, GROUP);
  await ledger.append(success("b", [gauge("batch_job_runs_total", 1)]));
  await foldGroup(ledger, GROUP);
  await ledger.append(success("c"));
  await ledger.append(success("d", [runsTotal()], { completedAt: NIGHT - 7 }));
  const future = pendingPath(groupPaths(directory, GROUP), "future");
  writeFileSync(future, '{"format":7}');

  const description = await describeLedger(ledger);
  expect(description).toMatchObject({
    place: `file:${directory}`,
    ledgerId: await ledger.ledgerId(),
    groups: [
      {
        groupingKey: broken,
        pending: 1,
        problem: { code: "ERR_LEDGER_CORRUPT" },
        families: [],
      },
      {
        groupingKey: GROUP,
        version: 2,
        counted: 1,
        pending: 2,
        oldestPendingAt: NIGHT - 7,
        rejected: { count: 1, newest: [{ id: "run-b", reason: expect.stringContaining("gauge") }] },
        droppedLabelSets: 0,
        skipped: [{ status: "unknown_format", place: future }],
      },
    ],
  });
  const families = description.groups[1]?.families ?? [];
  expect(sampleValue(families, "batch_job_runs_total", { outcome: "succeeded" })).toBe(1);
  expect(JSON.parse(JSON.stringify(description))).toEqual(description);
});

test("records that are counted and not yet cleared do not wait", async () => {
  const ledger = createFileLedger({ directory: stateDirectory() });
  await ledger.append(success("a"));
  const cutOff = { ...ledger, putDone: () => Promise.reject(new Error("killed")) };
  await expect(foldGroup(cutOff, GROUP)).rejects.toThrow("killed");
  const { groups } = await describeLedger(ledger);
  expect(groups).toMatchObject([{ version: 1, pending: 0 }]);
});

test("an empty ledger has no groups", async () => {
  const { groups } = await describeLedger(createFileLedger({ directory: stateDirectory() }));
  expect(groups).toEqual([]);
});
