import { execFileSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  mkdirSync,
  readdirSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, describe, expect, test } from "@jest/globals";
import { ClosingBellError } from "../../src/errors.ts";
import { groupingKey } from "../../src/grouping-key.ts";
import { groupPaths } from "../../src/ledger/file/group-files.ts";
import { createFileLedger, type FileLedger } from "../../src/ledger/file-ledger.ts";
import { foldGroup } from "../../src/ledger/fold-round.ts";
import { repairGroup } from "../../src/ledger/repair.ts";
import { replay } from "../../src/ledger/replay.ts";
import { snapshotFamilies } from "../../src/ledger/snapshot-families.ts";
import type { CompletionReport } from "../../src/publish/delivery.ts";
import { createLedgerDelivery } from "../../src/publish/ledger-delivery.ts";
import { bundleProgram } from "../support/bundle.ts";
import { manualClock } from "../support/manual-clock.ts";
import { printTable } from "../support/print-table.ts";
import { GROUP, gauge, NIGHT, runsTotal, sampleValue, success } from "../support/run-records.ts";
import { smallDisk } from "../support/small-disk.ts";
import { removeStateDirectories, stateDirectory } from "../support/state-directory.ts";

const table: string[][] = [];
afterAll(() => {
  removeStateDirectories();
  printTable(
    "A ledger on a bad disk",
    ["what", "runs", "refused", "lost", "the error says"],
    table,
  );
});

/** Runs whose report is taken at each amount of free space. */
const RUNS = 8;

describe("a full disk", () => {
  test("refuses runs into the log and loses none, wherever it fills up", async () => {
    const disk = smallDisk();
    if (disk === undefined) {
      table.push(["full disk (tmpfs)", "-", "-", "-", "mounting is not allowed here: not shown"]);
      return;
    }
    try {
      let refused = 0;
      let lost = 0;
      let runs = 0;
      let foldsRefused = 0;
      // 4 KB is a page of tmpfs: from no room at all to room for everything but the last write.
      for (let free = 0; free <= 4 * 36; free += 4) {
        const directory = join(disk.path, `free-${free}`);
        const ledger = createFileLedger({ directory });
        await ledger.append(success("before"));
        disk.fill(free);
        const logged: string[] = [];
        const deliver = createLedgerDelivery({
          ledger,
          log: (line) => logged.push(line),
          attempts: 1,
        });
        for (let run = 0; run < RUNS; run++) {
          const report = await deliver(completion(), new AbortController().signal);
          if (report.status === "logged") {
            expect(report.error).toMatchObject({ code: "ERR_LEDGER_FULL" });
            refused++;
          }
        }
        const folded = await foldGroup(ledger, GROUP).catch((error) => error);
        if (folded instanceof Error) {
          expect(folded).toMatchObject({ code: "ERR_LEDGER_FULL" });
          foldsRefused++;
        }
        expect(leftovers(directory)).toEqual([]);
        disk.free();
        const { records } = await replay(logged, ledger, { clock: manualClock(NIGHT + 60) });
        expect(records.every(({ status }) => status === "appended")).toBe(true);
        lost += RUNS + 1 - (await totalOf(ledger));
        runs += RUNS + 1;
      }
      table.push([
        `full disk (tmpfs, 37 fillings, ${foldsRefused} folds refused)`,
        `${runs}`,
        `${refused}`,
        `${lost}`,
        "no room in DIR; free some space and try again",
      ]);
      expect(lost).toBe(0);
      expect(refused).toBeGreaterThan(10);
      expect(foldsRefused).toBeGreaterThan(5);
    } finally {
      disk.remove();
    }
  }, 120_000);

  test("as a limit on file size refuses what does not fit, whole", async () => {
    const directory = stateDirectory();
    const program = bundleProgram("proofs/ledger/limited-worker.ts");
    // 16 blocks of 512 bytes (1024 in some shells).
    const script = `ulimit -f 16; exec "${process.execPath}" "${program}" "${directory}"`;
    const printed = execFileSync("sh", ["-c", script]).toString();
    expect(printed).toBe("appended\nERR_LEDGER_FULL\n");
    const ledger = createFileLedger({ directory });
    expect(leftovers(directory)).toEqual([]);
    expect((await foldGroup(ledger, GROUP)).taken).toBe(1);
    table.push(["file size limit (ulimit -f)", "2", "1", "0", "no room in DIR"]);
  });
});

describe("a place that can hold no ledger is refused, and the error says what to do", () => {
  test.each<{ name: string; place: () => FileLedger; says: RegExp; advice: string }>([
    {
      name: "no link within one directory (EXDEV)",
      place: () => {
        const link = async () => {
          throw Object.assign(new Error("EXDEV: cross-device link"), { code: "EXDEV" });
        };
        return createFileLedger({ directory: stateDirectory(), fs: { link } });
      },
      says: /cannot link files within one directory.*CLOSING_BELL_STATE_DIR/,
      advice: "set CLOSING_BELL_STATE_DIR to a local disk",
    },
    {
      name: "a symbolic link",
      place: () => {
        const directory = stateDirectory();
        mkdirSync(`${directory}-target`, { mode: 0o700 });
        symlinkSync(`${directory}-target`, directory);
        return createFileLedger({ directory });
      },
      says: /is a symbolic link.*CLOSING_BELL_STATE_DIR/,
      advice: "set CLOSING_BELL_STATE_DIR to the directory itself",
    },
    {
      name: "a directory of another user",
      place: () => {
        if (process.geteuid?.() !== 0) return createFileLedger({ directory: "/" });
        const directory = stateDirectory();
        mkdirSync(directory, { mode: 0o700 });
        chownSync(directory, 65_534, 65_534);
        return createFileLedger({ directory });
      },
      says: /belongs to user \d+ and this is user \d+.*Run as that user/,
      advice: "run as that user, or CLOSING_BELL_STATE_DIR",
    },
    {
      name: "a directory that others can write",
      place: () => {
        const directory = stateDirectory();
        mkdirSync(directory);
        chmodSync(directory, 0o777);
        return createFileLedger({ directory });
      },
      says: /can be written by others \(mode 777\): chmod 700/,
      advice: "chmod 700 it",
    },
    {
      name: "a network file system (statfs says NFS)",
      place: () =>
        createFileLedger({ directory: stateDirectory(), fs: { typeOf: async () => 0x6969 } }),
      says: /network or shared file system \(NFS\).*dynamodb:TABLE/,
      advice: "a local disk, or dynamodb:TABLE",
    },
  ])("$name", async ({ name, place, says, advice }) => {
    const ledger = place();
    const error = await ledger.append(success("a")).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ClosingBellError);
    expect(error).toMatchObject({ code: "ERR_LEDGER_UNFIT", message: expect.stringMatching(says) });
    table.push([name, "1", "1", "0", advice]);
  });

  test("a read-only disk: refused, and as it was once it can be written again", async () => {
    const disk = smallDisk();
    if (disk === undefined) {
      table.push(["read-only disk", "-", "-", "-", "mounting is not allowed here: not shown"]);
      return;
    }
    try {
      const ledger = createFileLedger({ directory: join(disk.path, "state") });
      await ledger.append(success("before"));
      disk.setReadOnly(true);
      const refusal = { code: "ERR_LEDGER_UNFIT", message: expect.stringContaining("read-only") };
      await expect(ledger.append(success("a"))).rejects.toMatchObject(refusal);
      await expect(foldGroup(ledger, GROUP)).rejects.toMatchObject(refusal);
      const elsewhere = createFileLedger({ directory: join(disk.path, "other") });
      await expect(elsewhere.append(success("a"))).rejects.toMatchObject(refusal);
      disk.setReadOnly(false);
      await ledger.append(success("a"));
      expect(await totalOf(ledger)).toBe(2);
      table.push(["a read-only disk", "2", "1", "0", "is read-only; set CLOSING_BELL_STATE_DIR"]);
    } finally {
      disk.remove();
    }
  });
});

describe("a snapshot that cannot be read", () => {
  test.each<{ name: string; damage: (path: string) => void }>([
    { name: "is empty", damage: (path) => truncateSync(path, 0) },
    { name: "is cut off", damage: (path) => truncateSync(path, 100) },
    { name: "is something else", damage: (path) => writeFileSync(path, "{}") },
  ])(
    "because it $name stops its group alone, and is repaired exactly",
    async ({ name, damage }) => {
      const directory = stateDirectory();
      const ledger = createFileLedger({ directory });
      const other = groupingKey("another");
      for (let run = 0; run < 6; run++) {
        await ledger.append(success(`r${run}`));
        await ledger.append(success(`r${run}`, [runsTotal()], { groupingKey: other }));
        if (run % 2 === 0) await foldGroup(ledger, GROUP);
      }
      await foldGroup(ledger, GROUP);
      const { snapshots } = groupPaths(directory, GROUP);
      damage(join(snapshots, readdirSync(snapshots).toSorted().at(-1) ?? ""));

      await ledger.append(success("later"));
      await expect(foldGroup(ledger, GROUP)).rejects.toMatchObject({
        code: "ERR_LEDGER_CORRUPT",
        message: expect.stringMatching(/runs are still recorded.*closing-bell ledger repair/),
      });
      expect((await foldGroup(ledger, other)).taken).toBe(6);

      expect(await repairGroup(ledger, GROUP)).toMatchObject({ status: "repaired", version: 5 });
      expect(await totalOf(ledger)).toBe(7);
      table.push([`a snapshot that ${name}`, "13", "0", "0", "closing-bell ledger repair"]);
    },
  );
});

function completion(): CompletionReport {
  const status = [runsTotal(), gauge("batch_job_last_completion_timestamp_seconds", NIGHT)];
  return { type: "completion", groupingKey: GROUP, outcome: "succeeded", status, results: [] };
}

async function totalOf(ledger: FileLedger): Promise<number> {
  const { snapshot } = await foldGroup(ledger, GROUP);
  const families = snapshotFamilies(snapshot);
  return sampleValue(families, "batch_job_runs_total", { outcome: "succeeded" }) ?? 0;
}

/** Files that are none of a whole ledger: half-written ones. */
function leftovers(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.startsWith(".tmp-"))
    .map(({ parentPath, name }) => join(dirname(parentPath), name));
}
