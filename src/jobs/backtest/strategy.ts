import { type Action, recordConviction, recordDecision } from "../../metrics/ai.ts";
import { setKillSwitch, trackConstitutionCheck } from "../../metrics/constitution.ts";
import { updateCacheMetrics } from "../../metrics/feature-store.ts";
import { type Side, trackTrade, updatePortfolioMetrics } from "../../metrics/trading.ts";
import { createFeatureCache } from "./feature-cache.ts";
import type { Bar } from "./prices.ts";

/** The constitution: what the strategy may do at most. Values of the reference system. */
export const RULES = {
  /** Least conviction to open a position. */
  conviction: 0.7,
  /** Loss of one day, as a share of the equity, that trips the kill switch. */
  dailyLoss: 0.02,
  /** Loss from the peak, as a share, after which it stands aside. */
  drawdown: 0.1,
  /** Largest position as a share of the equity. */
  positionSize: 0.9,
} as const;

/** Days over which momentum is measured. */
export const MOMENTUM_DAYS = 20;
/** Weeks against which today's momentum is ranked: conviction is that rank. */
const RANKING_WEEKS = 12;
const WEEK_DAYS = 5;
/** Before it there are not enough prices to rank. */
const FIRST_DECISION_DAY = MOMENTUM_DAYS + RANKING_WEEKS * WEEK_DAYS;
/** Days without new positions after the drawdown limit; then the peak counts anew, or it would never return. */
const PAUSE_DAYS = 20;

/** Days between two looks at the signal: some milliseconds. */
const DAYS_PER_TURN = 256;

export type BacktestResult = {
  readonly days: number;
  readonly trades: number;
  readonly decisions: number;
  readonly violations: number;
  readonly killSwitchTrips: number;
  readonly finalValue: number;
  readonly cash: number;
  readonly numPositions: number;
  readonly dailyPnl: number;
  readonly totalReturnPct: number;
  readonly maxDrawdownPct: number;
};

type Portfolio = {
  cash: number;
  quantity: number;
};

/**
 * 20-day momentum on one instrument, long or flat. Decided at a close, executed at the next open.
 * Deterministic: the same bars give the same result and the same metrics, but for the latencies.
 *
 * Instrumented with the public helpers alone, so that it serves a live process and a run alike.
 */
export async function backtestMomentum(
  bars: readonly Bar[],
  { ticker, startCapital }: { readonly ticker: string; readonly startCapital: number },
  signal?: AbortSignal,
): Promise<BacktestResult> {
  const momentum = createFeatureCache("mom_20d", (day) => {
    return close(bars, day) / close(bars, day - MOMENTUM_DAYS) - 1;
  });
  const portfolio: Portfolio = { cash: startCapital, quantity: 0 };
  const counts = { trades: 0, decisions: 0, violations: 0, killSwitchTrips: 0 };
  let order: { side: Side; conviction: number } | undefined;
  let killed = false;
  let equity = startCapital;
  let dailyPnl = 0;
  let peak = startCapital;
  let limitPeak = startCapital;
  let pausedUntil = 0;
  let maxDrawdown = 0;
  setKillSwitch(false);

  function check(rule: string, passed: boolean): boolean {
    trackConstitutionCheck(rule, { passed });
    if (!passed) counts.violations++;
    return passed;
  }

  function trade(side: Side, quantity: number, price: number): void {
    if (quantity === 0) return;
    portfolio.quantity += side === "BUY" ? quantity : -quantity;
    portfolio.cash -= (side === "BUY" ? quantity : -quantity) * price;
    counts.trades++;
    trackTrade({ ticker, side, quantity, fillPrice: price });
  }

  for (const [day, bar] of bars.entries()) {
    if (day % DAYS_PER_TURN === 0) {
      // A deadline is a timer, and no timer fires while a loop holds the process.
      await new Promise((resolve) => setImmediate(resolve));
      signal?.throwIfAborted();
    }

    // At the open: the kill switch is armed again, and yesterday's order is executed.
    if (killed) setKillSwitch(false);
    killed = false;
    if (order?.side === "BUY") {
      const share = check("max_position_size", order.conviction <= RULES.positionSize)
        ? order.conviction
        : RULES.positionSize;
      trade("BUY", Math.floor((portfolio.cash * share) / bar.open), bar.open);
    } else if (order?.side === "SELL") trade("SELL", portfolio.quantity, bar.open);
    order = undefined;

    // At the close: value the portfolio and hold it against the limits.
    const before = equity;
    equity = portfolio.cash + portfolio.quantity * bar.close;
    dailyPnl = equity - before;
    peak = Math.max(peak, equity);
    limitPeak = Math.max(limitPeak, equity);
    maxDrawdown = Math.min(maxDrawdown, equity / peak - 1);

    if (!check("daily_loss_limit", dailyPnl / before > -RULES.dailyLoss)) {
      killed = true;
      counts.killSwitchTrips++;
      setKillSwitch(true);
      trade("SELL", portfolio.quantity, bar.close);
    } else if (
      day >= pausedUntil &&
      !check("max_drawdown", equity / limitPeak - 1 > -RULES.drawdown)
    ) {
      trade("SELL", portfolio.quantity, bar.close);
      pausedUntil = day + PAUSE_DAYS;
      limitPeak = equity;
    }
    if (killed || day < pausedUntil || day < FIRST_DECISION_DAY) continue;

    const { action, conviction } = decide(momentum.get, day, portfolio.quantity > 0);
    counts.decisions++;
    recordDecision({ ticker, action });
    recordConviction(action, conviction);
    if (action === "HOLD") continue;
    if (action === "SELL" || check("conviction_threshold", conviction >= RULES.conviction)) {
      order = { side: action, conviction };
    }
  }

  updateCacheMetrics(momentum.traffic());
  const result = {
    days: bars.length,
    ...counts,
    finalValue: equity,
    cash: portfolio.cash,
    numPositions: portfolio.quantity > 0 ? 1 : 0,
    dailyPnl,
    totalReturnPct: (equity / startCapital - 1) * 100,
    maxDrawdownPct: maxDrawdown * 100,
  };
  updatePortfolioMetrics({
    totalValue: result.finalValue,
    cash: result.cash,
    numPositions: result.numPositions,
    dailyPnl: result.dailyPnl,
    totalReturnPct: result.totalReturnPct,
    maxDrawdownPct: result.maxDrawdownPct,
  });
  return result;
}

/** Follows the sign of momentum; conviction is the share of the last weeks in which it was weaker. */
function decide(
  momentum: (day: number) => number,
  day: number,
  holding: boolean,
): { action: Action; conviction: number } {
  const today = momentum(day);
  let weaker = 0;
  for (let week = 1; week <= RANKING_WEEKS; week++) {
    if (Math.abs(momentum(day - week * WEEK_DAYS)) < Math.abs(today)) weaker++;
  }
  const conviction = weaker / RANKING_WEEKS;
  if (today > 0 && !holding) return { action: "BUY", conviction };
  if (today < 0 && holding) return { action: "SELL", conviction };
  return { action: "HOLD", conviction };
}

function close(bars: readonly Bar[], day: number): number {
  const bar = bars[day];
  if (bar === undefined) throw new RangeError(`no prices for day ${day}`);
  return bar.close;
}
