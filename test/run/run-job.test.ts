import { describe, expect, test } from "@jest/globals";
import { Counter, collectDefaultMetrics, Gauge, Registry } from "prom-client";
import { trackAiRequest } from "../../src/default-pricing.ts";
import { InvalidOptionError, PushError } from "../../src/errors.ts";
import { currentMetricSet, processMetricSet } from "../../src/metrics/current.ts";
import { defineMetrics } from "../../src/metrics/define-metrics.ts";
import { trackTrade, updatePortfolioMetrics } from "../../src/metrics/trading.ts";
import type { CompletionReport, DeliveryReport, RunReport } from "../../src/publish/delivery.ts";
import type { RunDependencies } from "../../src/run/open-run.ts";
import { createRunJob, type RunOptions } from "../../src/run/run-job.ts";
import { manualClock } from "../support/manual-clock.ts";

const MODE = { mode: "backtest" };

describe("runJob", () => {
  test("returns what the body returns", async () => {
    const { runJob } = recorder();
    expect(await runJob({ job: "nightly" }, () => 42)).toBe(42);
    expect(await runJob({ job: "nightly" }, async () => "later")).toBe("later");
  });

  test("throws what the body throws, the very object", async () => {
    const { runJob } = recorder();
    const error = { not: "even an Error" };
    const thrown = await runJob({ job: "nightly" }, () => {
      throw error;
    }).catch((caught: unknown) => caught);
    expect(thrown).toBe(error);
  });

  test.each<{ name: string; delivery: RunDependencies["delivery"]; status: string }>([
    {
      name: "throws",
      status: "failed",
      delivery: () => {
        throw new Error("broken");
      },
    },
    { name: "rejects", status: "failed", delivery: () => Promise.reject(new Error("broken")) },
    { name: "rejects with a string", status: "failed", delivery: () => Promise.reject("broken") },
    {
      name: "rejects with what has no text",
      status: "failed",
      delivery: () => Promise.reject(Object.create(null)),
    },
    { name: "never settles", status: "failed", delivery: () => new Promise(() => {}) },
    {
      name: "cannot reach the gateway",
      status: "failed",
      delivery: () => Promise.reject(new PushError("down", { retryable: true })),
    },
  ])("is not touched by a delivery that $name", async ({ delivery, status }) => {
    const reports: DeliveryReport[] = [];
    const { runJob } = createRunJob({ delivery, reportingTimeoutMs: 100 });
    const onReport = (report: DeliveryReport) => void reports.push(report);
    expect(await runJob({ job: "nightly", onReport }, () => "mine")).toBe("mine");
    expect(reports).toMatchObject([{ status, error: expect.any(Error) }]);
  });

  test("is not touched by an onReport that throws", async () => {
    const { runJob } = recorder();
    const onReport = () => {
      throw new Error("logging is down");
    };
    expect(await runJob({ job: "nightly", onReport }, () => "mine")).toBe("mine");
  });

  test.each<{ name: string; options: object; message: string }>([
    { name: "no job", options: {}, message: "job must be a name" },
    { name: "an empty job", options: { job: "" }, message: "job must be a name" },
    {
      name: "a misspelt option",
      options: { job: "a", groupingkey: {} },
      message: 'did you mean "groupingKey"?',
    },
    { name: "a timeout that is none", options: { job: "a", timeoutMs: -1 }, message: "timeoutMs" },
    {
      name: "a timeout that timers cannot take",
      options: { job: "a", timeoutMs: 2 ** 31 },
      message: "timeoutMs",
    },
  ])("refuses $name before the body starts", async ({ options, message }) => {
    const { runJob, reports } = recorder();
    let started = false;
    const running = runJob(options as RunOptions, () => {
      started = true;
    });
    await expect(running).rejects.toThrow(InvalidOptionError);
    await expect(running).rejects.toThrow(message);
    expect({ started, reports }).toEqual({ started: false, reports: [] });
  });
});

describe("what a run reports of itself", () => {
  test("success: start, completion, success, duration, outcome", async () => {
    const clock = manualClock(1_700_000_000);
    const { settleJob, completion } = recorder({ clock });
    await settleJob({ job: "nightly" }, () => clock.advance(2.5));
    expect(completion()).toMatchObject({ outcome: "succeeded", groupingKey: { job: "nightly" } });
    expect(statusOf(completion())).toEqual({
      batch_job_last_start_timestamp_seconds: 1_700_000_000,
      batch_job_last_completion_timestamp_seconds: 1_700_000_002.5,
      batch_job_last_success_timestamp_seconds: 1_700_000_002.5,
      batch_job_duration_seconds: 2.5,
      'batch_job_runs_total{"outcome":"succeeded"}': 1,
      'batch_job_runs_total{"outcome":"failed"}': 0,
      'batch_job_runs_total{"outcome":"timed_out"}': 0,
      'batch_job_runs_total{"outcome":"interrupted"}': 0,
    });
  });

  test("failure: the same, without a word of success", async () => {
    const clock = manualClock(1_700_000_000);
    const { settleJob, completion } = recorder({ clock });
    const error = new Error("boom");
    const settled = await settleJob({ job: "nightly" }, () => {
      clock.advance(1);
      throw error;
    });
    expect(settled.outcome).toEqual({ status: "failed", error });
    const status = statusOf(completion());
    expect(status).toMatchObject({
      batch_job_last_completion_timestamp_seconds: 1_700_000_001,
      'batch_job_runs_total{"outcome":"failed"}': 1,
      'batch_job_runs_total{"outcome":"succeeded"}': 0,
    });
    expect(status).not.toHaveProperty("batch_job_last_success_timestamp_seconds");
  });

  test("only what was set, and nothing of the run before", async () => {
    const { settleJob, reports } = recorder();
    await settleJob({ job: "nightly", groupingKey: MODE }, ({ metrics }) => {
      metrics.portfolioCash.set(5);
    });
    await settleJob({ job: "nightly", groupingKey: MODE }, ({ metrics }) => {
      metrics.cacheMissesTotal.inc();
    });
    expect(reports.map((report) => resultNames(report))).toEqual([
      ["portfolio_cash"],
      ["cache_misses_total"],
    ]);
  });

  test("a start that is announced comes before the end, even when it is slow", async () => {
    const order: string[] = [];
    const { settleJob } = createRunJob({
      delivery: async (report) => {
        // The announcement's answer takes several turns longer than the whole body.
        for (let turn = 0; turn < 20 && report.type === "start"; turn++) await Promise.resolve();
        order.push(report.type);
        return { status: "disabled", reason: "test" };
      },
    });
    await settleJob({ job: "nightly", announceStart: true }, () => "at once");
    expect(order).toEqual(["start", "completion"]);
  });

  test("a start that is announced: when, and every outcome at 0", async () => {
    const clock = manualClock(1_700_000_000);
    const { settleJob, reports } = recorder({ clock });
    await settleJob({ job: "nightly", announceStart: true }, () => clock.advance(1));
    const [start] = reports;
    expect(start?.type).toBe("start");
    expect(start && statusOf(start)).toEqual({
      batch_job_last_start_timestamp_seconds: 1_700_000_000,
      'batch_job_runs_total{"outcome":"succeeded"}': 0,
      'batch_job_runs_total{"outcome":"failed"}': 0,
      'batch_job_runs_total{"outcome":"timed_out"}': 0,
      'batch_job_runs_total{"outcome":"interrupted"}': 0,
    });
  });

  test("with a value of an enumerated label the others at 0, of one's own families too", async () => {
    const own = defineMetrics({
      orders: {
        name: "orders_sent_total",
        type: "counter",
        help: "Orders sent.",
        labels: { venue: "any", side: ["BUY", "SELL"] },
      },
    });
    const { settleJob, completion } = recorder();
    await settleJob({ job: "nightly" }, ({ bind, metrics }) => {
      metrics.agentDecisionsTotal.inc({ ticker: "AAPL", action: "BUY" }, 3);
      bind(own).orders.inc({ venue: "X", side: "SELL" });
    });
    expect(completion().results).toMatchObject([
      {
        name: "agent_decisions_total",
        samples: [
          { labels: { ticker: "AAPL", action: "BUY" }, value: 3 },
          { labels: { ticker: "AAPL", action: "SELL" }, value: 0 },
          { labels: { ticker: "AAPL", action: "HOLD" }, value: 0 },
        ],
      },
      {
        name: "orders_sent_total",
        samples: [
          { labels: { venue: "X", side: "SELL" }, value: 1 },
          { labels: { venue: "X", side: "BUY" }, value: 0 },
        ],
      },
    ]);
  });

  test("refused updates are named in the report, and the job goes on", async () => {
    const { settleJob, completion } = recorder();
    const { outcome, delivery } = await settleJob({ job: "nightly", groupingKey: MODE }, () => {
      updatePortfolioMetrics({ totalValue: 1, dailyPnl: Number.NaN });
      return "went on";
    });
    expect(outcome).toEqual({ status: "succeeded", value: "went on" });
    expect(delivery.refusals).toEqual(["updatePortfolioMetrics: dailyPnl is not a number: NaN"]);
    expect(resultNames(completion())).toEqual(["closing_bell_refused_updates_total"]);
  });
});

describe("mode", () => {
  test("is required of a run that set a trading family; only its report is refused", async () => {
    const { settleJob, reports } = recorder();
    const { outcome, delivery } = await settleJob({ job: "nightly" }, () => {
      trackTrade({ ticker: "AAPL", side: "BUY" });
      return "mine";
    });
    expect(outcome).toEqual({ status: "succeeded", value: "mine" });
    expect(delivery).toMatchObject({ status: "refused", error: { code: "ERR_MODE" } });
    expect(delivery).toMatchObject({
      error: { message: expect.stringContaining("set trades_total without a mode") },
    });
    expect(reports).toEqual([]);
  });

  test.each([
    {
      name: "the grouping key",
      groupingKey: { mode: "paper" },
      jobEntry: undefined,
      mode: "paper",
    },
    { name: "the job catalogue", groupingKey: {}, jobEntry: { mode: "live" }, mode: "live" },
    {
      name: "the grouping key first",
      groupingKey: { mode: "paper" },
      jobEntry: { mode: "live" },
      mode: "paper",
    },
  ] as const)("comes from $name", async ({ groupingKey, jobEntry, mode }) => {
    const { settleJob, completion } = recorder({ jobEntry: () => jobEntry });
    await settleJob({ job: "nightly", groupingKey }, () =>
      trackTrade({ ticker: "AAPL", side: "BUY" }),
    );
    expect(completion().groupingKey.labels).toEqual({ mode });
  });

  test("that is none is refused", async () => {
    const { settleJob } = recorder();
    const { delivery } = await settleJob({ job: "n", groupingKey: { mode: "demo" } }, () => {});
    expect(delivery).toMatchObject({ status: "refused", error: { code: "ERR_MODE" } });
  });

  test("is not asked of a run that set none", async () => {
    const { settleJob, completion } = recorder();
    await settleJob({ job: "nightly" }, ({ metrics }) => metrics.agentAnalysesTotal.inc());
    expect(completion().groupingKey.labels).toEqual({});
  });
});

test("labels of the job catalogue are added, and a key that cannot be is refused, not the job", async () => {
  const { settleJob, completion } = recorder({ jobEntry: () => ({ labels: { team: "quant" } }) });
  await settleJob({ job: "nightly", groupingKey: { strategy: "s" } }, () => {});
  expect(completion().groupingKey.labels).toEqual({ strategy: "s", team: "quant" });

  const { outcome, delivery } = await settleJob(
    { job: "nightly", groupingKey: { le: "1" } },
    () => "mine",
  );
  expect(outcome.status).toBe("succeeded");
  expect(delivery).toMatchObject({ status: "refused", error: { code: "ERR_GROUPING_KEY" } });
});

describe("the deadline", () => {
  test("aborts the body's signal; a body that fails for it timed out", async () => {
    const { settleJob, completion } = recorder();
    const { outcome } = await settleJob({ job: "nightly", timeoutMs: 20 }, ({ signal }) =>
      until(signal),
    );
    expect(outcome).toMatchObject({ status: "timed_out", error: { name: "TimeoutError" } });
    expect(completion().outcome).toBe("timed_out");
  });

  test("does not undo a success", async () => {
    const { settleJob } = recorder();
    const { outcome } = await settleJob({ job: "nightly", timeoutMs: 20 }, async ({ signal }) => {
      await until(signal).catch(() => {});
      return "late but done";
    });
    expect(outcome).toEqual({ status: "succeeded", value: "late but done" });
  });

  test("of the caller interrupts", async () => {
    const { settleJob } = recorder();
    const caller = new AbortController();
    const running = settleJob({ job: "nightly", signal: caller.signal }, ({ signal }) =>
      until(signal),
    );
    caller.abort(new Error("SIGTERM"));
    expect((await running).outcome).toMatchObject({ status: "interrupted" });
  });

  test("a body that fails in time, failed", async () => {
    const { settleJob } = recorder();
    const { outcome } = await settleJob({ job: "nightly", timeoutMs: 60_000 }, () => {
      throw new Error("on its own");
    });
    expect(outcome.status).toBe("failed");
  });
});

describe("registries handed to a run", () => {
  test("are reported with it: what they grew by, without the process's own metrics", async () => {
    const registry = new Registry();
    collectDefaultMetrics({ register: registry });
    const rows = new Counter({ name: "rows_total", help: "Rows.", registers: [registry] });
    rows.inc(100);
    const { settleJob, completion } = recorder();
    await settleJob({ job: "nightly", registries: [registry] }, ({ metrics }) => {
      rows.inc(7);
      metrics.agentAnalysesTotal.inc();
    });
    registry.clear();
    expect(completion().results).toMatchObject([
      { name: "agent_analyses_total", samples: [{ value: 1 }] },
      { name: "rows_total", samples: [{ value: 7 }] },
    ]);
  });

  test.each<{ name: string; collect: () => void | Promise<void>; said: string }>([
    {
      name: "throws",
      collect: () => {
        throw new Error("sensor is gone");
      },
      said: "sensor is gone",
    },
    { name: "never answers", collect: () => new Promise(() => {}), said: "took longer than" },
  ])("one that $name costs only itself", async ({ collect, said }) => {
    const registry = new Registry();
    new Gauge({ name: "g", help: "G.", registers: [registry], collect });
    const { settleJob, completion } = recorder();
    const { outcome, delivery } = await settleJob(
      { job: "nightly", registries: [registry] },
      ({ metrics }) => metrics.agentAnalysesTotal.inc(),
    );
    expect(outcome.status).toBe("succeeded");
    expect(delivery.refusals?.join()).toContain(said);
    expect(resultNames(completion())).toContain("agent_analyses_total");
  });

  test("one that cannot be read does not take another with it", async () => {
    const broken = new Registry();
    const collect = () => Promise.reject(new Error("sensor is gone"));
    new Gauge({ name: "g", help: "G.", registers: [broken], collect });
    const fine = new Registry();
    const rows = new Counter({ name: "rows_total", help: "Rows.", registers: [fine] });
    const { settleJob, completion } = recorder();
    const registries = [broken, fine];
    const { delivery } = await settleJob({ job: "nightly", registries }, () => rows.inc(7));
    expect(delivery.refusals?.join()).toContain("sensor is gone");
    expect(completion().results).toContainEqual(
      expect.objectContaining({ name: "rows_total", samples: [{ labels: {}, value: 7 }] }),
    );
  });

  test("without their array cost only themselves", async () => {
    const { settleJob } = recorder();
    const registries = new Registry() as never;
    const { outcome, delivery } = await settleJob({ job: "nightly", registries }, () => 42);
    expect(outcome).toEqual({ status: "succeeded", value: 42 });
    expect(delivery.refusals).toHaveLength(1);
  });

  test("that hold trading families need a mode as well", async () => {
    const registry = new Registry();
    new Gauge({ name: "portfolio_cash", help: "Cash.", registers: [registry] }).set(5);
    const { settleJob } = recorder();
    const { delivery } = await settleJob({ job: "nightly", registries: [registry] }, () => {});
    expect(delivery).toMatchObject({ status: "refused", error: { code: "ERR_MODE" } });
  });
});

test("families of one's own are bound to the run by the body's bind", async () => {
  const own = defineMetrics({
    rows: { name: "rows_read_total", type: "counter", help: "Rows read." },
  });
  const { settleJob, completion } = recorder();
  await settleJob({ job: "nightly" }, ({ bind }) => bind(own).rows.inc(7));
  expect(completion().results).toMatchObject([
    { name: "rows_read_total", samples: [{ value: 7 }] },
  ]);
});

describe("runs in one process", () => {
  test("100 of them interleaved never mix, through helpers, promises, timers and nested calls", async () => {
    const { settleJob, reports } = recorder();
    const runs = Array.from({ length: 100 }, (_, run) =>
      settleJob({ job: `run-${run}`, groupingKey: MODE }, async ({ metrics }) => {
        for (let step = 0; step <= run; step++) {
          trackTrade({ ticker: `T${run}`, side: "BUY" });
          if (step % 3 === 0) await new Promise((resolve) => setImmediate(resolve));
          else if (step % 3 === 1) await new Promise((resolve) => setTimeout(resolve, 0));
          else await trackAiRequest(`m${run}`, async () => "answer", { costUsd: 1 });
          metrics.cacheMissesTotal.inc();
        }
      }),
    );
    await Promise.all(runs);
    expect(reports).toHaveLength(100);
    for (const report of reports as CompletionReport[]) {
      const run = Number(report.groupingKey.job.slice("run-".length));
      const trades = report.results.find(({ name }) => name === "trades_total");
      const misses = report.results.find(({ name }) => name === "cache_misses_total");
      expect(trades?.samples).toEqual([
        { labels: { ticker: `T${run}`, side: "BUY" }, value: run + 1 },
        { labels: { ticker: `T${run}`, side: "SELL" }, value: 0 },
      ]);
      expect(misses?.samples).toEqual([{ labels: {}, value: run + 1 }]);
    }
    expect(processMetricSet.families()).toEqual([]);
  });

  test("a thenable that starts when it is awaited counts in its run", async () => {
    const { settleJob, completion } = recorder();
    const query = {
      // biome-ignore lint/suspicious/noThenProperty: as query builders have it
      then(done: (rows: number) => void) {
        trackTrade({ ticker: "SPX", side: "BUY" });
        done(7);
      },
    };
    const body = () => query as unknown as Promise<number>;
    const { outcome } = await settleJob({ job: "nightly", groupingKey: MODE }, body);
    expect(outcome).toEqual({ status: "succeeded", value: 7 });
    expect(resultNames(completion())).toContain("trades_total");
  });

  test("a run inside a run counts in the inner one", async () => {
    const { settleJob, reports } = recorder();
    await settleJob({ job: "outer", groupingKey: MODE }, async () => {
      trackTrade({ ticker: "OUT", side: "BUY" });
      await settleJob({ job: "inner", groupingKey: MODE }, () =>
        trackTrade({ ticker: "IN", side: "BUY" }),
      );
      trackTrade({ ticker: "OUT", side: "SELL" });
    });
    const trades = (reports as CompletionReport[]).map(({ groupingKey, results }) => [
      groupingKey.job,
      results.flatMap((family) => (family.type === "counter" ? family.samples : [])),
    ]);
    expect(trades).toEqual([
      [
        "inner",
        [
          { labels: { ticker: "IN", side: "BUY" }, value: 1 },
          { labels: { ticker: "IN", side: "SELL" }, value: 0 },
        ],
      ],
      [
        "outer",
        [
          { labels: { ticker: "OUT", side: "BUY" }, value: 1 },
          { labels: { ticker: "OUT", side: "SELL" }, value: 1 },
        ],
      ],
    ]);
  });

  test("outside of them, the process's own set is the current one", () => {
    expect(currentMetricSet()).toBe(processMetricSet);
  });
});

function recorder(dependencies: Partial<RunDependencies> = {}) {
  const reports: RunReport[] = [];
  const runs = createRunJob({
    delivery: async (report) => {
      reports.push(report);
      return { status: "disabled", reason: "recorded" };
    },
    ...dependencies,
  });
  const completion = () => reports.at(-1) as CompletionReport;
  return { ...runs, reports, completion };
}

function statusOf(report: RunReport): Record<string, number> {
  const status = report.type === "late" ? [] : report.status;
  return Object.fromEntries(
    status.flatMap((family) => {
      if (family.type === "histogram" || family.type === "summary") return [];
      return family.samples.map(({ labels, value }) => {
        const text = JSON.stringify(labels);
        return [text === "{}" ? family.name : `${family.name}${text}`, value] as const;
      });
    }),
  );
}

function resultNames(report: RunReport): string[] {
  return report.type === "completion" ? report.results.map(({ name }) => name) : [];
}

function until(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}
