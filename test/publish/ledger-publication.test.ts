import { describe, expect, test } from "@jest/globals";
import { foldGroup } from "../../src/ledger/fold-round.ts";
import type { Ledger } from "../../src/ledger/ledger.ts";
import { snapshotFamilies } from "../../src/ledger/snapshot-families.ts";
import type { CompletionReport, Publication, StartReport } from "../../src/publish/delivery.ts";
import {
  createLedgerDelivery,
  type LedgerDeliveryOptions,
} from "../../src/publish/ledger-delivery.ts";
import { createMemoryLedger } from "../support/memory-ledger.ts";
import { counter, GROUP, gauge, NIGHT, runsTotal, sampleValue } from "../support/run-records.ts";

const STARTED = "batch_job_last_start_timestamp_seconds";
const COMPLETED = "batch_job_last_completion_timestamp_seconds";

const PUBLISHED: Publication = {
  groupingKey: GROUP,
  status: "published",
  gateway: "http://gateway",
  version: 1,
  series: 1,
  seconds: 0,
};

describe("after a run was recorded", () => {
  test("its group is published, and the report says what came of it", async () => {
    const calls: unknown[] = [];
    const { deliver, ledger } = delivering(async (group) => {
      calls.push([group, await pendingIds(ledger)]);
      return PUBLISHED;
    });
    expect(await deliver(completion("e1"))).toMatchObject({
      status: "recorded",
      publication: PUBLISHED,
    });
    expect(calls).toEqual([[GROUP, ["run-e1"]]]);
  });

  test("publishing that throws is told, and the run is recorded all the same", async () => {
    const { deliver, ledger } = delivering(async () => {
      throw new Error("no publisher");
    });
    expect(await deliver(completion("e1"))).toMatchObject({
      status: "recorded",
      publication: { groupingKey: GROUP, status: "failed", error: { message: "no publisher" } },
    });
    expect(await pendingIds(ledger)).toEqual(["run-e1"]);
  });

  test("publishing that hangs is left when the signal aborts, at that very moment", async () => {
    const ends = new AbortController();
    const { deliver, ledger } = delivering(() => new Promise(() => {}));
    const delivered = deliver(completion("e1"), ends.signal);
    await untilTurnsPass();
    expect(await pendingIds(ledger)).toEqual(["run-e1"]);
    ends.abort(new Error("the deadline"));
    expect(await delivered).toMatchObject({
      status: "recorded",
      publication: { status: "failed", error: { message: "the deadline" } },
    });
  });

  test("nothing is published of what was not recorded", async () => {
    let calls = 0;
    const publish = async () => {
      calls++;
      return PUBLISHED;
    };
    const append = async () => {
      throw new Error("no ledger");
    };
    const { deliver } = delivering(publish, { ...createMemoryLedger(), append });
    expect(await deliver(completion("e1"))).toMatchObject({ status: "logged" });
    expect(calls).toBe(0);
  });
});

describe("an announced start", () => {
  test("is published in the background: its delivery does not wait, nor the record of the end", async () => {
    const { deliver, ledger } = delivering(() => new Promise(() => {}));
    expect(await deliver(start("e1"))).toMatchObject({
      status: "recorded",
      publication: { status: "waiting" },
    });
    const ends = new AbortController();
    const delivered = deliver(completion("e1"), ends.signal);
    await untilTurnsPass();
    expect(await pendingIds(ledger)).toEqual(["run-e1", "start-e1"]);
    ends.abort(new Error("the deadline"));
    expect(await delivered).toMatchObject({ publication: { status: "failed" } });
  });

  test("is published before the end is, one after the other", async () => {
    const steps: string[] = [];
    const { deliver } = delivering(async () => {
      const call = steps.length;
      steps.push(`begin ${call}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
      steps.push(`end ${call}`);
      return PUBLISHED;
    });
    await deliver(start("e1"));
    await deliver(completion("e1"));
    expect(steps).toEqual(["begin 0", "end 0", "begin 2", "end 2"]);
  });

  test("is given up with the end of its own run, and of no other", async () => {
    const signals: AbortSignal[] = [];
    const { deliver } = delivering((_, signal) => {
      signals.push(signal);
      return new Promise(() => {});
    });
    await deliver(start("e1"));
    await deliver(start("e2"));
    const ends = new AbortController();
    const delivered = deliver(completion("e1"), ends.signal);
    await untilTurnsPass();
    expect(signals.map(({ aborted }) => aborted)).toEqual([false, false]);
    ends.abort(new Error("the deadline"));
    await delivered;
    expect(signals.slice(0, 2).map(({ aborted }) => aborted)).toEqual([true, false]);
  });

  test("that cannot be published fails nothing", async () => {
    let calls = 0;
    const { deliver } = delivering(async () => {
      if (calls++ === 0) throw new Error("no gateway yet");
      return PUBLISHED;
    });
    await deliver(start("e1"));
    await untilTurnsPass();
    expect(await deliver(completion("e1"))).toMatchObject({ publication: PUBLISHED });
  });
});

describe("a unit of work that was counted before", () => {
  test("leaves its times and nothing else, under its own execution", async () => {
    const { deliver, ledger } = delivering(async () => PUBLISHED);
    await deliver({ ...completion("e1"), runId: "monday" });
    await foldGroup(ledger, GROUP);
    await deliver(start("e2", NIGHT + 500));
    const again = { ...completion("e2", NIGHT + 500), runId: "monday" };
    expect(await deliver(again)).toMatchObject({
      status: "already_counted",
      runId: "monday",
      publication: PUBLISHED,
    });
    expect(await pendingIds(ledger)).toEqual(["late-repetition-e2", "start-e2"]);

    const { snapshot } = await foldGroup(ledger, GROUP);
    const families = snapshotFamilies(snapshot);
    expect(sampleValue(families, "trades_total")).toBe(3);
    expect(sampleValue(families, "batch_job_runs_total", { outcome: "succeeded" })).toBe(1);
    // Results are of the execution that counted.
    expect(sampleValue(families, "portfolio_cash")).toBe(NIGHT);
    expect(sampleValue(families, STARTED)).toBe(NIGHT + 500);
    expect(sampleValue(families, COMPLETED)).toBe(NIGHT + 502);
  });

  test("is told as such although its times cannot be recorded", async () => {
    const memory = createMemoryLedger();
    let fails = false;
    const ledger: Ledger = {
      ...memory,
      append(record) {
        if (fails && record.type === "late") return Promise.reject(new Error("no room"));
        return memory.append(record);
      },
    };
    const { deliver, logged } = delivering(async () => PUBLISHED, ledger);
    await deliver({ ...completion("e1"), runId: "monday" });
    fails = true;
    expect(await deliver({ ...completion("e2"), runId: "monday" })).toMatchObject({
      status: "already_counted",
    });
    expect(logged).toHaveLength(1);
  });
});

function start(executionId: string, at = NIGHT): StartReport {
  const status = [gauge(STARTED, at), runsTotal(0)];
  return { type: "start", groupingKey: GROUP, executionId, status };
}

function completion(executionId: string, at = NIGHT): CompletionReport {
  return {
    type: "completion",
    groupingKey: GROUP,
    executionId,
    outcome: "succeeded",
    status: [gauge(STARTED, at), gauge(COMPLETED, at + 2), runsTotal()],
    results: [counter("trades_total", 3), gauge("portfolio_cash", at)],
  };
}

function delivering(
  publish: NonNullable<LedgerDeliveryOptions["publish"]>,
  ledger: Ledger = createMemoryLedger(),
) {
  const logged: string[] = [];
  const log = (line: string) => void logged.push(line);
  const delivery = createLedgerDelivery({ ledger, log, publish, retryDelayMs: 0 });
  const deliver = (report: Parameters<typeof delivery>[0], signal = new AbortController().signal) =>
    delivery(report, signal);
  return { deliver, ledger, logged };
}

async function pendingIds(ledger: Ledger): Promise<readonly string[]> {
  const ids: string[] = [];
  for await (const item of ledger.pending(GROUP)) {
    if (item.status === "record") ids.push(item.record.id);
  }
  return ids.sort();
}

/** Everything that waits for nothing but its turn has had it. */
function untilTurnsPass(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 10));
}
