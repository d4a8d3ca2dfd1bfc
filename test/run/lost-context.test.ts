import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, test } from "@jest/globals";

/** Each script is a process of its own: what is tested is the state of a process. */
const PACKAGE = fileURLToPath(new URL("../../dist/index.js", import.meta.url));
const SCRAPE = fileURLToPath(new URL("../../dist/scrape/server.js", import.meta.url));

describe("asynchronous context that gets lost", () => {
  test("in a feed opened at module load: its counts are added to the process's only run", async () => {
    const reports = await runScript(`
      const feed = new EventEmitter();
      // The listener is called from a timer that was started before any run.
      const ticking = setInterval(() => feed.emit("fill"), 1);
      feed.on("fill", () => trackTrade({ ticker: "FEED", side: "BUY" }));
      await settleJob({ job: "only", groupingKey }, async () => {
        trackTrade({ ticker: "BODY", side: "BUY" });
        await new Promise((resolve) => feed.on("fill", function count() {
          this.seen = (this.seen ?? 0) + 1;
          if (this.seen === 3) { clearInterval(ticking); resolve(); }
        }));
      });
    `);
    expect(reports).toEqual([{ job: "only", trades: { BODY: 1, FEED: 3 }, lost: undefined }]);
  });

  test("in a callback client shared by runs: left, and each run says how much it saw lost", async () => {
    const reports = await runScript(`
      // One queue for all: a callback runs in the context of whoever drains, here of nobody.
      const queue = [];
      const draining = setInterval(() => queue.splice(0).forEach((callback) => callback()), 1);
      const call = (callback) => queue.push(callback);
      const body = (ticker) => () => new Promise((resolve) => {
        trackTrade({ ticker, side: "BUY" });
        call(() => { trackTrade({ ticker: "CALLBACK-" + ticker, side: "BUY" }); resolve(); });
      });
      await settleJob({ job: "first", groupingKey }, body("A"));
      await settleJob({ job: "second", groupingKey }, body("B"));
      await settleJob({ job: "third", groupingKey }, body("C"));
      clearInterval(draining);
    `);
    expect(reports).toEqual([
      // While it was the only run so far, what was lost could only be its own.
      { job: "first", trades: { A: 1, "CALLBACK-A": 1 }, lost: undefined },
      { job: "second", trades: { B: 1 }, lost: 1 },
      { job: "third", trades: { C: 1 }, lost: 1 },
    ]);
  });

  test("with two runs at once nothing is given to either", async () => {
    const reports = await runScript(`
      let release;
      const both = new Promise((resolve) => { release = resolve; });
      let arrived = 0;
      const body = (ticker) => async () => {
        trackTrade({ ticker, side: "SELL" });
        if (++arrived === 2) release();
        await both;
      };
      trackTrade({ ticker: "STRAY", side: "SELL" });
      await Promise.all([
        settleJob({ job: "a", groupingKey }, body("A")),
        settleJob({ job: "b", groupingKey }, body("B")),
      ]);
    `);
    const sorted = reports.sort((x, y) => (x.job < y.job ? -1 : 1));
    expect(sorted.map(({ trades }) => trades)).toEqual([{ A: 1 }, { B: 1 }]);
    // Counted once, by whichever ended first.
    expect(sorted.map(({ lost }) => lost ?? 0).reduce((a, b) => a + b)).toBe(1);
  });

  test("metrics, which the body receives, is the sure way", async () => {
    const reports = await runScript(`
      const queue = [];
      const draining = setInterval(() => queue.splice(0).forEach((callback) => callback()), 1);
      const body = (ticker) => ({ metrics }) => new Promise((resolve) => {
        queue.push(() => { metrics.tradesTotal.inc({ ticker, side: "BUY" }); resolve(); });
      });
      await settleJob({ job: "first", groupingKey }, body("A"));
      await settleJob({ job: "second", groupingKey }, body("B"));
      clearInterval(draining);
    `);
    expect(reports).toEqual([
      { job: "first", trades: { A: 1 }, lost: undefined },
      { job: "second", trades: { B: 1 }, lost: undefined },
    ]);
  });

  test("a process that serves /metrics keeps what is its own", async () => {
    const reports = await runScript(`
      const { startMetricsServer } = await import(${JSON.stringify(SCRAPE)});
      const server = await startMetricsServer({ port: 0, host: "127.0.0.1" });
      trackTrade({ ticker: "LIVE", side: "BUY" });
      await settleJob({ job: "only", groupingKey }, () => trackTrade({ ticker: "RUN", side: "BUY" }));
      const scraped = await (await fetch(server.url)).text();
      if (!scraped.includes('trades_total{ticker="LIVE",side="BUY"} 1')) throw new Error(scraped);
      await server.close();
    `);
    expect(reports).toEqual([{ job: "only", trades: { RUN: 1 }, lost: undefined }]);
  });
});

type Told = { job: string; trades: Record<string, number>; lost: number | undefined };

/** Runs the script in a fresh process; resolves to what its runs reported, in order. */
async function runScript(body: string): Promise<Told[]> {
  const script = `
    import { EventEmitter } from "node:events";
    import { createRunJob, trackTrade } from ${JSON.stringify(PACKAGE)};
    const groupingKey = { mode: "backtest" };
    const told = [];
    const { settleJob } = createRunJob({
      delivery: async ({ groupingKey: { job }, status, results }) => {
        const valueOf = (families, name) => families.find((family) => family.name === name)?.samples;
        const set = (valueOf(results, "trades_total") ?? []).filter(({ value }) => value > 0);
        const trades = set.map(({ labels, value }) => [labels.ticker, value]);
        const lost = valueOf(status, "closing_bell_lost_context_total")?.[0].value;
        told.push({ job, trades: Object.fromEntries(trades), lost });
        return { status: "disabled", reason: "test" };
      },
    });
    ${body}
    console.log(JSON.stringify(told));
  `;
  const { stdout } = await promisify(execFile)(process.execPath, [
    "--input-type=module",
    "-e",
    script,
  ]);
  const told = JSON.parse(stdout) as Told[];
  return told.map(({ job, trades, lost }) => ({ job, trades, lost }));
}
