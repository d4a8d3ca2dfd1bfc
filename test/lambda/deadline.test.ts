import { afterAll, afterEach, describe, expect, test } from "@jest/globals";
import { groupingKey } from "../../src/grouping-key.ts";
import { createFileLedger } from "../../src/ledger/file-ledger.ts";
import { replay } from "../../src/ledger/replay.ts";
import { endPublishing } from "../publish/publishing.ts";
import { removeStateDirectories, stateDirectory } from "../support/state-directory.ts";
import {
  contextOf,
  outcomes,
  reportQueue,
  startFunction,
  totals,
  withRemaining,
} from "./lambda-functions.ts";

afterEach(endPublishing);
afterAll(removeStateDirectories);

const KEY = groupingKey("nightly");
const TIMED_OUT = 'batch_job_runs_total{"outcome":"timed_out"}';

describe("the body's signal", () => {
  test.each([
    { name: "Lambda's default of 3 seconds", given: 3000, aborts: 2.1, watchdog: 2.4 },
    { name: "half a minute", given: 30_000, aborts: 28.5, watchdog: 29 },
    { name: "1 second", given: 1000, aborts: 0.7, watchdog: 0.8 },
  ])("aborts before the watchdog, of $name", async ({ given, aborts, watchdog }) => {
    const { reportingHandler, ledger, time } = startFunction();
    const { onReport, next, reports } = reportQueue();
    const signals: AbortSignal[] = [];
    const handler = reportingHandler({ job: "nightly", onReport }, (_event, _context, run) => {
      signals.push(run.signal);
      return new Promise(() => {});
    });
    void handler({}, contextOf(time, given));
    time.advance(aborts - 0.001);
    expect(signals[0]?.aborted).toBe(false);
    time.advance(0.001);
    expect(signals[0]).toMatchObject({ aborted: true, reason: { name: "TimeoutError" } });
    time.advance(watchdog - aborts - 0.001);
    expect(reports).toEqual([]);
    time.advance(0.001);
    await next();
    expect(await outcomes(ledger, KEY)).toEqual({ timed_out: 1 });
  });

  test("ends a body that heeds it: timed out, in one record", async () => {
    const { reportingHandler, ledger, time } = startFunction();
    const { onReport, reports } = reportQueue();
    const handler = reportingHandler(
      { job: "nightly", onReport },
      (_event, _context, { signal }) => {
        return new Promise((_, reject) => {
          signal.addEventListener("abort", () => reject(signal.reason));
        });
      },
    );
    const running = handler({}, contextOf(time, 3000));
    time.advance(2.1);
    await expect(running).rejects.toMatchObject({ name: "TimeoutError" });
    time.advance(0.9);
    expect(reports).toHaveLength(1);
    expect(await outcomes(ledger, KEY)).toEqual({ timed_out: 1 });
  });

  test("aborts at timeoutMs when that is earlier, and a success is one all the same", async () => {
    const { reportingHandler, ledger, time } = startFunction();
    const handler = reportingHandler(
      { job: "nightly", timeoutMs: 500 },
      (_event, _context, run) => {
        time.advance(0.5);
        return run.signal.aborted;
      },
    );
    expect(await handler({}, contextOf(time, 3000))).toBe(true);
    expect(await outcomes(ledger, KEY)).toEqual({ succeeded: 1 });
  });
});

describe("little time", () => {
  test("0 ms: the record goes to the log whole, and nowhere else", async () => {
    const { reportingHandler, ledger, time, records, failures } = startFunction();
    const handler = reportingHandler({ job: "nightly" }, (_event, _context, { metrics }) => {
      metrics.agentAnalysesTotal.inc(3);
      return "mine";
    });
    expect(await handler({}, contextOf(time, 0))).toBe("mine");
    expect(await ledger.groups()).toEqual([]);
    expect(records).toHaveLength(1);
    expect(failures()).toMatchObject([{ status: "logged" }]);
    await replay(records, ledger);
    expect(await totals(ledger, KEY)).toMatchObject({ agent_analyses_total: 3 });
  });

  test("none at all by the time the loop is free again: the same", async () => {
    const { reportingHandler, ledger, time, records } = startFunction();
    const handler = reportingHandler({ job: "nightly" }, () => time.advance(3.5));
    await handler({}, contextOf(time, 3000));
    expect(await ledger.groups()).toEqual([]);
    await replay(records, ledger);
    expect((await totals(ledger, KEY))[TIMED_OUT]).toBe(1);
  });

  test("a report that is slow: once the body has ended, there is no watchdog", async () => {
    const { reportingHandler, time, records } = startFunction({ ledger: hanging() });
    const { onReport, reports } = reportQueue();
    const handler = reportingHandler({ job: "nightly", onReport }, () => time.advance(2));
    const running = handler({}, contextOf(time, 3000));
    await turns();
    time.advance(0.9);
    await running;
    await turns();
    expect(reports).toMatchObject([{ status: "logged" }]);
    expect(records).toHaveLength(1);
    expect(time.pending()).toBe(0);
  });

  test("an append that hangs: the watchdog's record is in the log before Lambda's end", async () => {
    const { reportingHandler, time, records, failures } = startFunction({ ledger: hanging() });
    const { onReport, next } = reportQueue();
    const handler = reportingHandler({ job: "nightly", onReport }, () => new Promise(() => {}));
    void handler({}, contextOf(time, 3000));
    time.advance(2.4);
    time.advance(0.5 - 0.001);
    expect(records).toEqual([]);
    time.advance(0.001);
    expect(await next()).toMatchObject({ status: "logged" });
    expect(records).toHaveLength(1);
    expect(failures()).toMatchObject([{ status: "logged" }]);
  });
});

describe("remaining time that jumps, since it comes from the wall clock", () => {
  test.each([
    { name: "down: the context is believed", given: 60_000, later: 200, leaves: 0.16 },
    { name: "up: the monotonic clock is", given: 1000, later: 60_000, leaves: 0.24 },
    { name: "to nonsense: the monotonic clock is", given: 1000, later: Number.NaN, leaves: 0.24 },
  ])("$name", async ({ given, later, leaves }) => {
    const { reportingHandler, time, records } = startFunction({ ledger: hanging() });
    let remaining = given;
    const handler = reportingHandler({ job: "nightly" }, () => {
      remaining = later;
      time.advance(0.7);
      return "mine";
    });
    const running = handler(
      {},
      withRemaining(() => remaining),
    );
    await turns();
    time.advance(leaves - 0.001);
    await turns();
    expect(records).toEqual([]);
    time.advance(0.001);
    expect(await running).toBe("mine");
    expect(records).toHaveLength(1);
  });
});

/** A ledger whose appends never come back. */
function hanging() {
  const ledger = createFileLedger({ directory: stateDirectory() });
  return { ...ledger, append: () => new Promise<never>(() => {}) };
}

/** Everything that needs no outside event has happened. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate);
}
