import { catalogue } from "./catalogue.ts";
import { numbersOf, report } from "./report.ts";

export type Side = (typeof catalogue.tradesTotal.labels.side)[number];

/** An executed trade. Quantity and price are the caller's to log: as labels they would never end. */
export type Trade = {
  readonly ticker: string;
  readonly side: Side;
  readonly quantity?: number;
  readonly fillPrice?: number;
};

/** Counts one executed trade. */
export function trackTrade(trade: Trade): void {
  report((set) => {
    const { ticker, side } = trade;
    set.get(catalogue.tradesTotal).inc({ ticker, side });
  });
}

/** The state of a portfolio. What is left out is unknown and not reported. */
export type Portfolio = {
  /** Cash and holdings, USD. */
  readonly totalValue?: number;
  /** USD. */
  readonly cash?: number;
  /** Number of open positions. */
  readonly numPositions?: number;
  /** Since the last close, less cash flows, USD. */
  readonly dailyPnl?: number;
  /** Percent of the start capital. */
  readonly totalReturnPct?: number;
  /** Percent from the peak, negative. */
  readonly maxDrawdownPct?: number;
};

const PORTFOLIO = {
  totalValue: catalogue.portfolioTotalValue,
  cash: catalogue.portfolioCash,
  numPositions: catalogue.currentPositionsCount,
  dailyPnl: catalogue.dailyPnl,
  totalReturnPct: catalogue.totalReturnPct,
  maxDrawdownPct: catalogue.maxDrawdownPct,
} as const satisfies Record<keyof Portfolio, unknown>;

const PORTFOLIO_NAMES = Object.keys(PORTFOLIO) as readonly (keyof Portfolio)[];

/** Sets the portfolio gauges, all that are given at once: one that is not a number refuses them all. */
export function updatePortfolioMetrics(portfolio: Portfolio): void {
  report((set) => {
    for (const [name, value] of numbersOf("updatePortfolioMetrics", portfolio, PORTFOLIO_NAMES)) {
      set.get(PORTFOLIO[name]).set(value);
    }
  });
}
