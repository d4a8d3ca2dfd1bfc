import { expect, test } from "@jest/globals";
import { foldGroup } from "../../src/ledger/fold-round.ts";
import { replay } from "../../src/ledger/replay.ts";
import { recordLogLines } from "../../src/record/log-lines.ts";
import { manualClock } from "../support/manual-clock.ts";
import { createMemoryLedger } from "../support/memory-ledger.ts";
import { GROUP, NIGHT, runsTotal, success } from "../support/run-records.ts";

const DAY = 86_400;

test("a log replayed twice counts each of its records once", async () => {
  const ledger = createMemoryLedger();
  const records = [success("a"), success("b"), success("c", [runsTotal()], { runId: "monday" })];
  const log = ["starting", ...records.flatMap(recordLogLines), "over"];
  const clock = manualClock(NIGHT + 60);
  const first = await replay(log, ledger, { clock });
  expect(first.records.map(({ status }) => status)).toEqual(["appended", "appended", "appended"]);
  await foldGroup(ledger, GROUP);
  const second = await replay(log, ledger, { clock });
  expect(second.records.map(({ status }) => status)).toEqual(["present", "present", "present"]);
  expect((await foldGroup(ledger, GROUP)).snapshot.totals.records).toBe(3);
});

test("a unit that was executed again since is not added", async () => {
  const ledger = createMemoryLedger();
  await ledger.append(success("later", [runsTotal()], { runId: "monday" }));
  const lines = recordLogLines(success("first", [runsTotal()], { runId: "monday" }));
  const { records } = await replay(lines, ledger, { clock: manualClock(NIGHT) });
  expect(records).toMatchObject([{ status: "already_counted", groupingKey: GROUP }]);
});

test("records that are too old, or are recorded with other content, are refused and told of", async () => {
  const ledger = createMemoryLedger();
  await ledger.append(success("a"));
  const old = success("b", [], { completedAt: NIGHT - 30 * DAY - 1 });
  const young = success("c", [], { completedAt: NIGHT - 30 * DAY + 1 });
  const log = [success("a", [runsTotal(2)]), old, young].flatMap(recordLogLines);
  const { records, problems } = await replay(["{", ...log], ledger, { clock: manualClock(NIGHT) });
  expect(problems).toEqual([]);
  expect(records).toMatchObject([
    { id: "run-a", status: "refused", problem: expect.stringContaining("other content") },
    { id: "run-b", status: "refused", problem: expect.stringContaining("older than 30 days") },
    { id: "run-c", status: "appended" },
  ]);
});

test("a ledger that fails stops the replay, and what came before it stays", async () => {
  const ledger = createMemoryLedger();
  const failing = {
    ...ledger,
    append: (record: Parameters<typeof ledger.append>[0]) =>
      record.id === "run-b" ? Promise.reject(new Error("disk")) : ledger.append(record),
  };
  const log = [success("a"), success("b"), success("c")].flatMap(recordLogLines);
  await expect(replay(log, failing, { clock: manualClock(NIGHT) })).rejects.toThrow("disk");
  expect((await foldGroup(ledger, GROUP)).taken).toBe(1);
});
