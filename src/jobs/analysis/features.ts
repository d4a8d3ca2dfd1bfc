import { InvalidInputError } from "../../errors.ts";
import { createFeatureCache } from "../backtest/feature-cache.ts";
import type { Bar } from "../backtest/prices.ts";

/** What an agent is told of one day. */
export type DayFeatures = {
  /** ISO date. */
  readonly day: string;
  /** Mean close of the last 20 and of the last 50 days, in the currency of the prices. */
  readonly sma_20: number;
  readonly sma_50: number;
  /** Change of the close over 20 days, as a share. */
  readonly mom_20d: number;
  /** Standard deviation of the daily change over 60 days, as a share. */
  readonly vol_60d: number;
};

/** Days whose features are read: a trading week shows whether the averages have just crossed. */
export const RECENT_DAYS = 5;
/** The longest look back, in daily changes. */
const VOLATILITY_DAYS = 60;
const MOMENTUM_DAYS = 20;

/** Bars without which there are no features: 60 changes need 61 closes, on each recent day. */
export const LEAST_BARS = VOLATILITY_DAYS + RECENT_DAYS;

export type RecentFeatures = {
  /** Oldest first. */
  readonly recent: readonly DayFeatures[];
  /** Queries of the feature store, for the hit rate. */
  readonly traffic: { readonly hits: number; readonly misses: number };
};

/**
 * The features of the last days, through a feature store of their own. Momentum and volatility are
 * made of daily changes that the store holds too, so most queries find what an earlier one needed.
 *
 * @throws {InvalidInputError} when there are too few bars, or prices so far apart that a feature is
 * no number.
 */
export function readFeatures(bars: readonly Bar[]): RecentFeatures {
  if (bars.length < LEAST_BARS) {
    throw new InvalidInputError(
      `there are ${bars.length} days of prices, and features need ${LEAST_BARS}`,
    );
  }
  const change = createFeatureCache("ret_1d", (day) => close(bars, day) / close(bars, day - 1) - 1);
  const sma20 = createFeatureCache("sma_20", (day) => mean(closes(bars, day, 20)));
  const sma50 = createFeatureCache("sma_50", (day) => mean(closes(bars, day, 50)));
  const momentum = createFeatureCache("mom_20d", (day) => {
    return (
      lastDays(day, MOMENTUM_DAYS).reduce((grown, each) => grown * (1 + change.get(each)), 1) - 1
    );
  });
  const volatility = createFeatureCache("vol_60d", (day) =>
    deviation(lastDays(day, VOLATILITY_DAYS).map(change.get)),
  );

  const recent = lastDays(bars.length - 1, RECENT_DAYS).map((day) => ({
    day: bars[day]?.date ?? "",
    sma_20: finite("sma_20", sma20.get(day)),
    sma_50: finite("sma_50", sma50.get(day)),
    mom_20d: finite("mom_20d", momentum.get(day)),
    vol_60d: finite("vol_60d", volatility.get(day)),
  }));
  const traffic = [change, sma20, sma50, momentum, volatility].map((cache) => cache.traffic());
  return {
    recent,
    traffic: {
      hits: traffic.reduce((total, { hits }) => total + hits, 0),
      misses: traffic.reduce((total, { misses }) => total + misses, 0),
    },
  };
}

/** Indexes of so many days up to and with `day`, oldest first. */
function lastDays(day: number, count: number): readonly number[] {
  return Array.from({ length: count }, (_, index) => day - count + 1 + index);
}

function closes(bars: readonly Bar[], day: number, count: number): readonly number[] {
  return lastDays(day, count).map((each) => close(bars, each));
}

function close(bars: readonly Bar[], day: number): number {
  const bar = bars[day];
  if (bar === undefined) throw new RangeError(`no prices for day ${day}`);
  return bar.close;
}

function mean(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0) / values.length;
}

/** Of a sample: divided by one less than there are. */
function deviation(values: readonly number[]): number {
  const middle = mean(values);
  const squares = values.reduce((total, value) => total + (value - middle) ** 2, 0);
  return Math.sqrt(squares / (values.length - 1));
}

function finite(feature: string, value: number): number {
  if (Number.isFinite(value)) return value;
  throw new InvalidInputError(`the prices give no ${feature}: ${value}`);
}
