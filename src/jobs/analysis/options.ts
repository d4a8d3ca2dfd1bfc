import { InvalidOptionError } from "../../errors.ts";
import type { Bar } from "../backtest/prices.ts";
import type { Agent } from "./agent.ts";
import { LIMITS, type Limits, type Portfolio } from "./constitution.ts";

export type AnalysisOptions = {
  /** Upper case as a rule; each once. */
  readonly tickers: readonly string[];
  /** The daily prices of one ticker, oldest first. */
  readonly prices: (ticker: string, signal: AbortSignal) => Promise<readonly Bar[]>;
  /** Who decides. */
  readonly agent: Agent;
  /** ISO date: prices after it are not looked at. Default: all are. */
  readonly day?: string;
  /** Without it the rules about positions are not checked. */
  readonly portfolio?: Portfolio;
  /** Laid over {@link LIMITS}. */
  readonly limits?: Partial<Limits>;
  /** Tickers that are analysed at a time. Default 4. */
  readonly atOnce?: number;
  /** Time for one ticker, prices and decision, milliseconds. Default 60,000. */
  readonly tickerTimeoutMs?: number;
  /** Ends the analysis at once. */
  readonly signal?: AbortSignal;
};

/** Options as they count, defaults in their places. */
export type AnalysisSettings = Omit<
  Required<Omit<AnalysisOptions, "signal">>,
  "day" | "portfolio"
> & {
  readonly day: string | undefined;
  readonly portfolio: Portfolio | undefined;
  readonly limits: Limits;
};

/** What is a ticker and can be part of a URL: `BRK.B`, `^GSPC`, `EURUSD=X`, never `..` or a path. */
const TICKER = /^[A-Za-z0-9^][A-Za-z0-9.^=_-]{0,19}$/;

/** Longest delay that Node's timers take; a longer one would fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** @throws {InvalidOptionError} naming the option and what it was. */
export function checkOptions(options: Omit<AnalysisOptions, "signal">): AnalysisSettings {
  const { tickers, prices, agent, day, portfolio, atOnce = 4, tickerTimeoutMs = 60_000 } = options;
  checkTickers(tickers);
  if (typeof prices !== "function") throw refusal("prices must be a function");
  if (typeof agent?.decide !== "function" || typeof agent.model !== "string") {
    throw refusal("agent must have a model and decide");
  }
  if (day !== undefined && !isDate(day)) {
    throw refusal(`day must be a date like 2026-11-20, got ${JSON.stringify(day)}`);
  }
  if (!(Number.isSafeInteger(atOnce) && atOnce > 0)) {
    throw refusal(`atOnce must be a number of tickers, got ${atOnce}`);
  }
  if (!(tickerTimeoutMs > 0 && tickerTimeoutMs <= MAX_TIMER_MS)) {
    throw refusal(
      `tickerTimeoutMs must be milliseconds up to ${MAX_TIMER_MS}, got ${tickerTimeoutMs}`,
    );
  }
  if (portfolio !== undefined) checkPortfolio(portfolio);
  const limits = checkLimits(options.limits ?? {});
  return { tickers, prices, agent, day, portfolio, limits, atOnce, tickerTimeoutMs };
}

function checkTickers(tickers: readonly string[]): void {
  if (!Array.isArray(tickers) || tickers.length === 0) throw refusal("tickers must name some");
  for (const [index, ticker] of tickers.entries()) {
    if (typeof ticker !== "string" || !TICKER.test(ticker)) {
      throw refusal(`tickers[${index}] is ${JSON.stringify(ticker)}; expected e.g. AAPL or BRK.B`);
    }
    if (tickers.indexOf(ticker) < index) throw refusal(`${ticker} is among the tickers twice`);
  }
}

function checkPortfolio({ cash, positions }: Portfolio): void {
  for (const [name, usd] of [["cash", cash], ...Object.entries(positions)] as const) {
    if (typeof usd !== "number" || !(usd >= 0 && Number.isFinite(usd))) {
      throw refusal(`portfolio: ${name} must be an amount in USD, none below 0, got ${usd}`);
    }
  }
}

function checkLimits(given: Partial<Limits>): Limits {
  for (const [name, value] of Object.entries(given)) {
    if (!Object.hasOwn(LIMITS, name)) {
      throw refusal(`limits: unknown key ${name}; known: ${Object.keys(LIMITS).join(", ")}`);
    }
    const isFine =
      name === "positions" ? Number.isSafeInteger(value) && value >= 0 : value >= 0 && value <= 1;
    if (!isFine) {
      const expected = name === "positions" ? "a number of positions" : "from 0 to 1";
      throw refusal(`limits: ${name} must be ${expected}, got ${value}`);
    }
  }
  return { ...LIMITS, ...given };
}

/** A day of the calendar: the 30th of February has the form alone. */
function isDate(text: unknown): boolean {
  if (typeof text !== "string" || !/^\d{4}-\d{2}-\d{2}$/.test(text)) return false;
  const date = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(text);
}

function refusal(problem: string): InvalidOptionError {
  return new InvalidOptionError(`analysis: ${problem}`);
}
