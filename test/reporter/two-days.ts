import type { PortfolioFigures, TrackingOptions } from "../../src/reporter/tracking.ts";
import type { PortfolioReading } from "../../src/sources/portfolio/portfolio.ts";
import { type TimedReading, unix } from "./looks.ts";

/** A look of the account below, and by hand what must be said of it. */
export type HandLook = {
  /** New York, winter time. */
  readonly at: string;
  readonly what: string;
  readonly equity?: number;
  /** Deposits less withdrawals since the account was opened. */
  readonly total: number;
  /** How the unit comes about. */
  readonly unit: string;
  readonly pnl?: number;
  readonly returnPct?: number;
  readonly drawdownPct?: number;
  readonly maxPct?: number;
};

/** Trading days begin at 17:00 in New York; 10,000 were paid in before the first look. */
export const TWO_DAYS: Omit<TrackingOptions, "now"> = {
  timeZone: "America/New_York",
  dayStartsAt: "17:00",
  startCapital: 10_000,
};

const NOTHING_KNOWN = "no equity: nothing changes";

/** The first trading day is that of 22 November, 17:00 to 17:00. */
// biome-ignore format: a table
export const HAND_LOOKS: readonly HandLook[] = [
  // 9800 / 10000 = 0.98, below the start capital: peak 1
  { at: "11-22T17:00", what: "first look, 2 % down", equity: 9_800, total: 10_000, unit: "9800 / 10000", pnl: 0, returnPct: -2, drawdownPct: -2, maxPct: -2 },
  // 0.98 x 1.05 = 1.029, a new peak; 10290 - 9800 = 490
  { at: "11-22T17:15", what: "5 % up", equity: 10_290, total: 10_000, unit: "x 10290 / 9800", pnl: 490, returnPct: 2.9, drawdownPct: 0, maxPct: -2 },
  // x 1; 20290 - 9800 - 10000 = 490
  { at: "11-22T17:30", what: "10000 paid in", equity: 20_290, total: 20_000, unit: "x 20290 / (10290 + 10000)", pnl: 490, returnPct: 2.9, drawdownPct: 0, maxPct: -2 },
  // 1.029 x 0.95 = 0.97755; 0.95 - 1 = -5 %; 19275.5 - 9800 - 10000 = -524.5
  { at: "11-22T17:45", what: "5 % down", equity: 19_275.5, total: 20_000, unit: "x 19275.5 / 20290", pnl: -524.5, returnPct: -2.245, drawdownPct: -5, maxPct: -5 },
  { at: "11-22T18:00", what: "the broker says nothing of equity", total: 20_000, unit: NOTHING_KNOWN },
  // Twelve hours without a look. x 1; 10000 - 9800 - 724.5 = -524.5
  { at: "11-23T06:00", what: "9275.5 paid out meanwhile", equity: 10_000, total: 10_724.5, unit: "x (10000 + 9275.5) / 19275.5", pnl: -524.5, returnPct: -2.245, drawdownPct: -5, maxPct: -5 },
  // 0.97755 x 1.1 = 1.075305, a new peak; 11000 - 9800 - 724.5 = 475.5
  { at: "11-23T09:30", what: "10 % up", equity: 11_000, total: 10_724.5, unit: "x 11000 / 10000", pnl: 475.5, returnPct: 7.5305, drawdownPct: 0, maxPct: -5 },
  // 1.075305 x 0.9 = 0.9677745; 10800 - 9800 - 1724.5 = -724.5
  { at: "11-23T09:45", what: "1000 paid in, and 10 % of all lost", equity: 10_800, total: 11_724.5, unit: "x 10800 / (11000 + 1000)", pnl: -724.5, returnPct: -3.22255, drawdownPct: -10, maxPct: -10 },
  // 0.9677745 x 1.05 = 1.016163225; 0.9 x 1.05 - 1 = -5.5 %; 10540 - 9800 - 924.5 = -184.5
  { at: "11-23T16:45", what: "5 % won, and 800 paid out", equity: 10_540, total: 10_924.5, unit: "x (10540 + 800) / 10800", pnl: -184.5, returnPct: 1.6163225, drawdownPct: -5.5, maxPct: -10 },
  // A new day: 10750.8 - 10540 = 210.8. 1.016163225 x 1.02 = 1.0364864895; 0.945 x 1.02 - 1 = -3.61 %
  { at: "11-23T17:00", what: "next trading day, 2 % up", equity: 10_750.8, total: 10_924.5, unit: "x 10750.8 / 10540", pnl: 210.8, returnPct: 3.64864895, drawdownPct: -3.61, maxPct: -10 },
  { at: "11-24T16:45", what: "its end, no change", equity: 10_750.8, total: 10_924.5, unit: "x 1", pnl: 210.8, returnPct: 3.64864895, drawdownPct: -3.61, maxPct: -10 },
  // Two days without a look: the day's result is not known before its first equity.
  // 1.0364864895 x 0.8 = 0.8291891916; 0.9639 x 0.8 - 1 = -22.888 %
  { at: "11-26T16:45", what: "20 % down after an outage of two days", equity: 8_600.64, total: 10_924.5, unit: "x 8600.64 / 10750.8", pnl: 0, returnPct: -17.08108084, drawdownPct: -22.888, maxPct: -22.888 },
  // Back to 10750.8; 10750.8 - 8600.64 = 2150.16, seen 15 minutes before the day began
  { at: "11-26T17:00", what: "next trading day, 25 % up", equity: 10_750.8, total: 10_924.5, unit: "x 10750.8 / 8600.64", pnl: 2_150.16, returnPct: 3.64864895, drawdownPct: -3.61, maxPct: -22.888 },
];

export function readingOf({ at, equity, total }: HandLook): TimedReading {
  const reading: PortfolioReading = { ...(equity === undefined ? {} : { equity }), cash: 500 };
  return { ...reading, cashFlowTotal: total, at: unix(`2026-${at}-05:00`) };
}

export function expectedOf(look: HandLook): PortfolioFigures {
  const { equity, pnl, returnPct, drawdownPct, maxPct } = look;
  if (equity === undefined) return { cash: 500 };
  return {
    totalValue: equity,
    cash: 500,
    dailyPnl: pnl ?? Number.NaN,
    totalReturnPct: returnPct ?? Number.NaN,
    currentDrawdownPct: drawdownPct ?? Number.NaN,
    maxDrawdownPct: maxPct ?? Number.NaN,
  };
}
