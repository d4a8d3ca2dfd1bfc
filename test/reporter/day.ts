import type { PortfolioReading } from "../../src/sources/portfolio/portfolio.ts";
import { unix } from "./looks.ts";

/** Looks every quarter of an hour from 2026-11-23 18:00 in New York (EST, UTC-5), the day's beginning 17:00. */
export const BEGIN = unix("2026-11-23T18:00-05:00");

export const QUARTER = 900;

/** Through the change of day at 17:00 on the 24th, and an hour beyond. */
export const LOOKS = 24 * 4 + 1;

/** The look at a time such as 6.25: hours after the beginning. */
export const lookAfter = (hours: number): number => hours * 4;

/** No portfolio from here up to there; the ledger's store the same. Hours after the beginning. */
export const PORTFOLIO_OUTAGE = [8, 10] as const;
export const LEDGER_OUTAGE = [14, 15] as const;

/** The reporter is started again before these looks. */
export const RESTARTS: readonly number[] = [lookAfter(4), lookAfter(16)];

/** The account from each time on, in hours after the beginning. Equity is what counts; cash is a tenth. */
const ACCOUNT: readonly (readonly [from: number, equity: number, flows: number])[] = [
  [0, 100_000, 0],
  // +10 %: 100,000 * 1.1.
  [1, 110_000, 0],
  // -20 % of it: 110,000 * 0.8.
  [3, 88_000, 0],
  // A deposit of 22,000, no profit.
  [5, 110_000, 22_000],
  // -10 %, while nobody can see it: 110,000 * 0.9.
  [9, 99_000, 22_000],
  // A withdrawal of 39,000, no loss.
  [12, 60_000, -17_000],
  // +10 %, while no store keeps it: 60,000 * 1.1.
  [14.5, 66_000, -17_000],
  // +25 %, before the change of day: 66,000 * 1.25.
  [20, 82_500, -17_000],
  // -4 %, on the new day: 82,500 * 0.96.
  [23.5, 79_200, -17_000],
];

export function accountAfter(hours: number): PortfolioReading {
  const [, equity, cashFlowTotal] = ACCOUNT.findLast(([from]) => from <= hours) ?? [0, 0, 0];
  return { equity, cash: equity / 10, positions: 4, cashFlowTotal, currency: "USD" };
}

/** On from 6 to 7 hours after the beginning. */
export const isHaltedAfter = (hours: number): boolean => hours >= 6 && hours < 7;

/** What of the gateway's figures is expected after a look; `undefined` is absent. */
export type Expected = {
  readonly hours: number;
  readonly why: string;
  readonly value: number | undefined;
  readonly pnl: number | undefined;
  readonly back: number | undefined;
  readonly drawdown: number | undefined;
  readonly deepest: number | undefined;
  readonly halted: 0 | 1;
};

/** With a start capital of 80,000: the account began 25 % above it. */
export const BY_HAND: readonly Expected[] = [
  // Unit 100,000 / 80,000 = 1.25, which is the peak.
  {
    hours: 0,
    why: "begins at 100,000 of 80,000",
    value: 100_000,
    pnl: 0,
    back: 25,
    drawdown: 0,
    deepest: 0,
    halted: 0,
  },
  // 1.25 * 1.1 = 1.375, the new peak.
  {
    hours: 1,
    why: "+10 %",
    value: 110_000,
    pnl: 10_000,
    back: 37.5,
    drawdown: 0,
    deepest: 0,
    halted: 0,
  },
  // 1.375 * 0.8 = 1.1; 1.1 / 1.375 - 1 = -20 %; 88,000 - 100,000 = -12,000.
  {
    hours: 3,
    why: "-20 %",
    value: 88_000,
    pnl: -12_000,
    back: 10,
    drawdown: -20,
    deepest: -20,
    halted: 0,
  },
  // Nothing but a new process.
  {
    hours: 4,
    why: "restarted",
    value: 88_000,
    pnl: -12_000,
    back: 10,
    drawdown: -20,
    deepest: -20,
    halted: 0,
  },
  // 110,000 / (88,000 + 22,000) = 1; 110,000 - 100,000 - 22,000 = -12,000.
  {
    hours: 5,
    why: "deposit 22,000",
    value: 110_000,
    pnl: -12_000,
    back: 10,
    drawdown: -20,
    deepest: -20,
    halted: 0,
  },
  {
    hours: 6,
    why: "trading halted",
    value: 110_000,
    pnl: -12_000,
    back: 10,
    drawdown: -20,
    deepest: -20,
    halted: 1,
  },
  {
    hours: 7,
    why: "and goes on",
    value: 110_000,
    pnl: -12_000,
    back: 10,
    drawdown: -20,
    deepest: -20,
    halted: 0,
  },
  {
    hours: 9,
    why: "portfolio unknown",
    value: undefined,
    pnl: undefined,
    back: undefined,
    drawdown: undefined,
    deepest: undefined,
    halted: 0,
  },
  // 1.1 * 0.9 = 0.99; 0.99 / 1.375 - 1 = -28 %; 99,000 - 100,000 - 22,000 = -23,000.
  {
    hours: 10,
    why: "known again, -10 %",
    value: 99_000,
    pnl: -23_000,
    back: -1,
    drawdown: -28,
    deepest: -28,
    halted: 0,
  },
  // (60,000 + 39,000) / 99,000 = 1; 60,000 - 100,000 + 17,000 = -23,000.
  {
    hours: 12,
    why: "withdrawal 39,000",
    value: 60_000,
    pnl: -23_000,
    back: -1,
    drawdown: -28,
    deepest: -28,
    halted: 0,
  },
  // No store: what needs a memory is unknown.
  {
    hours: 14.75,
    why: "store down, +10 %",
    value: 66_000,
    pnl: undefined,
    back: undefined,
    drawdown: undefined,
    deepest: undefined,
    halted: 0,
  },
  // 0.99 * 1.1 = 1.089; 1.089 / 1.375 - 1 = -20.8 %; 66,000 - 100,000 + 17,000 = -17,000.
  {
    hours: 15,
    why: "store back",
    value: 66_000,
    pnl: -17_000,
    back: 8.9,
    drawdown: -20.8,
    deepest: -28,
    halted: 0,
  },
  {
    hours: 16,
    why: "restarted",
    value: 66_000,
    pnl: -17_000,
    back: 8.9,
    drawdown: -20.8,
    deepest: -28,
    halted: 0,
  },
  // 1.089 * 1.25 = 1.36125; 1.36125 / 1.375 - 1 = -1 %; 82,500 - 100,000 + 17,000 = -500.
  {
    hours: 20,
    why: "+25 %",
    value: 82_500,
    pnl: -500,
    back: 36.125,
    drawdown: -1,
    deepest: -28,
    halted: 0,
  },
  {
    hours: 22.75,
    why: "last of the day",
    value: 82_500,
    pnl: -500,
    back: 36.125,
    drawdown: -1,
    deepest: -28,
    halted: 0,
  },
  // 17:00 in New York: from the last equity before.
  {
    hours: 23,
    why: "a new day",
    value: 82_500,
    pnl: 0,
    back: 36.125,
    drawdown: -1,
    deepest: -28,
    halted: 0,
  },
  // 1.36125 * 0.96 = 1.3068; 1.3068 / 1.375 - 1 = -4.96 %; 79,200 - 82,500 = -3,300.
  {
    hours: 24,
    why: "-4 %",
    value: 79_200,
    pnl: -3300,
    back: 30.68,
    drawdown: -4.96,
    deepest: -28,
    halted: 0,
  },
];
