import { afterEach, describe, expect, test } from "@jest/globals";
import { groupingKey } from "../../src/grouping-key.ts";
import { endPublishing } from "../publish/publishing.ts";
import { createMemoryLedger } from "../support/memory-ledger.ts";
import { NIGHT, success } from "../support/run-records.ts";
import { answering, hanging } from "./reading-sources.ts";
import { GOES_ON, shown, startReporter } from "./reporting.ts";

afterEach(endPublishing);

const SOURCES = { killSwitch: answering("kill_switch", true) };

const OWN = { job: "closing_bell_reporter" };

describe("figures that do not arrive are told, and the run has failed", () => {
  test("when the gateway refuses them", async () => {
    const bench = await startReporter({ sources: SOURCES });
    bench.gateway.meddle(({ path }) => (path.includes("portfolio_reporter") ? 400 : undefined));
    const look = await bench.reporter.look(GOES_ON);

    expect(look.push).toMatchObject({ status: "failed", error: { code: "ERR_PUSH", status: 400 } });
    expect(look.readings.killSwitch).toMatchObject({ status: "read", value: true });
    expect(await shown(bench, OWN)).toMatchObject({ 'batch_job_runs_total{outcome="failed"}': 1 });
    // What the ledger is behind with is known all the same.
    expect(await shown(bench, OWN)).toMatchObject({ closing_bell_ledger_pending_records: 0 });
  });

  test("when the gateway hangs, after two attempts", async () => {
    const bench = await startReporter({ sources: SOURCES, timeoutMs: 100 });
    bench.gateway.meddle(({ path }) => {
      return path.includes("portfolio_reporter") ? "ignored" : undefined;
    });
    const look = await bench.reporter.look(GOES_ON);
    expect(look.push).toMatchObject({ status: "failed", error: { code: "ERR_PUSH" } });
    expect(look.delivery).toMatchObject({ status: "recorded" });
    const pushes = bench.gateway.requests.filter(({ path }) => path.includes("portfolio_reporter"));
    expect(pushes).toHaveLength(2);

    bench.gateway.passOn();
    expect(await bench.reporter.look(GOES_ON)).toMatchObject({ push: { status: "delivered" } });
    expect(await shown(bench, OWN)).toMatchObject({
      'batch_job_runs_total{outcome="failed"}': 1,
      'batch_job_runs_total{outcome="succeeded"}': 1,
    });
  });

  test("when nobody listens: everything that waits is in the ledger, and goes later", async () => {
    const bench = await startReporter({ sources: SOURCES });
    await bench.gateway.stop();
    const look = await bench.reporter.look(GOES_ON);
    expect(look).toMatchObject({
      push: { status: "failed" },
      delivery: { status: "recorded" },
      publications: [{ status: "failed" }],
    });
    const { ledger, clock } = bench;
    const later = await startReporter({ sources: SOURCES, ledger, clock });
    await later.reporter.look(GOES_ON);
    expect(await shown(later, OWN)).toMatchObject({
      'batch_job_runs_total{outcome="failed"}': 1,
      'batch_job_runs_total{outcome="succeeded"}': 1,
    });
  });

  test("when the ledger knows their group: its totals would be lost", async () => {
    const ledger = createMemoryLedger();
    const key = groupingKey("portfolio_reporter", { mode: "live" });
    await ledger.append(success("a", undefined, { groupingKey: key }));
    const bench = await startReporter({ sources: SOURCES, ledger });
    expect((await bench.reporter.look(GOES_ON)).push).toMatchObject({
      status: "failed",
      error: { code: "ERR_LEDGER_GROUP" },
    });
    expect(await shown(bench)).not.toHaveProperty("kill_switch_status");
  });
});

describe("told to stop, a look rejects with the reason at once", () => {
  test("while a source hangs, and its run was interrupted", async () => {
    const stop = new AbortController();
    const bench = await startReporter({
      sources: { ...SOURCES, portfolio: hanging<object>("portfolio") },
    });
    bench.gateway.meddle(({ method }) => {
      // The part about the others.
      if (method === "POST") stop.abort(new Error("interrupted by SIGTERM"));
      return undefined;
    });
    await expect(bench.reporter.look(stop.signal)).rejects.toThrow("interrupted by SIGTERM");
    bench.gateway.passOn();

    await (await startReporter({ ...bench, sources: SOURCES })).reporter.look(GOES_ON);
    expect(await shown(bench, OWN)).toMatchObject({
      'batch_job_runs_total{outcome="interrupted"}': 1,
      'batch_job_runs_total{outcome="succeeded"}': 1,
      batch_job_last_success_timestamp_seconds: NIGHT,
    });
  });

  test("while the gateway hangs, and nothing more is sent", async () => {
    const stop = new AbortController();
    const bench = await startReporter({ sources: SOURCES });
    bench.gateway.meddle(() => {
      setImmediate(() => stop.abort(new Error("enough")));
      return "ignored";
    });
    await expect(bench.reporter.look(stop.signal)).rejects.toThrow("enough");
    expect(bench.gateway.seen()).toEqual(["PUT"]);
  });

  test("while it publishes", async () => {
    const stop = new AbortController();
    const bench = await startReporter({ sources: SOURCES });
    await bench.ledger.append(success("a"));
    bench.gateway.meddle(({ path }) => {
      if (!path.startsWith("/api/")) return undefined;
      setImmediate(() => stop.abort(new Error("enough")));
      return "ignored";
    });
    await expect(bench.reporter.look(stop.signal)).rejects.toThrow("enough");
    expect(bench.gateway.seen()).toEqual(["PUT", "GET /api/v1/metrics"]);
  });

  test("before it begins: nothing is read or sent", async () => {
    const bench = await startReporter({ sources: SOURCES });
    await expect(bench.reporter.look(AbortSignal.abort(new Error("no")))).rejects.toThrow("no");
    expect(bench.gateway.seen()).toEqual([]);
  });
});
