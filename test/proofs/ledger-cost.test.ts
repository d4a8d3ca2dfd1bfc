import { spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { afterAll, expect, test } from "@jest/globals";
import { realFileSystem } from "../../src/ledger/file/file-system.ts";
import {
  donePath,
  encodeDoneMark,
  groupPaths,
  makeGroup,
} from "../../src/ledger/file/group-files.ts";
import { createFileLedger, type FileLedger } from "../../src/ledger/file-ledger.ts";
import { fold } from "../../src/ledger/fold.ts";
import { foldGroup, MAX_ROUND_RECORDS } from "../../src/ledger/fold-round.ts";
import { emptySnapshot, encodeSnapshot } from "../../src/ledger/snapshot.ts";
import { snapshotFamilies } from "../../src/ledger/snapshot-families.ts";
import type { RunRecord } from "../../src/record/run-record.ts";
import { printTable } from "../support/print-table.ts";
import {
  counter,
  GROUP,
  gauge,
  histogram,
  NIGHT,
  runsTotal,
  sampleValue,
  success,
} from "../support/run-records.ts";
import { stateDirectory, takeStateDirectories } from "../support/state-directory.ts";

const SMALL = 300;
const LARGE = 300_000;
/** Appends and folds measured on each of the two, by turns: the machine's moods hit both. */
const MEASURED = 200;
const HIGHEST_RATIO = 1.5;

// Removing 300,000 files takes longer than writing them; nobody has to wait for it.
afterAll(() => {
  const options = { detached: true, stdio: "ignore" } as const;
  spawn("rm", ["-rf", ...takeStateDirectories()], options).unref();
});

test("append and fold cost after 300,000 runs what they cost after 300", async () => {
  const small = await ledgerWith(SMALL);
  const large = await ledgerWith(LARGE);
  const sides = [
    { ledger: small, appends: [] as number[], folds: [] as number[] },
    { ledger: large, appends: [] as number[], folds: [] as number[] },
  ] as const;
  for (let round = 0; round < MEASURED; round++) {
    for (const { ledger, appends, folds } of round % 2 === 0 ? sides : sides.toReversed()) {
      const record = run(`measured-${round}`, round);
      appends.push(await milliseconds(() => ledger.append(record)));
      folds.push(await milliseconds(() => foldGroup(ledger, GROUP)));
    }
  }

  const ratio = (what: "appends" | "folds") => median(sides[1][what]) / median(sides[0][what]);
  const row = (name: string, what: "appends" | "folds") => [
    name,
    median(sides[0][what]).toFixed(2),
    median(sides[1][what]).toFixed(2),
    ratio(what).toFixed(2),
  ];
  printTable(
    `Cost of a run in a ledger of ${SMALL} and of ${LARGE} runs (medians of ${MEASURED}, ms)`,
    ["operation", `after ${SMALL}`, `after ${LARGE}`, "ratio"],
    [row("append", "appends"), row("fold", "folds")],
  );
  expect(await runsOf(small)).toBe(SMALL + MEASURED);
  expect(await runsOf(large)).toBe(LARGE + MEASURED);
  expect(ratio("appends")).toBeLessThanOrEqual(HIGHEST_RATIO);
  expect(ratio("folds")).toBeLessThanOrEqual(HIGHEST_RATIO);
}, 600_000);

/**
 * A ledger in which so many runs were appended and folded: made by the real fold and encodings, its
 * files written in bulk and without fsync. What is measured afterwards takes the ordinary way.
 */
async function ledgerWith(runs: number): Promise<FileLedger> {
  const directory = stateDirectory();
  const ledger = createFileLedger({ directory });
  await ledger.ledgerId();
  await makeGroup(realFileSystem, directory, GROUP);
  const paths = groupPaths(directory, GROUP);
  for (let prefix = 0; prefix < 256; prefix++) {
    mkdirSync(`${paths.done}/${prefix.toString(16).padStart(2, "0")}`, { mode: 0o700 });
  }
  let snapshot = emptySnapshot(GROUP);
  for (let from = 0; from < runs; from += MAX_ROUND_RECORDS) {
    const records = Array.from({ length: MAX_ROUND_RECORDS }, (_, n) => run(`r${from + n}`, n));
    snapshot = fold(snapshot, records);
    for (const record of records) {
      const mark = encodeDoneMark({ version: snapshot.version, record });
      writeFileSync(donePath(paths, record.id).path, mark, { mode: 0o600 });
    }
  }
  const name = `${snapshot.version}`.padStart(16, "0");
  writeFileSync(`${paths.snapshots}/${name}`, encodeSnapshot(snapshot).bytes, { mode: 0o600 });
  return ledger;
}

/** A run as jobs report it: a dozen families. */
function run(id: string, index: number): RunRecord {
  return success(
    id,
    [
      runsTotal(),
      gauge("batch_job_last_success_timestamp_seconds", NIGHT + index),
      gauge("batch_job_last_completion_timestamp_seconds", NIGHT + index),
      gauge("batch_job_duration_seconds", 1.5),
      gauge("portfolio_cash", index),
      gauge("portfolio_total_value", index + 1),
      gauge("kill_switch_status", 0),
      counter("trades_total", 2, { side: "BUY", ticker: `T${index % 50}` }),
      counter("ai_api_cost_usd_total", 0.013, { model_name: "m" }),
      histogram("ai_api_latency_seconds", [0.5, 1.5, 7]),
    ],
    { completedAt: NIGHT + index },
  );
}

async function runsOf(ledger: FileLedger): Promise<number | undefined> {
  const { snapshot } = await foldGroup(ledger, GROUP);
  return sampleValue(snapshotFamilies(snapshot), "batch_job_runs_total", { outcome: "succeeded" });
}

async function milliseconds(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
