import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { describe, expect, test } from "@jest/globals";
import { InvalidInputError, InvalidOptionError } from "../../src/errors.ts";
import { runBacktest } from "../../src/jobs/backtest.ts";
import type { RunReport } from "../../src/publish/delivery.ts";
import { createRunJob } from "../../src/run/run-job.ts";
import { sp500 } from "./sp500.ts";

/** Runs whose reports are kept. */
function keptRuns() {
  const reports: RunReport[] = [];
  const runs = createRunJob({
    delivery: async (report) => {
      reports.push(report);
      return { status: "disabled", reason: "kept" };
    },
  });
  return { runs, reports };
}

describe("the backtest job", () => {
  test("reports its figures to the group of its strategy, as a backtest's", async () => {
    const { runs, reports } = keptRuns();
    const { outcome } = await runBacktest(runs, { pricesUrl: sp500() });
    expect(outcome).toMatchObject({
      status: "succeeded",
      value: { days: 5105, trades: 177, finalValue: 111268.43014200004 },
    });
    expect(reports).toHaveLength(1);
    expect(reports[0]).toMatchObject({
      type: "completion",
      outcome: "succeeded",
      groupingKey: { job: "backtest", labels: { mode: "backtest", strategy: "momentum-20d" } },
    });
    const names = reports.flatMap((report) =>
      report.type === "completion" ? report.results.map(({ name }) => name) : [],
    );
    expect(names.sort()).toEqual([
      "agent_conviction_score",
      "agent_decisions_total",
      "cache_hit_rate",
      "cache_hits_total",
      "cache_misses_total",
      "constitution_checks_total",
      "constitution_violations_total",
      "current_positions_count",
      "daily_pnl",
      "feature_calculation_latency_seconds",
      "feature_store_query_latency_seconds",
      "kill_switch_status",
      "max_drawdown_pct",
      "portfolio_cash",
      "portfolio_total_value",
      "total_return_pct",
      "trades_total",
    ]);
  });

  test("names its instrument and starts with the capital that it is told", async () => {
    const { runs, reports } = keptRuns();
    const options = { pricesUrl: sp500().href, ticker: "GSPC", startCapital: 50_000 };
    const { outcome } = await runBacktest(runs, options);
    const value = outcome.status === "succeeded" ? outcome.value : undefined;
    expect(value?.totalReturnPct).toBeCloseTo(((value?.finalValue ?? 0) / 50_000 - 1) * 100, 9);
    const trades = reports
      .flatMap((report) => (report.type === "completion" ? report.results : []))
      .find(({ name }) => name === "trades_total");
    expect(trades?.samples.map(({ labels }) => labels)).toEqual([
      { ticker: "GSPC", side: "BUY" },
      { ticker: "GSPC", side: "SELL" },
    ]);
  });

  test("that finds no prices fails, and reports that and nothing made up", async () => {
    const folder = await mkdtemp(join(tmpdir(), "closing-bell-backtest-"));
    try {
      await writeFile(join(folder, "empty.csv"), "date,open,close\n");
      const { runs, reports } = keptRuns();
      const pricesUrl = pathToFileURL(join(folder, "empty.csv"));
      const { outcome } = await runBacktest(runs, { pricesUrl });
      expect(outcome).toMatchObject({ status: "failed", error: expect.any(InvalidInputError) });
      expect(reports).toMatchObject([{ outcome: "failed", results: [] }]);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test.each<{ name: string; options: object; reason: RegExp }>([
    {
      name: "an unknown one",
      options: { priceUrl: "file:///x" },
      reason: /did you mean "pricesUrl"/,
    },
    { name: "no capital", options: { startCapital: 0 }, reason: /startCapital must be an amount/ },
    { name: "less than none", options: { startCapital: -1 }, reason: /startCapital must be an/ },
    {
      name: "NaN",
      options: { startCapital: Number.NaN },
      reason: /startCapital must be an amount/,
    },
    { name: "infinite capital", options: { startCapital: Infinity }, reason: /must be an amount/ },
    {
      name: "a path for a URL",
      options: { pricesUrl: "./prices.csv" },
      reason: /pricesUrl must be/,
    },
    { name: "no URL", options: { pricesUrl: undefined }, reason: /pricesUrl must be a file: or/ },
  ])("refuses options before it runs, as a rejection: $name", async ({ options, reason }) => {
    const { runs, reports } = keptRuns();
    const started = runBacktest(runs, { pricesUrl: "file:///prices.csv", ...options });
    await expect(started).rejects.toThrow(InvalidOptionError);
    await expect(started).rejects.toThrow(reason);
    expect(reports).toEqual([]);
  });
});
