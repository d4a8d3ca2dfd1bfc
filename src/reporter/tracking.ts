/**
 * What outlives a reporter: the least that drawdown, return and the day's result need to go on after
 * a restart. The value of a small versioned item in the ledger's store. `track-portfolio.ts` defines
 * what it means.
 */
export type Tracking = {
  readonly format: 1;
  /** What tracking began with. Another one in the configuration begins anew. */
  readonly startCapital?: number;
  /** Of all amounts here. A reading in another one begins anew. */
  readonly currency?: string;
  /**
   * What 1 at the start is worth now, cash flows left out. 0: it cannot be told, since the account
   * held nothing of its own.
   */
  readonly unit: number;
  /**
   * The highest that `unit` has been, at least 1 when tracking begins: a loss at the first look is one.
   * 0: nothing began yet.
   */
  readonly peak: number;
  /** The lowest `unit / peak - 1` so far: a fraction, 0 or less. */
  readonly maxDrawdown: number;
  /** The last observation: when, in Unix seconds, and what the account held. */
  readonly at: number;
  readonly equity: number;
  /** Cash flows as the source gave them then, or would have. */
  readonly cashFlowToday?: number;
  readonly cashFlowTotal?: number;
  /** By which a source's closes are told apart. */
  readonly lastCloseEquity?: number;
  /** The trading day of that observation, by the date on which it began: `2026-11-23`. */
  readonly day: string;
  /** Equity that the day's result is measured from, and the cash flows since. */
  readonly dayBase: number;
  readonly dayFlow: number;
};

/** What can be said of a portfolio. What is absent is unknown. */
export type PortfolioFigures = {
  readonly totalValue?: number;
  readonly cash?: number;
  readonly positions?: number;
  /** Since the last close, less cash flows. */
  readonly dailyPnl?: number;
  /** Of the start capital, cash flows left out. */
  readonly totalReturnPct?: number;
  /** From the high-water mark, 0 or less. */
  readonly currentDrawdownPct?: number;
  /** The lowest so far, 0 or less. */
  readonly maxDrawdownPct?: number;
};

export type TrackingOptions = {
  /** Unix seconds. */
  readonly now: number;
  /** IANA name, e.g. `America/New_York`. */
  readonly timeZone: string;
  /**
   * When a trading day begins there, `HH:MM`. Default midnight. Where a source gives `cashFlowToday`
   * without `lastCloseEquity`, this must be when that starts from 0 again.
   */
  readonly dayStartsAt?: string;
  /**
   * What had been paid in, less what had been paid out, before tracking began. Without it the total
   * return is unknown.
   */
  readonly startCapital?: number;
};
