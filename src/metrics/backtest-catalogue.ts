import type { Definition } from "./definition.ts";

/**
 * What a backtest found beside the portfolio gauges. Its times end in `_time_seconds`, as
 * `process_start_time_seconds` does: of what ends in `_timestamp_seconds` the ledger keeps the latest
 * of all runs, and the next backtest may be of older data.
 */
export const backtestCatalogue = {
  backtestTrades: {
    name: "backtest_trades",
    type: "gauge",
    kind: "result",
    help: "Number of trades that the backtest opened and closed",
    labels: {},
    area: "trading",
  },
  backtestWinRateRatio: {
    name: "backtest_win_rate_ratio",
    type: "gauge",
    kind: "result",
    help: "Share of the backtest's trades that won (0.0 - 1.0)",
    labels: {},
    area: "trading",
  },
  backtestSharpeRatio: {
    name: "backtest_sharpe_ratio",
    type: "gauge",
    kind: "result",
    help: "Sharpe ratio as the backtester computes it: yearly, by its own calendar",
    labels: {},
    area: "trading",
  },
  backtestStartTimeSeconds: {
    name: "backtest_start_time_seconds",
    type: "gauge",
    kind: "result",
    help: "Unix time at which the backtest's data begins, in seconds",
    labels: {},
    area: "trading",
  },
  backtestEndTimeSeconds: {
    name: "backtest_end_time_seconds",
    type: "gauge",
    kind: "result",
    help: "Unix time at which the backtest's data ends, in seconds",
    labels: {},
    area: "trading",
  },
} as const satisfies Readonly<Record<string, Definition>>;
