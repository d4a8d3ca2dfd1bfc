import { trackConstitutionCheck, trackTrade } from "closing-bell";

export type Tick = { readonly ticker: string; readonly price: number; readonly fair: number };

/** Strategy code, instrumented once. It does not know whether it runs live or in a backtest. */
export function onTick({ ticker, price, fair }: Tick): "BUY" | "SELL" | undefined {
  const edge = fair / price - 1;
  const passed = Math.abs(edge) >= 0.01;
  trackConstitutionCheck("conviction_threshold", { passed });
  if (!passed) return undefined;
  const side = edge > 0 ? "BUY" : "SELL";
  trackTrade({ ticker, side });
  return side;
}
