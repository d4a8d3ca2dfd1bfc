import { mkdtemp, readdir, rm, truncate } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { groupingKey } from "../../src/grouping-key.ts";
import { groupPaths } from "../../src/ledger/file/group-files.ts";
import { createFileLedger } from "../../src/ledger/file-ledger.ts";
import { foldGroup } from "../../src/ledger/fold-round.ts";
import { recordLogLines } from "../../src/record/log-lines.ts";
import { completionRecord, newExecutionId } from "../../src/record/run-record.ts";
import { runCli } from "../support/cli.ts";

const KEY = groupingKey("nightly", { strategy: "s" });
let directory = "";
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "closing-bell-ledger-"));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const cli = (args: readonly string[], input = "") =>
  runCli(args, { env: { CLOSING_BELL_STATE_DIR: directory }, input });

describe("replay", () => {
  test("commits what a log holds, among other lines, once however often", async () => {
    const record = runOf(7);
    const log = ["job started", ...recordLogLines(record), "job ended", ""].join("\n");
    const first = await cli(["replay", "-"], log);
    expect(first).toMatchObject({ code: 0, stdout: "" });
    expect(first.stderr).toContain(`{job="nightly",strategy="s"} ${record.id} appended`);
    const again = await cli(["replay", "--json"], log);
    expect(JSON.parse(again.stdout)).toMatchObject({
      records: [{ id: record.id, status: "present" }],
    });

    const ledger = createFileLedger({ directory });
    await foldGroup(ledger, KEY);
    const { stdout } = await cli(["ledger", "show", "--json"]);
    expect(JSON.parse(stdout)).toMatchObject({
      groups: [
        {
          version: 1,
          counted: 1,
          pending: 0,
          families: [{ name: "rows_total", samples: [{ value: 7 }] }],
        },
      ],
    });
  });

  test("says what is damaged, commits the rest, and exits 1", async () => {
    const good = recordLogLines(runOf(1));
    const [broken = "", ...rest] = recordLogLines(runOf(2));
    const cut = [...good, broken.slice(0, -20), ...rest].join("\n");
    const { code, stderr } = await cli(["replay"], cut);
    expect(code).toBe(1);
    expect(stderr).toContain(" appended\n");
  });
});

test("ledger repair rebuilds what cannot be read, from the version before and the done marks", async () => {
  const ledger = createFileLedger({ directory });
  for (const rows of [1, 2, 3]) {
    await ledger.append(runOf(rows));
    await foldGroup(ledger, KEY);
  }
  const { snapshots } = groupPaths(directory, KEY);
  const newest = (await readdir(snapshots)).sort().at(-1) ?? "";
  await truncate(join(snapshots, newest), 5);
  const damaged = await cli(["ledger", "show"]);
  expect(damaged.code).toBe(1);
  expect(damaged.stdout).toContain("ERR_LEDGER_CORRUPT");
  const repaired = await cli(["ledger", "repair"]);
  expect(repaired).toMatchObject({
    code: 0,
    stdout: '{job="nightly",strategy="s"}  repaired: version 4 from version 2 and 1 records\n',
  });
  const { stdout } = await cli(["ledger", "show", "--json"]);
  expect(JSON.parse(stdout)).toMatchObject({
    groups: [{ counted: 3, families: [{ samples: [{ value: 6 }] }] }],
  });
  expect((await cli(["ledger", "repair"])).stdout).toContain("intact");
});

describe("ledger show", () => {
  test("tells totals and what waits, a line a group", async () => {
    const ledger = createFileLedger({ directory });
    await ledger.append(runOf(3));
    await foldGroup(ledger, KEY);
    await ledger.append(runOf(4));
    const { code, stdout } = await cli(["ledger", "show"]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^ledger \S+ in .*, 1 groups\n/);
    expect(stdout).toContain(
      '{job="nightly",strategy="s"}  version 1, 1 records counted, 1 pending\n',
    );
  });

  test("without a ledger, or with one that cannot be, says so and exits 2", async () => {
    const none = await runCli(["ledger", "show"], { env: { CLOSING_BELL_LEDGER: "none" } });
    expect(none).toMatchObject({ code: 2, stdout: "" });
    const relative = await runCli(["ledger", "show"], { env: { CLOSING_BELL_LEDGER: "file:x" } });
    expect(relative.code).toBe(2);
    expect(relative.stderr).toContain("must be absolute");
  });
});

function runOf(rows: number) {
  const now = Date.now() / 1000;
  return completionRecord({
    groupingKey: KEY,
    executionId: newExecutionId(),
    outcome: "succeeded",
    startedAt: now,
    completedAt: now,
    families: [{ type: "counter", name: "rows_total", samples: [{ labels: {}, value: rows }] }],
  });
}
