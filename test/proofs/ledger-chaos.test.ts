import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { afterAll, expect, test } from "@jest/globals";
import { createFileLedger } from "../../src/ledger/file-ledger.ts";
import { foldGroup } from "../../src/ledger/fold-round.ts";
import { snapshotFamilies } from "../../src/ledger/snapshot-families.ts";
import { amountOf } from "../../src/record/amount.ts";
import { bundleProgram } from "../support/bundle.ts";
import { printTable } from "../support/print-table.ts";
import { GROUP, sampleValue } from "../support/run-records.ts";
import { removeStateDirectories, stateDirectory } from "../support/state-directory.ts";
import { chaosCost } from "./ledger/chaos-run.ts";

const WORKERS = 8;
const RUNS_EACH = 625;
const KILLS = 100;
const STOPS = 50;
/** Runs that a worker repeats after it was killed, under the same ids. */
const REPEATED = 3;

afterAll(removeStateDirectories);

test("killed and stopped at random, nothing is lost and nothing is counted twice", async () => {
  const directory = stateDirectory();
  const chaos = await unleash(directory, bundleProgram("proofs/ledger/chaos-worker.ts"));

  const ledger = createFileLedger({ directory });
  const { snapshot, status } = await foldGroup(ledger, GROUP);
  expect(status).toBe("settled");
  const counted = new Map<string, number>();
  for await (const { record } of ledger.doneMarks(GROUP)) {
    counted.set(record.id, (counted.get(record.id) ?? 0) + 1);
  }
  const runs = WORKERS * RUNS_EACH;
  const families = snapshotFamilies(snapshot);
  const total = sampleValue(families, "batch_job_runs_total", { outcome: "succeeded" }) ?? 0;
  const missing = ids().filter((id) => !counted.has(id));
  const forked = [...chaos.hashes].filter(([, hashes]) => hashes.size > 1);
  const remaining = (await ledger.versions(GROUP)).length;

  printTable(
    "Chaos over one directory of files",
    ["what", "figure"],
    [
      ["processes at a time", `${WORKERS}`],
      ["runs", `${runs}`],
      ["appends, repetitions included", `${chaos.appends}`],
      ["SIGKILL", `${chaos.kills}`],
      ["SIGSTOP", `${chaos.stops}`],
      ["versions written, pruned", `${snapshot.version}, ${snapshot.version - remaining}`],
      ["versions read as newest, with two contents", `${chaos.hashes.size}, ${forked.length}`],
      ["lost", `${missing.length}`],
      ["double", `${total - (runs - missing.length)}`],
      ["seconds", chaos.seconds.toFixed(1)],
    ],
  );
  expect(chaos).toMatchObject({ kills: KILLS, stops: STOPS, fellBack: 0 });
  expect(missing).toEqual([]);
  expect(total).toBe(runs);
  const cost = snapshot.totals.families.find(({ name }) => name === "cost_usd_total");
  expect(cost?.type === "counter" ? cost.samples[0]?.value : undefined).toBe(exactCost());
  expect(forked).toEqual([]);
  expect(chaos.appends).toBeGreaterThan(runs);
  expect(snapshot.version - remaining).toBeGreaterThan(50);
}, 300_000);

type Chaos = {
  kills: number;
  stops: number;
  appends: number;
  /** Times that a process read an older version as newest than it had read before. */
  fellBack: number;
  seconds: number;
  /** Contents, hashed, of each version that was won or read as the newest. */
  readonly hashes: Map<number, Set<string>>;
};

/** Lets workers append and fold until each has done all its runs, and kills and stops them meanwhile. */
async function unleash(directory: string, program: string): Promise<Chaos> {
  const started = performance.now();
  const chaos: Chaos = {
    kills: 0,
    stops: 0,
    appends: 0,
    fellBack: 0,
    seconds: 0,
    hashes: new Map(),
  };
  const running = new Map<number, ChildProcess>();
  const dying = new WeakSet<ChildProcess>();
  const events = [...Array(KILLS).fill("kill"), ...Array(STOPS).fill("stop")];
  // Some appends are repetitions and some workers are down, so that all events come in time.
  const appendsPerEvent = Math.floor((WORKERS * RUNS_EACH) / (events.length * 1.15));

  function strike(): void {
    const victims = [...running.values()].filter((child) => {
      return child.exitCode === null && child.signalCode === null && !dying.has(child);
    });
    const victim = victims[Math.floor(Math.random() * victims.length)];
    if (victim === undefined || events.length === 0) return;
    const [event] = events.splice(Math.floor(Math.random() * events.length), 1);
    if (event === "kill") {
      chaos.kills++;
      dying.add(victim);
      victim.kill("SIGKILL");
      return;
    }
    chaos.stops++;
    victim.kill("SIGSTOP");
    // Killed in its sleep, it is not there any more; then this does nothing.
    setTimeout(() => victim.kill("SIGCONT"), 50 + Math.random() * 1000);
  }

  function observe(line: string, lastRead: number): number {
    const [what, fact = "", hash = ""] = line.split(" ");
    if (what === "appended") {
      chaos.appends++;
      // At a moment that has nothing to do with what the victim does.
      if (chaos.appends % appendsPerEvent === 0) setTimeout(strike, Math.random() * 20);
      return lastRead;
    }
    const version = Number(fact);
    const hashes = chaos.hashes.get(version) ?? new Set();
    chaos.hashes.set(version, hashes.add(hash));
    if (version < lastRead) chaos.fellBack++;
    return version;
  }

  /** Runs a worker from `first` on; resolves to the run after the last one it told of. */
  function runOnce(worker: number, first: number): Promise<number> {
    return new Promise((resolve, reject) => {
      const args = [program, directory, `${worker}`, `${first}`, `${RUNS_EACH}`];
      const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"] });
      running.set(worker, child);
      let next = first;
      let lastRead = 0;
      let stderr = "";
      child.stderr.on("data", (chunk) => {
        stderr += chunk;
      });
      const lines = createInterface({ input: child.stdout });
      lines.on("line", (line) => {
        lastRead = observe(line, lastRead);
        if (line.startsWith("appended ")) next = Number(line.slice("appended ".length)) + 1;
      });
      child.on("close", (code, signal) => {
        if (code === 0 || signal === "SIGKILL") resolve(next);
        else reject(new Error(`worker ${worker}: exit ${code}, signal ${signal}: ${stderr}`));
      });
    });
  }

  async function work(worker: number): Promise<void> {
    for (let next = 0; next < RUNS_EACH; ) {
      const reached = await runOnce(worker, Math.max(0, next - REPEATED));
      next = Math.max(next, reached);
    }
  }

  await Promise.all(Array.from({ length: WORKERS }, (_, worker) => work(worker)));
  chaos.seconds = (performance.now() - started) / 1000;
  return chaos;
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
