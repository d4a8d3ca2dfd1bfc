/**
 * What a backtest found, whoever ran it, in one normal form. What a file does not say is absent,
 * never 0.
 */
export type BacktestResults = {
  /** Cash and holdings at the start, in `currency`. Above 0. */
  readonly startValue?: number;
  /** Cash and holdings at the end, in `currency`. */
  readonly finalValue?: number;
  /** Cash at the end, in `currency`. */
  readonly cash?: number;
  /** Positions that are open at the end. */
  readonly openPositions?: number;
  /** What the amounts are in, e.g. `USD`, `USDT`, `BTC`. */
  readonly currency?: string;
  /** Percent of the start value. */
  readonly totalReturnPct?: number;
  /** Percent from the peak, 0 or below. */
  readonly maxDrawdownPct?: number;
  /** Trades that were opened and closed. */
  readonly trades?: number;
  /** Share of them that won, from 0 to 1. */
  readonly winRate?: number;
  /** As the backtester computes it: yearly, but by its own calendar. */
  readonly sharpeRatio?: number;
  /** First moment of the data, Unix seconds. */
  readonly startTime?: number;
  /** Last moment of the data, Unix seconds. */
  readonly endTime?: number;
  /** Buys and sells by ticker, where the file lists trades. */
  readonly fills?: readonly Fills[];
};

/** Executed buys and sells of one ticker. */
export type Fills = { readonly ticker: string; readonly buys: number; readonly sells: number };

/** Formats of result files. */
export const FORMATS = ["freqtrade", "lean", "backtesting.py", "vectorbt", "generic"] as const;

export type ResultFormat = (typeof FORMATS)[number];

/** What a reader of one format makes of a file. */
export type Reading = {
  readonly results: BacktestResults;
  /** Of several in a file, the one that was read; or the only one, by its name. */
  readonly strategy?: string;
  /** The backtest itself failed, and how: its figures are none. */
  readonly failure?: string;
};
