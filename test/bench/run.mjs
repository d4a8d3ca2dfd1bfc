/** `npm run bench -- --quick [--json]`; see README.md beside this file. */
import { readFileSync } from "node:fs";
import { cpus } from "node:os";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { absentPeers } from "./lib/contestants.mjs";
import {
  buildProduct,
  installPeers,
  nodeRemark,
  productBuild,
  rerunOnNode24,
} from "./lib/environment.mjs";
import { judge } from "./lib/judge.mjs";
import { measureRow } from "./lib/measure.mjs";
import { table } from "./lib/report.mjs";
import { MODES, ROWS } from "./lib/rows.mjs";

const { values: options } = parseArgs({
  options: {
    quick: { type: "boolean" },
    json: { type: "boolean", default: false },
    product: { type: "string" },
    row: { type: "string", multiple: true },
  },
});

process.exitCode = await main();

async function main() {
  if (!options.quick) {
    say("Only the quick mode exists so far: npm run bench -- --quick");
    return 2;
  }
  try {
    return rerunOnNode24() ?? (await bench("quick"));
  } catch (error) {
    say(error instanceof Error ? error.message : String(error));
    return 2;
  }
}

/** @returns 1 when a row missed that `known-misses.json` does not name. */
async function bench(mode) {
  installPeers();
  if (options.product === undefined) buildProduct();

  const knownMisses = JSON.parse(
    readFileSync(new URL("known-misses.json", import.meta.url), "utf8"),
  );
  const results = await measure(mode, knownMisses);
  const missed = results.filter(({ verdict }) => verdict === "MISS");
  const node = process.version;
  const machine = `${cpus().length} x ${cpus()[0]?.model ?? "unknown processor"}`;

  if (options.json) {
    const report = { version: 1, mode, node, machine, absentPeers, rows: results };
    process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
  } else {
    const remarks = [`Node ${node}, ${machine}; nanoseconds`, nodeRemark(), ...absentRemarks()];
    const reasons = results.filter(({ reason }) => reason).map((r) => `${r.id}: ${r.reason}`);
    const lines = [remarks.filter(Boolean).join("; "), "", table(results), ...reasons];
    process.stdout.write(`${lines.join("\n")}\n`);
  }
  return missed.length === 0 ? 0 : 1;
}

/** All rows, and once more those that missed, as often as the mode's time allows. */
async function measure(mode, knownMisses) {
  const { repetitions, rerunRepetitions, rounds, budgetMs } = MODES[mode];
  const productFile = resolve(options.product ?? productBuild);
  const times = new Map();

  async function repeat(rows, count, until = Infinity) {
    for (let time = 0; time < count; time++) {
      for (const row of rows) {
        if (performance.now() > until) return;
        const measured = await measureRow(row, { rounds, productFile });
        times.set(row, append(times.get(row), measured));
      }
    }
  }

  const rows = ROWS.filter(
    (row) => row.modes.includes(mode) && (options.row?.includes(row.id) ?? true),
  );
  await repeat(rows, repetitions);
  const first = rows.map((row) => judge(row, times.get(row), knownMisses));
  const missed = rows.filter((_, i) => first[i].verdict !== "PASS");
  if (missed.length === 0) return first;

  say(`Once more: ${missed.map((row) => row.id).join(", ")}`);
  await repeat(missed, rerunRepetitions, budgetMs);
  return rows.map((row, i) => {
    if (first[i].verdict === "PASS") return first[i];
    return { ...judge(row, times.get(row), knownMisses), rerun: true };
  });
}

function append(before = new Map(), measured) {
  return new Map([...measured].map(([name, ns]) => [name, [...(before.get(name) ?? []), ns]]));
}

function absentRemarks() {
  return absentPeers.map((name) => `absent: ${name}, it needs a newer Node`);
}

/** To standard error, so that `--json` stays JSON. */
function say(text) {
  process.stderr.write(`${text}\n`);
}
