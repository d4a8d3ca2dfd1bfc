import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { Counter, Gauge, Registry } from "prom-client";
import { groupingKey } from "../../src/grouping-key.ts";
import type { Ledger } from "../../src/ledger/ledger.ts";
import { catalogue } from "../../src/metrics/catalogue.ts";
import { createLedgerDelivery } from "../../src/publish/ledger-delivery.ts";
import { type OpenRun, openRun, type RunDependencies } from "../../src/run/open-run.ts";
import { totals } from "../lambda/lambda-functions.ts";
import { manualClock } from "../support/manual-clock.ts";
import { createMemoryLedger } from "../support/memory-ledger.ts";
import { NIGHT } from "../support/run-records.ts";

const KEY = groupingKey("nightly");
const LABELS = { ticker: "A", action: "BUY" } as const;
const DECISIONS = 'agent_decisions_total{"action":"BUY","ticker":"A"}';

describe("what is counted before and after a run is closed", () => {
  /** One thing that a body does, and how it closes in between. */
  const step = fc.oneof(
    fc.record({ type: fc.constant("inc" as const), by: fc.integer({ min: 0, max: 9 }) }),
    fc.record({ type: fc.constant("incKept" as const), by: fc.integer({ min: 0, max: 9 }) }),
    fc.record({ type: fc.constant("observe" as const), by: fc.integer({ min: 0, max: 9 }) }),
    fc.record({ type: fc.constant("gauge" as const), by: fc.integer({ min: -9, max: 9 }) }),
    fc.record({ type: fc.constant("foreign" as const), by: fc.integer({ min: 0, max: 9 }) }),
    fc.record({ type: fc.constant("expected" as const), by: fc.integer({ min: 0, max: 9 }) }),
    fc.record({ type: fc.constant("report" as const), by: fc.constant(0) }),
  );

  test("adds up in the ledger to what was counted, whenever that was", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        // It stands still: also what was told at one and the same time has an order.
        const clock = manualClock(NIGHT);
        const { run, ledger } = runTo(createMemoryLedger(), { clock });
        const registry = new Registry();
        const rows = new Counter({ name: "rows_total", help: "Rows.", registers: [registry] });
        await run.watch([registry]);
        const decisions = run.metrics.get(catalogue.agentDecisionsTotal);
        const kept = decisions.labels(LABELS);
        const latency = run.metrics.get(catalogue.featureStoreQueryLatencySeconds);
        const connected = run.metrics.get(catalogue.timescaleConnectionStatus).labels({});
        const counted = { decisions: 0, observed: 0, gauge: 0, rows: 0 };
        let isClosed = false;
        const report = async () => {
          const reported = isClosed
            ? await run.closeLate()
            : await run.close("timed_out", { isEarly: true });
          expect(reported?.status ?? "nothing").toMatch(/recorded|nothing/);
          isClosed = true;
        };
        for (const { type, by } of steps) {
          if (type === "inc") decisions.inc(LABELS, by);
          if (type === "incKept") kept.inc(by);
          if (type === "expected") {
            run.metrics.expect(Promise.resolve().then(() => decisions.inc(LABELS, by)));
          }
          if (type === "inc" || type === "incKept" || type === "expected") counted.decisions += by;
          if (type === "observe") {
            latency.observe(by);
            counted.observed++;
          }
          if (type === "gauge") {
            connected.inc(by);
            counted.gauge += by;
          }
          if (type === "foreign") {
            rows.inc(by);
            counted.rows += by;
          }
          if (type === "report") await report();
        }
        await report();
        await report();
        const all = await totals(ledger, KEY);
        expect({
          decisions: all[DECISIONS] ?? 0,
          observed: all["feature_store_query_latency_seconds"] ?? 0,
          gauge: all["timescale_connection_status"] ?? 0,
          rows: all["rows_total"] ?? 0,
          timedOut: all['batch_job_runs_total{"outcome":"timed_out"}'],
        }).toEqual({ ...counted, timedOut: 1 });
      }),
      { numRuns: 150 },
    );
  });

  test("is nothing after the close when only results came: a closed run has no more of them", async () => {
    const { run } = runTo(createMemoryLedger());
    const registry = new Registry();
    const level = new Gauge({ name: "level", help: "Level.", registers: [registry] });
    await run.watch([registry]);
    await run.close("timed_out", { isEarly: true });
    run.metrics.get(catalogue.cacheHitRate).set(0.5);
    level.set(4);
    expect(await run.closeLate()).toBeUndefined();
  });

  test("a gauge that is set again to what it was is told again: it is news of that time", async () => {
    const clock = manualClock(NIGHT);
    const { run, ledger } = runTo(createMemoryLedger(), { clock });
    const connected = run.metrics.get(catalogue.redisConnectionStatus);
    connected.set(1);
    await run.close("timed_out", { isEarly: true });
    clock.advance(1);
    const other = runTo(ledger, { clock }).run;
    other.metrics.get(catalogue.redisConnectionStatus).set(0);
    await other.close("succeeded");
    clock.advance(1);
    connected.set(1);
    expect(await run.closeLate()).toMatchObject({ status: "recorded" });
    expect(await totals(ledger, KEY)).toMatchObject({ redis_connection_status: 1 });
  });

  test("is refused late for what early was refused for, and nothing of it is lost meanwhile", async () => {
    const ledger = createMemoryLedger();
    let problem: Error | undefined = new TypeError("unreadable");
    const jobEntry = () => {
      if (problem !== undefined) throw problem;
      return undefined;
    };
    const { run } = runTo(ledger, { jobEntry });
    run.metrics.get(catalogue.agentAnalysesTotal).inc(2);
    expect(await run.close("timed_out", { isEarly: true })).toMatchObject({ status: "failed" });
    problem = undefined;
    expect(await run.closeLate()).toMatchObject({ status: "recorded" });
    expect(await totals(ledger, KEY)).toEqual(expect.objectContaining({ agent_analyses_total: 2 }));
  });

  test("refusals are told once each", async () => {
    const { run } = runTo(createMemoryLedger());
    run.metrics.refuse(new Error("first"));
    expect((await run.close("timed_out", { isEarly: true })).refusals).toEqual(["first"]);
    run.metrics.refuse(new Error("second"));
    expect((await run.closeLate())?.refusals).toEqual(["second"]);
    expect(await run.closeLate()).toBeUndefined();
  });
});

test("a run that is closed early does not wait for its updates, one that has ended does", async () => {
  const { run, ledger } = runTo(createMemoryLedger());
  const analyses = run.metrics.get(catalogue.agentAnalysesTotal);
  let arrive = () => {};
  const arrived = new Promise<void>((resolve) => {
    arrive = resolve;
  });
  run.metrics.expect(arrived.then(() => analyses.inc(5)));
  expect((await run.close("timed_out", { isEarly: true })).refusals).toBeUndefined();
  const late = run.closeLate();
  arrive();
  expect(await late).toMatchObject({ status: "recorded" });
  expect(await totals(ledger, KEY)).toMatchObject({ agent_analyses_total: 5 });
});

function runTo(
  ledger: Ledger,
  dependencies: Partial<RunDependencies> = {},
): { readonly run: OpenRun; readonly ledger: Ledger } {
  const delivery = createLedgerDelivery({ ledger, log: () => {} });
  return { run: openRun({ job: "nightly" }, { delivery, ...dependencies }), ledger };
}
