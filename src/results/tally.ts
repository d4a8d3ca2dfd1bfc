import type { JsonNode } from "./outline.ts";
import type { Fills } from "./results.ts";

/** Counts trades while they are read, so that none need be kept. */
export type Tally = {
  add(
    ticker: JsonNode | undefined,
    counts: { readonly buys: number; readonly sells: number },
  ): void;
  /** How many were added. */
  trades(): number;
  fills(): readonly Fills[];
};

/**
 * Tickers that are counted by name, the first that come; the others are `other`. The ledger keeps
 * 200 label sets of a family, and a ticker has two.
 */
const MAX_TICKERS = 100;

/** A label's value, and a ticker's name: nothing that a terminal or a label could not show. */
const TICKER = /^[^\p{C}]{1,100}$/u;

export function createTally(): Tally {
  const counts = new Map<string, { buys: number; sells: number }>();
  let trades = 0;
  return {
    add(ticker, { buys, sells }) {
      trades++;
      const isName = typeof ticker === "string" && TICKER.test(ticker);
      const isNew = isName && !counts.has(ticker);
      const name = isName && !(isNew && counts.size >= MAX_TICKERS) ? ticker : "other";
      const count = counts.get(name) ?? { buys: 0, sells: 0 };
      counts.set(name, { buys: count.buys + buys, sells: count.sells + sells });
    },
    trades: () => trades,
    fills: () => [...counts].map(([ticker, count]) => ({ ticker, ...count })),
  };
}
