import { describe, expect, test } from "@jest/globals";
import { LedgerUnavailableError, LedgerUnfitError } from "../../src/errors.ts";
import { foldGroup } from "../../src/ledger/fold-round.ts";
import type { Ledger } from "../../src/ledger/ledger.ts";
import { replay } from "../../src/ledger/replay.ts";
import { snapshotFamilies } from "../../src/ledger/snapshot-families.ts";
import type { CompletionReport, StartReport } from "../../src/publish/delivery.ts";
import { createLedgerDelivery } from "../../src/publish/ledger-delivery.ts";
import { manualClock } from "../support/manual-clock.ts";
import { createMemoryLedger } from "../support/memory-ledger.ts";
import { counter, GROUP, gauge, NIGHT, runsTotal, sampleValue } from "../support/run-records.ts";

const COMPLETION: CompletionReport = {
  type: "completion",
  groupingKey: GROUP,
  outcome: "succeeded",
  status: [
    gauge("batch_job_last_start_timestamp_seconds", NIGHT),
    gauge("batch_job_last_completion_timestamp_seconds", NIGHT + 2),
    runsTotal(),
  ],
  results: [counter("trades_total", 3), gauge("portfolio_cash", 7)],
};

const START: StartReport = {
  type: "start",
  groupingKey: GROUP,
  status: [gauge("batch_job_last_start_timestamp_seconds", NIGHT)],
};

describe("a report", () => {
  test("is recorded, and adds to the totals of its group", async () => {
    const { deliver, ledger } = deliveryTo(createMemoryLedger());
    await deliver(START);
    for (const executionId of ["e1", "e2"]) {
      expect(await deliver({ ...COMPLETION, executionId })).toEqual({
        status: "recorded",
        groupingKey: GROUP,
        id: `run-${executionId}`,
        ledger: "memory",
        publication: { status: "waiting", reason: "it is left to `closing-bell publish`" },
      });
    }
    const { snapshot } = await foldGroup(ledger, GROUP);
    const families = snapshotFamilies(snapshot);
    expect(sampleValue(families, "trades_total")).toBe(6);
    expect(sampleValue(families, "portfolio_cash")).toBe(7);
    expect(snapshot.totals.results?.at).toBe(NIGHT + 2);
    expect(snapshot.totals.records).toBe(3);
  });

  test("of a unit that was counted says so, which is no error", async () => {
    const { deliver } = deliveryTo(createMemoryLedger());
    const report = { ...COMPLETION, runId: "monday" };
    expect(await deliver(report)).toMatchObject({ status: "recorded" });
    expect(await deliver(report)).toMatchObject({ status: "already_counted", runId: "monday" });
  });

  test("of what was counted late adds to the totals, and is no run of its own", async () => {
    const { deliver, ledger } = deliveryTo(createMemoryLedger());
    await deliver({ ...COMPLETION, executionId: "e1", outcome: "timed_out" });
    const late = { type: "late", groupingKey: GROUP, executionId: "e1", at: NIGHT + 9 } as const;
    const results = [counter("trades_total", 4), gauge("portfolio_cash", 9)];
    for (const part of ["1", "2"]) {
      expect(await deliver({ ...late, part, results })).toMatchObject({
        status: "recorded",
        id: `late-${part}-e1`,
      });
    }
    const families = snapshotFamilies((await foldGroup(ledger, GROUP)).snapshot);
    expect(sampleValue(families, "trades_total")).toBe(11);
    expect(sampleValue(families, "portfolio_cash")).toBeUndefined();
  });

  test("that makes no record is refused before anything is written", async () => {
    const { deliver, ledger, logged } = deliveryTo(createMemoryLedger());
    const report = { ...COMPLETION, results: [counter("trades_total", -1)] };
    await expect(deliver(report)).rejects.toMatchObject({
      code: "ERR_METRIC",
      metric: "trades_total",
    });
    expect(await ledger.groups()).toEqual([]);
    expect(logged).toEqual([]);
  });

  test("of an execution that was recorded with other content is refused", async () => {
    const { deliver } = deliveryTo(createMemoryLedger());
    await deliver({ ...COMPLETION, executionId: "e1" });
    expect(await deliver({ ...COMPLETION, executionId: "e1", results: [] })).toMatchObject({
      status: "refused",
      error: { code: "ERR_LEDGER_CONFLICT" },
    });
  });
});

describe("a ledger that fails", () => {
  test("now and then is asked again", async () => {
    const { deliver, attempts, logged } = deliveryTo(failing(2));
    expect(await deliver(COMPLETION)).toMatchObject({ status: "recorded" });
    expect(attempts()).toBe(3);
    expect(logged).toEqual([]);
  });

  test("each time leaves the whole record in the log, which counts it once", async () => {
    const { deliver, attempts, logged } = deliveryTo(failing(99));
    expect(await deliver(COMPLETION)).toMatchObject({
      status: "logged",
      error: { code: "ERR_LEDGER_UNAVAILABLE" },
    });
    expect(attempts()).toBe(3);
    expect(await tradesAfterReplay(logged, createMemoryLedger())).toBe(3);
  });

  test("after it has taken the record counts it once, the log replayed or not", async () => {
    const memory = createMemoryLedger();
    const losesAnswers: Ledger = {
      ...memory,
      async append(record) {
        await memory.append(record);
        throw new LedgerUnavailableError("no answer");
      },
    };
    const { deliver, logged } = deliveryTo(losesAnswers);
    expect(await deliver(COMPLETION)).toMatchObject({ status: "logged" });
    expect(await tradesAfterReplay([], memory)).toBe(3);
    expect(await tradesAfterReplay(logged, memory)).toBe(3);
  });

  test("for good is not asked again", async () => {
    const unfit = failing(99, new LedgerUnfitError("a network file system"));
    const { deliver, attempts, logged } = deliveryTo(unfit);
    expect(await deliver(COMPLETION)).toMatchObject({ status: "logged" });
    expect(attempts()).toBe(1);
    expect(logged).toHaveLength(1);
  });

  test("by hanging is left at the deadline, with the record in the log at that very moment", async () => {
    const hangs: Ledger = { ...createMemoryLedger(), append: () => new Promise(() => {}) };
    const { deliver, logged } = deliveryTo(hangs);
    const deadline = new AbortController();
    const delivered = deliver(COMPLETION, deadline.signal);
    expect(logged).toEqual([]);
    deadline.abort(new Error("the deadline"));
    expect(logged).toHaveLength(1);
    expect(await delivered).toMatchObject({
      status: "logged",
      error: { message: "the deadline" },
    });
  });

  test("is not asked at all after the deadline", async () => {
    const { deliver, attempts, logged } = deliveryTo(failing(0));
    expect(await deliver(COMPLETION, AbortSignal.abort())).toMatchObject({ status: "logged" });
    expect(attempts()).toBe(0);
    expect(logged).toHaveLength(1);
  });

  test("is no reason for a log that fails to go unheard", async () => {
    const log = () => {
      throw new Error("no log either");
    };
    const deliver = createLedgerDelivery({ ledger: failing(99).ledger, log, retryDelayMs: 0 });
    const delivered = deliver(COMPLETION, new AbortController().signal);
    await expect(delivered).rejects.toThrow("no log either");
  });
});

/** A ledger whose first appends fail. */
function failing(times: number, error: Error = new LedgerUnavailableError("busy")) {
  const memory = createMemoryLedger();
  let attempts = 0;
  const ledger: Ledger = {
    ...memory,
    async append(record) {
      attempts++;
      if (attempts <= times) throw error;
      return memory.append(record);
    },
  };
  return { ledger, attempts: () => attempts };
}

function deliveryTo(target: Ledger | ReturnType<typeof failing>) {
  const { ledger, attempts } =
    "attempts" in target ? target : { ledger: target, attempts: () => Number.NaN };
  const logged: string[] = [];
  const delivery = createLedgerDelivery({
    ledger,
    log: (line) => logged.push(line),
    retryDelayMs: 0,
  });
  const deliver = (report: Parameters<typeof delivery>[0], signal = new AbortController().signal) =>
    delivery(report, signal);
  return { deliver, ledger, logged, attempts };
}

async function tradesAfterReplay(lines: readonly string[], ledger: Ledger) {
  await replay(lines, ledger, { clock: manualClock(NIGHT + 60) });
  const { snapshot } = await foldGroup(ledger, GROUP);
  return sampleValue(snapshotFamilies(snapshot), "trades_total");
}
