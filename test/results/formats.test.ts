import { afterAll, describe, expect, test } from "@jest/globals";
import { createImportResults, type ImportOptions } from "../../src/import-results.ts";
import type { RunReport } from "../../src/publish/delivery.ts";
import { readResults } from "../../src/results/read-results.ts";
import { fixture, fixtureBytes, freqtradeZip, resultFolder } from "./result-files.ts";

const folder = resultFolder();
afterAll(folder.remove);

const zip = folder.write("backtest-result-x.zip", freqtradeZip(fixtureBytes("freqtrade-new.json")));
const newest = folder.write(
  ".last_result.json",
  JSON.stringify({ latest_backtest: "backtest-result-x.zip" }),
);
/** As Python's json.dumps writes it. */
const bareNaN = folder.write(
  "nan.json",
  `{"Start": 0, "End": 2147, "Equity Final [$]": 10000, "Return [%]": 0.0,
    "Max. Drawdown [%]": -0.0, "# Trades": 0, "Win Rate [%]": NaN, "Sharpe Ratio": NaN,
    "Calmar Ratio": -Infinity}`,
);

/** What a run that imports a file reports, values by series. */
async function reported(options: Omit<ImportOptions, "job">) {
  const reports: RunReport[] = [];
  const importResults = createImportResults({
    delivery: async (report) => {
      reports.push(report);
      return { status: "disabled", reason: "a test" };
    },
  });
  const { format, delivery } = await importResults({ job: "nightly", ...options });
  const [report] = reports;
  if (report?.type !== "completion") throw new Error("not one completion");
  const series = report.results.flatMap((family) =>
    family.type === "histogram" || family.type === "summary"
      ? []
      : family.samples.map(({ labels, value }) => {
          const text = Object.entries(labels).map(([name, of]) => `${name}=${of}`);
          return [text.length === 0 ? family.name : `${family.name}{${text}}`, value] as const;
        }),
  );
  const { groupingKey, outcome } = report;
  return { format, delivery, groupingKey, outcome, values: Object.fromEntries(series) };
}

const BREAKOUT = {
  portfolio_total_value: 1255.12345,
  // Everything is sold at the end.
  portfolio_cash: 1255.12345,
  current_positions_count: 0,
  total_return_pct: expect.closeTo(25.512345, 10),
  max_drawdown_pct: -12.5,
  backtest_trades: 3,
  backtest_win_rate_ratio: 0.6666666666666666,
  backtest_sharpe_ratio: 1.875,
  backtest_start_time_seconds: 1_704_067_200,
  backtest_end_time_seconds: 1_735_689_300,
  "portfolio_currency_info{currency=USDT}": 1,
  // Two entries of the first trade, one of the third; an order that was never filled is none.
  "trades_total{ticker=BTC/USDT,side=BUY}": 3,
  "trades_total{ticker=BTC/USDT,side=SELL}": 2,
  "trades_total{ticker=ETH/USDT,side=BUY}": 1,
  "trades_total{ticker=ETH/USDT,side=SELL}": 1,
};

const SMA_CROSS = {
  portfolio_total_value: 68_221.97,
  total_return_pct: 582.2197,
  max_drawdown_pct: -33.08,
  backtest_trades: 94,
  backtest_win_rate_ratio: 0.5425,
  backtest_sharpe_ratio: 0.66,
  // 2004-08-19 and 2013-03-01.
  backtest_start_time_seconds: 1_092_873_600,
  backtest_end_time_seconds: 1_362_096_000,
};

describe("a file becomes gauges", () => {
  test.each<{
    name: string;
    options: Omit<ImportOptions, "job">;
    format: string;
    values: Readonly<Record<string, unknown>>;
  }>([
    {
      name: "freqtrade, JSON",
      options: { file: fixture("freqtrade-new.json") },
      format: "freqtrade",
      values: BREAKOUT,
    },
    { name: "freqtrade, zip", options: { file: zip }, format: "freqtrade", values: BREAKOUT },
    {
      name: "freqtrade, the note that names its newest result",
      options: { file: newest, format: "freqtrade" },
      format: "freqtrade",
      values: BREAKOUT,
    },
    {
      name: "freqtrade, old and of two strategies, in BTC",
      options: { file: fixture("freqtrade-old.json"), strategy: "SampleA" },
      format: "freqtrade",
      values: {
        portfolio_total_value: 0.19,
        portfolio_cash: 0.19,
        current_positions_count: 0,
        total_return_pct: -5,
        // Not max_drawdown, which adds up the ratios of trades.
        max_drawdown_pct: -7.5,
        backtest_trades: 4,
        // 1 win of 4; no Sharpe ratio in it.
        backtest_win_rate_ratio: 0.25,
        backtest_start_time_seconds: 1_515_568_500,
        backtest_end_time_seconds: 1_517_287_500,
        "portfolio_currency_info{currency=BTC}": 1,
        "trades_total{ticker=TRX/BTC,side=BUY}": 2,
        "trades_total{ticker=TRX/BTC,side=SELL}": 2,
        "trades_total{ticker=ADA/BTC,side=BUY}": 1,
        "trades_total{ticker=ADA/BTC,side=SELL}": 1,
        "trades_total{ticker=XLM/BTC,side=BUY}": 1,
        "trades_total{ticker=XLM/BTC,side=SELL}": 1,
      },
    },
    {
      name: "freqtrade without a trade: no win rate and no Sharpe ratio, though 0 is written",
      options: { file: fixture("freqtrade-old.json"), strategy: "SampleB" },
      format: "freqtrade",
      values: {
        portfolio_total_value: 0.2,
        portfolio_cash: 0.2,
        current_positions_count: 0,
        total_return_pct: 0,
        max_drawdown_pct: 0,
        backtest_trades: 0,
        // From the dates, without backtest_start_ts.
        backtest_start_time_seconds: 1_515_568_500,
        backtest_end_time_seconds: 1_517_287_500,
        "portfolio_currency_info{currency=BTC}": 1,
      },
    },
    {
      name: "LEAN, full result with an open position",
      options: { file: fixture("lean-full.json") },
      format: "lean",
      values: {
        portfolio_total_value: 101_691.92,
        // 101,691.92 less holdings of 100,543.21; how many positions that are is unknown.
        portfolio_cash: expect.closeTo(1148.71, 8),
        // "1.692%", not the 1.69 of the rounded fraction, and not the money -3.44.
        total_return_pct: 1.692,
        max_drawdown_pct: -2.2,
        // Closed trades, not the 9 orders.
        backtest_trades: 3,
        // Of trades (0.6667), not of days (0.5).
        backtest_win_rate_ratio: 0.6667,
        backtest_sharpe_ratio: 8.855,
        // 2013-10-07 and the last second of 2013-10-11.
        backtest_start_time_seconds: 1_381_104_000,
        backtest_end_time_seconds: 1_381_535_999,
        "portfolio_currency_info{currency=USD}": 1,
        "trades_total{ticker=SPY,side=BUY}": 2,
        "trades_total{ticker=SPY,side=SELL}": 2,
        "trades_total{ticker=AAPL,side=BUY}": 1,
        "trades_total{ticker=AAPL,side=SELL}": 1,
      },
    },
    {
      name: "LEAN, summary in euros without statistics or trades",
      options: { file: fixture("lean-summary.json") },
      format: "lean",
      values: {
        portfolio_total_value: 985_500.5,
        portfolio_cash: 985_500.5,
        current_positions_count: 0,
        total_return_pct: expect.closeTo(-1.45, 10),
        max_drawdown_pct: expect.closeTo(-2.1, 10),
        backtest_trades: 0,
        backtest_sharpe_ratio: -0.5904,
        // 2020-02-28 and the last second of 2020-03-31.
        backtest_start_time_seconds: 1_582_848_000,
        backtest_end_time_seconds: 1_585_699_199,
        "portfolio_currency_info{currency=EUR}": 1,
      },
    },
    {
      name: "LEAN of before 2022, in capitals, with a short position",
      options: { file: fixture("lean-pascal.json") },
      format: "lean",
      values: {
        portfolio_total_value: 79_599,
        portfolio_cash: 80_849.5,
        total_return_pct: -20.401,
        max_drawdown_pct: -35.8,
        // Not "Total Trades", which are 797 orders.
        backtest_trades: 2,
        backtest_win_rate_ratio: 0.5,
        backtest_sharpe_ratio: -0.591,
        "trades_total{ticker=EURUSD,side=BUY}": 2,
        "trades_total{ticker=EURUSD,side=SELL}": 2,
      },
    },
    {
      name: "backtesting.py, JSON with NumPy's integers as text",
      options: { file: fixture("backtesting.json") },
      format: "backtesting.py",
      values: SMA_CROSS,
    },
    {
      name: "backtesting.py, CSV with a whole equity curve in a cell",
      options: { file: fixture("backtesting.csv") },
      format: "backtesting.py",
      values: SMA_CROSS,
    },
    {
      name: "backtesting.py, without a trade or a date: bare NaN, and bars that are counted",
      options: { file: bareNaN },
      format: "backtesting.py",
      values: {
        portfolio_total_value: 10_000,
        total_return_pct: 0,
        max_drawdown_pct: 0,
        backtest_trades: 0,
      },
    },
    {
      name: "vectorbt, JSON: the drawdown has no sign, times are milliseconds",
      options: { file: fixture("vectorbt.json") },
      format: "vectorbt",
      values: {
        portfolio_total_value: 136.3,
        total_return_pct: 36.3,
        max_drawdown_pct: -14.55,
        backtest_trades: 7,
        backtest_win_rate_ratio: 0.5,
        backtest_sharpe_ratio: 1.25,
        // 2018-01-01 and 2018-12-31.
        backtest_start_time_seconds: 1_514_764_800,
        backtest_end_time_seconds: 1_546_214_400,
      },
    },
    {
      name: "vectorbt, CSV without a trade, a date or a frequency",
      options: { file: fixture("vectorbt.csv") },
      format: "vectorbt",
      values: { portfolio_total_value: 100, total_return_pct: 0, backtest_trades: 0 },
    },
  ])("$name", async ({ options, format, values }) => {
    const seen = await reported(options);
    expect(seen.format).toBe(format);
    expect(seen.outcome).toBe("succeeded");
    expect(seen.delivery.refusals).toBeUndefined();
    expect(seen.values).toEqual(values);
  });
});

test("the format that is named is taken, whatever else a file looks like", async () => {
  const file = folder.write(
    "both.json",
    JSON.stringify({
      ...JSON.parse(fixtureBytes("vectorbt.json").toString()),
      ...JSON.parse(fixtureBytes("backtesting.json").toString()),
    }),
  );
  const auto = await readResults(file);
  const named = await readResults(file, { format: "vectorbt" });
  expect([auto.format, auto.results.totalReturnPct]).toEqual(["backtesting.py", 582.2197]);
  expect([named.format, named.results.totalReturnPct]).toEqual(["vectorbt", 36.3]);
});

test("freqtrade's Sharpe ratio of -100 says that there is none", async () => {
  const text = fixtureBytes("freqtrade-new.json").toString();
  const file = folder.write("sharpe.json", text.replace('"sharpe": 1.875', '"sharpe": -100'));
  const { results } = await readResults(file);
  expect(results.sharpeRatio).toBeUndefined();
  expect(results.trades).toBe(3);
});

test("more tickers than labels may have are counted together", async () => {
  const trades = Array.from({ length: 150 }, (_, index) => ({ pair: `P${index}/USDT` }));
  const result = JSON.parse(fixtureBytes("freqtrade-new.json").toString());
  Object.assign(result.strategy.Breakout, { trades, total_trades: 150 });
  const { results } = await readResults(folder.write("tickers.json", JSON.stringify(result)));
  expect(results.fills).toHaveLength(101);
  expect(results.fills?.at(-1)).toEqual({ ticker: "other", buys: 50, sells: 50 });
});

describe("the run", () => {
  test("is a backtest's, unless somebody says otherwise", async () => {
    const file = fixture("vectorbt.json");
    const modes = [
      (await reported({ file })).groupingKey.labels,
      (await reported({ file, groupingKey: { mode: "paper", strategy: "s" } })).groupingKey.labels,
    ];
    expect(modes).toEqual([{ mode: "backtest" }, { mode: "paper", strategy: "s" }]);
  });

  test("is in the mode that the job catalogue names", async () => {
    const seen: RunReport[] = [];
    for (const entry of [
      { mode: "paper" } as const,
      { labels: { mode: "live" } },
      { labels: {} },
    ]) {
      await createImportResults({
        jobEntry: () => entry,
        delivery: async (report) => {
          seen.push(report);
          return { status: "disabled", reason: "a test" };
        },
      })({ job: "nightly", file: fixture("vectorbt.json") });
    }
    expect(seen.map(({ groupingKey }) => groupingKey.labels["mode"])).toEqual([
      "paper",
      "live",
      "backtest",
    ]);
  });

  test("failed when the backtest did, and has no results", async () => {
    const seen = await reported({ file: fixture("lean-failed.json") });
    expect([seen.outcome, seen.values]).toEqual(["failed", {}]);
    const { failure } = await readResults(fixture("lean-failed.json"));
    expect(failure).toBe(
      "LEAN did not complete the backtest (RuntimeError): Object reference not set at Algorithm.OnData(Slice slice)",
    );
  });

  test("is named by the file's content and how it is read", async () => {
    const ids: (string | undefined)[] = [];
    const importResults = createImportResults({
      delivery: async (report) => {
        ids.push(report.type === "completion" ? report.runId : undefined);
        return { status: "disabled", reason: "a test" };
      },
    });
    const copy = folder.write("copy.json", fixtureBytes("freqtrade-old.json"));
    const file = fixture("freqtrade-old.json");
    await importResults({ job: "a", file, strategy: "SampleA" });
    await importResults({ job: "a", file: copy, strategy: "SampleA" });
    await importResults({ job: "a", file, strategy: "SampleB" });
    await importResults({ job: "a", file, strategy: "SampleB", runId: "2024-01-31" });
    expect(ids[0]).toMatch(/^results-[\da-f]{64}$/);
    expect(ids[1]).toBe(ids[0]);
    expect(ids[2]).not.toBe(ids[0]);
    expect(ids[3]).toBe("2024-01-31");
  });
});
