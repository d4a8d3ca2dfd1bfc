import { type RunOptions, runJob, updatePortfolioMetrics } from "closing-bell";
import { onTick, type Tick } from "./strategy.ts";

/** A backtest engine around the strategy: a run that ends, and reports when it does. */
export function backtest(
  ticks: readonly Tick[],
  options: Partial<RunOptions> = {},
): Promise<{ readonly trades: number; readonly finalValue: number }> {
  return runJob(
    { job: "backtest", groupingKey: { strategy: "edge", mode: "backtest" }, ...options },
    () => {
      let cash = 10_000;
      let trades = 0;
      for (const tick of ticks) {
        const side = onTick(tick);
        if (side === undefined) continue;
        cash += side === "SELL" ? tick.price : -tick.price;
        trades++;
      }
      updatePortfolioMetrics({ totalValue: cash, cash, totalReturnPct: (cash / 10_000 - 1) * 100 });
      return { trades, finalValue: cash };
    },
  );
}
