import type { Source } from "../source.ts";

/**
 * What a source knows of a portfolio at one moment. Amounts are in `currency`; what is absent is
 * unknown.
 */
export type PortfolioReading = {
  /** Cash and holdings. */
  readonly equity?: number;
  /** Negative on margin. */
  readonly cash?: number;
  /** Open positions. */
  readonly positions?: number;
  /** Since the last close, less cash flows, where the source says it itself. */
  readonly dailyPnl?: number;
  /** Equity at the last close. */
  readonly lastCloseEquity?: number;
  /** Deposits less withdrawals since the last close. */
  readonly cashFlowToday?: number;
  /** Deposits less withdrawals since the account was opened, or since any fixed time. */
  readonly cashFlowTotal?: number;
  /** ISO 4217, or a crypto currency's symbol: `USD`, `KRW`, `BTC`. */
  readonly currency?: string;
  /** The broker lets this account not trade: no switch of ours. */
  readonly isTradingBlocked?: boolean;
  /**
   * What could not be read beside the values, one sentence each, for the log; absent when there is
   * nothing to say. What a problem names is absent above, or is known less well.
   */
  readonly problems?: readonly string[];
};

export type PortfolioSource = Source<PortfolioReading>;
