import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { afterEach, expect, test } from "@jest/globals";
import { createDynamodbLedger } from "../../src/ledger/dynamodb-ledger.ts";
import { foldGroup } from "../../src/ledger/fold-round.ts";
import { snapshotFamilies } from "../../src/ledger/snapshot-families.ts";
import { amountOf } from "../../src/record/amount.ts";
import { bundleProgram } from "../support/bundle.ts";
import {
  type DynamodbPlace,
  errorAnswer,
  placeOf,
  startDynamodb,
  startFullDynamodb,
} from "../support/dynamodb.ts";
import { type Fault, startFaultProxy } from "../support/fault-proxy.ts";
import { printTable } from "../support/print-table.ts";
import { GROUP, sampleValue } from "../support/run-records.ts";
import { chaosCost } from "./ledger/chaos-run.ts";

const WORKERS = 4;
const RUNS_EACH = 60;
const KILLS = 12;
/** Runs that a worker repeats after it was killed, under the same ids. */
const REPEATED = 3;

/** How often each fault strikes, of 1. */
const FAULTS: readonly { readonly share: number; readonly fault: Fault }[] = [
  { share: 0.04, fault: { type: "cut-answer", bytes: 0 } },
  { share: 0.02, fault: { type: "cut-request", bodyBytes: 100, how: "reset" } },
  { share: 0.03, fault: { type: "answer", status: 500, body: "{}" } },
  { share: 0.003, fault: errorAnswer("ProvisionedThroughputExceededException", "slow down") },
  { share: 0.02, fault: { type: "delay", forwardMs: 150, answerMs: 50 } },
  // Longer than an attempt lasts: it is repeated, and comes all the same.
  { share: 0.002, fault: { type: "delay", forwardMs: 1200 } },
];

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

test("killed at random over a bad network, nothing is lost and nothing is counted twice", async () => {
  const chaos = await unleash({ kills: KILLS, isGuarded: true });
  printTable(
    "Chaos over one table of DynamoDB",
    ["what", "figure"],
    [
      ["processes at a time", `${WORKERS}`],
      ["runs", `${chaos.runs}`],
      ["appends, repetitions included", `${chaos.appends}`],
      ["SIGKILL", `${chaos.kills}`],
      ["requests", `${chaos.requests}`],
      ["of them with a fault", `${chaos.faults}`],
      ["versions written", `${chaos.versions}`],
      ["lost", `${chaos.missing}`],
      ["double", `${chaos.total - (chaos.runs - chaos.missing)}`],
      ["seconds", chaos.seconds.toFixed(1)],
    ],
  );
  expect(chaos).toMatchObject({ kills: KILLS, missing: 0, pending: 0, total: chaos.runs });
  expect(chaos.cost).toBe(exactCost());
  expect(chaos.appends).toBeGreaterThan(chaos.runs);
  expect(chaos.faults).toBeGreaterThan(50);
}, 120_000);

test("without the condition on the version, runs are lost", async () => {
  const chaos = await unleash({ kills: 0, isGuarded: false });
  expect(chaos.total).not.toBe(chaos.runs);
}, 120_000);

/** Lets workers append and fold until each has done all its runs, kills them meanwhile, and counts. */
async function unleash({ kills, isGuarded }: { kills: number; isGuarded: boolean }) {
  const program = bundleProgram("proofs/ledger/dynamodb-worker.ts");
  const server = await startDynamodb();
  cleanups.push(server.close);
  const full = await startFullDynamodb(server.url, (operation, input) => {
    if (isGuarded || operation !== "PutItem" || input.Item.sk.S !== "S") return input;
    const { TableName, Item } = input;
    return { TableName, Item };
  });
  cleanups.push(full.close);
  let faults = 0;
  const proxy = await startFaultProxy(full.url, () => {
    // The twin fails without their help.
    let dice = isGuarded ? Math.random() : 1;
    for (const { share, fault } of FAULTS) {
      dice -= share;
      if (dice >= 0) continue;
      faults++;
      return fault;
    }
    return { type: "pass" };
  });
  cleanups.push(proxy.close);

  const { table } = await server.createTable();
  const started = performance.now();
  const struck = await runWorkers(program, placeOf(table, proxy.url), kills);
  const seconds = (performance.now() - started) / 1000;

  const ledger = createDynamodbLedger(placeOf(table, server.url));
  const { snapshot } = await foldGroup(ledger, GROUP);
  const done = await ledger.done(GROUP, ids());
  let pending = 0;
  for await (const _ of ledger.pending(GROUP)) pending++;
  const families = snapshotFamilies(snapshot);
  const cost = snapshot.totals.families.find(({ name }) => name === "cost_usd_total");
  return {
    ...struck,
    runs: WORKERS * RUNS_EACH,
    requests: proxy.requests.length,
    faults,
    seconds,
    versions: snapshot.version,
    missing: ids().filter((id) => !done.has(id)).length,
    pending,
    total: sampleValue(families, "batch_job_runs_total", { outcome: "succeeded" }) ?? 0,
    cost: cost?.type === "counter" ? cost.samples[0]?.value : undefined,
  };
}

async function runWorkers(program: string, place: DynamodbPlace, kills: number) {
  const running = new Map<number, ChildProcess>();
  const struck = { kills: 0, appends: 0 };
  const appendsPerKill = Math.floor((WORKERS * RUNS_EACH) / (kills * 1.15));

  function strike(): void {
    const victims = [...running.values()].filter(({ exitCode, killed }) => {
      return exitCode === null && !killed;
    });
    const victim = victims[Math.floor(Math.random() * victims.length)];
    if (victim === undefined || struck.kills === kills) return;
    struck.kills++;
    victim.kill("SIGKILL");
  }

  /** Runs a worker from `first` on; resolves to the run after the last one it told of. */
  function runOnce(worker: number, first: number): Promise<number> {
    return new Promise((resolve, reject) => {
      const args = [program, JSON.stringify(place), `${worker}`, `${first}`, `${RUNS_EACH}`];
      const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"] });
      running.set(worker, child);
      let next = first;
      let stderr = "";
      child.stderr.on("data", (chunk) => {
        stderr += chunk;
      });
      createInterface({ input: child.stdout }).on("line", (line) => {
        next = Number(line.slice("appended ".length)) + 1;
        struck.appends++;
        // At a moment that has nothing to do with what the victim does.
        if (struck.appends % appendsPerKill === 0) setTimeout(strike, Math.random() * 100);
      });
      child.on("close", (code, signal) => {
        if (code === 0 || signal === "SIGKILL") resolve(next);
        else reject(new Error(`worker ${worker}: exit ${code}, signal ${signal}: ${stderr}`));
      });
    });
  }

  async function work(worker: number): Promise<void> {
    for (let next = 0; next < RUNS_EACH; ) {
      next = Math.max(next, await runOnce(worker, Math.max(0, next - REPEATED)));
    }
  }

  await Promise.all(Array.from({ length: WORKERS }, (_, worker) => work(worker)));
  return struck;
}

function ids(): string[] {
  return each((worker, index) => `run-w${worker}-${index}`);
}

function exactCost(): bigint {
  return each((worker, index) => amountOf(chaosCost(worker, index))).reduce((a, b) => a + b, 0n);
}

function each<T>(make: (worker: number, index: number) => T): T[] {
  return Array.from({ length: WORKERS * RUNS_EACH }, (_, n) => {
    return make(Math.floor(n / RUNS_EACH), n % RUNS_EACH);
  });
}
