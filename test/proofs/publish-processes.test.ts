import { afterAll, beforeEach, expect, test } from "@jest/globals";
import { printTable } from "../support/print-table.ts";
import { describeWithServer } from "../support/servers.ts";
import { removeStateDirectories } from "../support/state-directory.ts";
import type { Account } from "./publish/accounts.ts";
import { deliverToHanging, type HangingTrial } from "./publish/hanging.ts";
import { publishWithJumps } from "./publish/jumps.ts";
import { killRepeatedly } from "./publish/killings.ts";
import { publishFromTwoNetworks } from "./publish/namespaced.ts";
import { describeWithNamespaces } from "./publish/namespaces.ts";
import { type HolderFate, stopHolder } from "./publish/stopped-holder.ts";
import { prepareWorkers } from "./publish/workers.ts";

/** Runs of each process in the two networks. */
const RUNS = 100;

/** Two that push at once do not always do so in the wrong order: on a busy machine they take turns. */
const TRIES = 5;

const KILLS = 100;

/** Holders that are stopped, per fate. */
const STOPS = 2;

/** Times that both publishers record and publish while the clock jumps. */
const ROUNDS = 40;

/** Runs per way to hang and time that is left. */
const HANGS = 3;

/** What a busy machine may take longer than it should, in milliseconds. */
const SLACK_MS = 3000;

const EXACT = { falls: 0, lost: 0, double: 0 } as const;

const rows: string[][] = [];
let began = 0;

beforeEach(() => {
  began = performance.now();
});

afterAll(() => {
  removeStateDirectories();
  printTable(
    "Several processes publish one group, and stop or end anywhere; scraped every 5 ms",
    ["what", "trials", "falls", "lost", "double", "scrapes", "seconds", "seen"],
    rows,
  );
});

describeWithServer("pushgateway")("two processes on one state directory", () => {
  describeWithNamespaces("in two networks", () => {
    test("never push at the same time", async () => {
      const found = await publishFromTwoNetworks(RUNS);
      tell("two networks", 2 * RUNS, found, describeNetworks(found));
      expect(found).toMatchObject({ ...EXACT, failed: [], mostPuts: 1 });
      expect(found.networks.size).toBe(2);
      // They met: one had the lease, and the other found it taken.
      for (const times of [found.published, found.busy]) {
        expect(Math.max(...times)).toBeGreaterThan(0);
      }
      expect(found.ticks).toBeLessThanOrEqual(2);
    }, 180_000);

    test("do so, and make the total fall, when they need no lease", async () => {
      let [falls, mostPuts] = [0, 0];
      for (let tries = 0; tries < TRIES && falls === 0; tries++) {
        const found = await publishFromTwoNetworks(RUNS * 0.4, "lease");
        tell("the same, no lease", 2 * RUNS * 0.4, found, describeNetworks(found));
        falls = found.falls;
        mostPuts = Math.max(mostPuts, found.mostPuts);
      }
      expect(mostPuts).toBe(2);
      expect(falls).toBeGreaterThan(0);
    }, 180_000);
  });

  test("killed at any moment, lose nothing and count nothing twice", async () => {
    const found = await killRepeatedly(KILLS);
    const { killed, insidePut, runs, puts, mostPuts, ticks } = found;
    tell(
      "SIGKILL anywhere",
      killed,
      found,
      `${insidePut} while pushing; ${runs} runs, ${puts} PUTs, at most ${mostPuts} at once; ${ticks} ticks after`,
    );
    expect(found).toMatchObject({ ...EXACT, mostPuts: 1, total: runs });
    expect(killed).toBeGreaterThanOrEqual(KILLS);
    expect(insidePut).toBeGreaterThan(0);
  }, 180_000);
});

describeWithServer("pushgateway")("the holder of a lease that is stopped", () => {
  test("and killed gives way: the next one waits for its push, then publishes all", async () => {
    const found = await stopHolders("killed", STOPS);
    expect(found).toMatchObject(EXACT);
  }, 120_000);

  test("and killed makes the total fall when the next one does not wait", async () => {
    const found = await stopHolders("killed, no barrier", 1);
    expect(found.falls).toBeGreaterThan(0);
  }, 120_000);

  test("and continued publishes what the others had recorded meanwhile", async () => {
    const found = await stopHolders("continued", STOPS);
    expect(found).toMatchObject(EXACT);
  }, 120_000);
});

describeWithServer("pushgateway")("a clock that jumps by an hour", () => {
  test("neither makes a count wrong nor holds one for ever", async () => {
    const found = await publishWithJumps(ROUNDS);
    const { jumps, runs, trades, holdMs, settledMs } = found;
    tell(
      "clock +-1 h",
      jumps,
      found,
      `nothing held ${settledMs.toFixed(0)} ms after it was right; the hold is ${holdMs} ms`,
    );
    expect(found).toMatchObject(EXACT);
    expect(trades).toBe(runs);
    expect(settledMs).toBeLessThan(holdMs + SLACK_MS);
  }, 120_000);
});

describeWithServer("pushgateway")("a run with little time left, at a gateway that hangs", () => {
  test.each<{ name: string; trial: HangingTrial; statuses: RegExp }>([
    { name: "GET, 500 ms", trial: { hangs: "GET", budgetMs: () => 500 }, statuses: /recorded/ },
    { name: "PUT, 500 ms", trial: { hangs: "PUT", budgetMs: () => 500 }, statuses: /recorded/ },
    { name: "PUT, 0 ms", trial: { hangs: "PUT", budgetMs: () => 0 }, statuses: /^logged$/ },
    { name: "PUT, any ms", trial: { hangs: "PUT", budgetMs: anyBudget }, statuses: /./ },
  ])(
    "is kept, and sends nothing when it is over ($name)",
    async ({ name, trial, ...expected }) => {
      const found = await deliverToHanging(trial, HANGS);
      const overMs = Math.max(...found.results.map((result) => result.overMs));
      const statuses = [...new Set(found.results.map(({ status }) => status))].join(", ");
      tell(`hangs: ${name}`, HANGS, found, `${statuses}, at most ${overMs.toFixed(0)} ms over`);
      expect(found).toMatchObject(EXACT);
      expect(statuses).toMatch(expected.statuses);
      for (const { status, early, late } of found.results) {
        expect(["recorded", "logged"]).toContain(status);
        expect({ early, late }).toEqual({ early: 0, late: 0 });
      }
      expect(overMs).toBeLessThan(SLACK_MS);
    },
    120_000,
  );
});

async function stopHolders(fate: HolderFate, trials: number) {
  const start = prepareWorkers();
  const sum = { falls: 0, lost: 0, double: 0, scrapes: 0 };
  let busyMs = 0;
  for (let trial = 0; trial < trials; trial++) {
    const found = await stopHolder(fate, (directory, gateway) =>
      start({ directory, gateway: gateway.href, name: "holder", from: 0, to: 1 }),
    );
    for (const figure of Object.keys(sum) as (keyof typeof sum)[]) sum[figure] += found[figure];
    busyMs = Math.max(busyMs, found.busyMs);
  }
  tell(`SIGSTOP, ${fate}`, trials, sum, `told busy after at most ${busyMs.toFixed(0)} ms`);
  expect(busyMs).toBeLessThan(SLACK_MS);
  return sum;
}

/** Ends while the run is recorded, its lease taken, its totals folded, or pushed. */
function anyBudget(): number {
  return 1 + Math.random() * 150;
}

function describeNetworks({
  published,
  busy,
  puts,
  mostPuts,
}: Awaited<ReturnType<typeof publishFromTwoNetworks>>): string {
  return `${puts} PUTs, at most ${mostPuts} at once; published ${published.join(" + ")}, busy ${busy.join(" + ")}`;
}

function tell(
  what: string,
  trials: number,
  { falls, lost, double, scrapes }: Account & { readonly falls: number; readonly scrapes: number },
  seen: string,
): void {
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  rows.push([what, ...[trials, falls, lost, double, scrapes].map(String), seconds, seen]);
}
