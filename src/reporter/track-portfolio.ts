import type { PortfolioReading } from "../sources/portfolio/portfolio.ts";
import { given, less, percent, sourced } from "./figures.ts";
import type { PortfolioFigures, Tracking, TrackingOptions } from "./tracking.ts";
import { type TradingDay, tradingDay } from "./trading-day.ts";

export type Tracked = {
  /** What it was before, when the observation changes nothing. */
  readonly after: Tracking | undefined;
  readonly figures: PortfolioFigures;
};

/**
 * Takes one observation of a portfolio, and says what is known of it now.
 *
 * - **Time-weighted.** What 1 at the start is worth, the *unit*, is multiplied at each observation by
 *   `(equity + withdrawn) / (equity before + deposited)`: money that came in since the last look is
 *   taken to have been at work since then, money that went out until now. So a deposit is no profit,
 *   a withdrawal no drawdown, and a loss is never measured on less than what may have made it.
 * - **Cash flows** since the last look: the difference of two `cashFlowTotal`; else, since one and the
 *   same close, of two `cashFlowToday`, and after a new close the new `cashFlowToday` (a flow between
 *   the last look and that close is missed, and counts as a result). A close is new when
 *   `lastCloseEquity` is another; where that is not given, with each trading day. Else 0: where a
 *   source gives neither, a deposit looks like a profit. Where it gave one since this close and does
 *   not now, profit and deposit cannot be told apart: nothing changes.
 * - **The beginning** is the first positive equity: with a start capital the unit is equity / start
 *   capital, else 1, and the peak is the higher of 1 and the unit. Another start capital begins anew,
 *   as does another currency; one that is no longer configured does not.
 * - **Drawdown** is `unit / peak - 1`; the total return `unit - 1`, with a configured start capital.
 * - **Nothing left.** When the account owes, holds nothing after a loss, or has something after
 *   nothing without a deposit, the unit becomes 0: drawdowns and return are unknown until tracking
 *   begins anew, or {@link resetHighWaterMark}. Withdrawing all, and paying in again, is no loss.
 * - **The day's result** is the source's own; else equity less last close less `cashFlowToday`; else
 *   equity less the last one seen before the trading day began, if that was in the 24 hours before
 *   (so the gap of a night counts), otherwise the first one seen in it; less the cash flows since.
 * - **An earlier time** than the last look's, on the same trading day, is taken as the same time. From
 *   an earlier day, or of another close, and up to 15 minutes before, it came late: nothing changes.
 *   Earlier still, the last look's clock was wrong: time goes on from this one.
 * - **Nothing changes** without an equity, either. Then all that needs a memory is unknown.
 *
 * What is not finite, or beyond 1e100, counts as not given. What is kept is exact; figures are
 * rounded: percentages to 8 decimals, amounts as a source gave them to 15 significant digits, and a
 * difference of amounts to 9 decimals, or as many as 14 digits of the largest of them leave.
 *
 * @throws {InvalidOptionError} for an unknown time zone, or a day that starts at no time.
 */
export function trackPortfolio(
  before: Tracking | undefined,
  reading: PortfolioReading,
  options: TrackingOptions,
): Tracked {
  const known = untrackedFigures(reading);
  const read = tracked(reading);
  if (read.equity === undefined) return { after: before, figures: known };
  const after = observe(before, { ...read, equity: read.equity }, options);
  if (after === undefined) return { after: before, figures: known };
  return { after, figures: { ...trackedFigures(after, options), ...known } };
}

/** What a reading says without any memory. */
export function untrackedFigures(reading: PortfolioReading): PortfolioFigures {
  const { equity, cash, positions, dailyPnl, lastCloseEquity, cashFlowToday = 0 } = given(reading);
  return given({
    totalValue: sourced(equity),
    cash: sourced(cash),
    positions,
    dailyPnl:
      dailyPnl === undefined && equity !== undefined && lastCloseEquity !== undefined
        ? less(equity, lastCloseEquity, cashFlowToday)
        : sourced(dailyPnl),
  });
}

/**
 * Forgets the drawdowns, on purpose: the unit as it stands is the new high-water mark. The return goes
 * on. Where nothing was left, tracking begins anew with the next positive equity.
 */
export function resetHighWaterMark(before: Tracking): Tracking {
  return { ...before, peak: before.unit, maxDrawdown: 0 };
}

/** Beyond it an amount is no amount, and sums of such could become infinite. */
const LARGEST_AMOUNT = 1e100;

function tracked(reading: PortfolioReading): PortfolioReading {
  const amounts = Object.entries(given(reading)).filter(
    ([, fact]) => typeof fact !== "number" || Math.abs(fact) <= LARGEST_AMOUNT,
  );
  return Object.fromEntries(amounts);
}

type Observation = PortfolioReading & { readonly equity: number };

/** How late an observation may come: as long as a function may run. Seconds. */
const LATE_SECONDS = 15 * 60;

/** How long before a trading day an equity may have been seen for its result to be measured from it. */
const BASE_SECONDS = 24 * 60 * 60;

/** Undefined for an observation that is to change nothing. */
function observe(
  before: Tracking | undefined,
  reading: Observation,
  options: TrackingOptions,
): Tracking | undefined {
  const { now } = options;
  const day = tradingDay(options);
  const last = before !== undefined && isSameCurrency(before, reading) ? before : undefined;
  if (last === undefined) {
    return given({
      ...begin(reading.equity, startCapitalOf(options)),
      startCapital: startCapitalOf(options),
      currency: reading.currency,
      at: now,
      equity: reading.equity,
      cashFlowToday: reading.cashFlowToday,
      cashFlowTotal: reading.cashFlowTotal,
      lastCloseEquity: reading.lastCloseEquity,
      ...{ day: day.name, dayBase: reading.equity, dayFlow: 0 },
    });
  }
  const isSameDay = last.day === day.name;
  const isEarlier = now < last.at;
  // A clock that went back says nothing of days.
  const isSameClose = closesAgree(last, reading) ?? (isSameDay || isEarlier);
  const isLate = isEarlier && last.at - now <= LATE_SECONDS;
  if (isLate && !(isSameDay && isSameClose)) return undefined;
  const flow = flowSince(last, reading, isSameClose);
  if (flow === undefined) return undefined;
  const startCapital = startCapitalOf(options) ?? last.startCapital;
  const beginsAnew = last.peak === 0 || startCapital !== last.startCapital;
  return given({
    ...(beginsAnew ? begin(reading.equity, startCapital) : grow(last, reading.equity, flow)),
    startCapital,
    currency: reading.currency ?? last.currency,
    at: isSameDay ? Math.max(last.at, now) : now,
    equity: reading.equity,
    // What a source leaves out once, it would have given as this: no flow counts twice.
    cashFlowToday:
      reading.cashFlowToday ?? (isSameClose ? plus(last.cashFlowToday, flow) : undefined),
    cashFlowTotal:
      reading.cashFlowTotal ?? (isSameClose ? plus(last.cashFlowTotal, flow) : undefined),
    lastCloseEquity: reading.lastCloseEquity ?? (isSameClose ? last.lastCloseEquity : undefined),
    ...dayOf(last, reading.equity, flow, day),
  });
}

type Growth = Pick<Tracking, "format" | "unit" | "peak" | "maxDrawdown">;

const NOTHING: Growth = { format: 1, unit: 0, peak: 0, maxDrawdown: 0 };

function begin(equity: number, startCapital = equity): Growth {
  const unit = equity / startCapital;
  if (equity <= 0 || !isPositive(unit)) return NOTHING;
  const peak = Math.max(1, unit);
  return { format: 1, unit, peak, maxDrawdown: unit / peak - 1 };
}

function grow(last: Tracking, equity: number, flow: number): Growth {
  const unit = last.unit * growthOf(last.equity, equity, flow);
  if (!isPositive(unit)) return { ...NOTHING, peak: last.peak, maxDrawdown: last.maxDrawdown };
  const peak = Math.max(last.peak, unit);
  return { format: 1, unit, peak, maxDrawdown: Math.min(last.maxDrawdown, unit / peak - 1) };
}

/** 0 when it cannot be told. */
function growthOf(before: number, equity: number, flow: number): number {
  const atWork = before + Math.max(flow, 0);
  const brought = equity - Math.min(flow, 0);
  if (equity < 0) return 0;
  if (atWork === 0 && brought === 0) return 1;
  return atWork > 0 ? brought / atWork : 0;
}

/** Undefined when one of them has no close to compare. */
function closesAgree(last: Tracking, reading: Observation): boolean | undefined {
  if (last.lastCloseEquity === undefined || reading.lastCloseEquity === undefined) return undefined;
  return last.lastCloseEquity === reading.lastCloseEquity;
}

/** Undefined when it was told a moment ago, and is not now. */
function flowSince(
  last: Tracking,
  { cashFlowTotal: total, cashFlowToday: today }: Observation,
  isSameClose: boolean,
): number | undefined {
  if (total !== undefined && last.cashFlowTotal !== undefined) {
    return changeOf(total, last.cashFlowTotal);
  }
  if (!isSameClose) return today ?? 0;
  if (today !== undefined && last.cashFlowToday !== undefined) {
    return changeOf(today, last.cashFlowToday);
  }
  const wasTold = last.cashFlowTotal !== undefined || last.cashFlowToday !== undefined;
  return wasTold ? undefined : 0;
}

/** 0 for what is but the noise of adding up: an account that is empty must not gain or lose by it. */
function changeOf(now: number, before: number): number {
  const size = Math.max(Math.abs(now), Math.abs(before));
  return Math.abs(now - before) <= size * 1e-12 ? 0 : now - before;
}

function plus(amount: number | undefined, flow: number): number | undefined {
  return amount === undefined ? undefined : amount + flow;
}

function dayOf(last: Tracking, equity: number, flow: number, day: TradingDay) {
  if (last.day === day.name) {
    return { day: day.name, dayBase: last.dayBase, dayFlow: last.dayFlow + flow };
  }
  const isBase = last.at < day.startsAt && last.at >= day.startsAt - BASE_SECONDS;
  return isBase
    ? { day: day.name, dayBase: last.equity, dayFlow: flow }
    : { day: day.name, dayBase: equity, dayFlow: 0 };
}

function trackedFigures(tracking: Tracking, options: TrackingOptions): PortfolioFigures {
  const { unit, peak, maxDrawdown, equity, dayBase, dayFlow } = tracking;
  const dailyPnl = less(equity, dayBase, dayFlow);
  if (unit === 0) return given({ dailyPnl });
  return given({
    dailyPnl,
    totalReturnPct: startCapitalOf(options) === undefined ? undefined : percent(unit - 1),
    currentDrawdownPct: percent(unit / peak - 1),
    maxDrawdownPct: percent(maxDrawdown),
  });
}

function isSameCurrency(last: Tracking, { currency }: PortfolioReading): boolean {
  return currency === undefined || last.currency === undefined || currency === last.currency;
}

function startCapitalOf({ startCapital }: TrackingOptions): number | undefined {
  return startCapital !== undefined && isPositive(startCapital) ? startCapital : undefined;
}

function isPositive(value: number): boolean {
  return Number.isFinite(value) && value > 0;
}
