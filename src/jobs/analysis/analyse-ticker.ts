import { InvalidInputError } from "../../errors.ts";
import { recordAnalysis } from "../../metrics/ai.ts";
import type { Bar } from "../backtest/prices.ts";
import type { Decision, Question } from "./agent.ts";
import { type RecentFeatures, readFeatures } from "./features.ts";
import type { AnalysisSettings } from "./options.ts";

/** A ticker, what is known of it, and what the agent decided. */
export type Analysed = Pick<Question, "ticker" | "day" | "close"> & {
  readonly decision: Decision;
  readonly traffic: RecentFeatures["traffic"];
};

/**
 * Days without prices before the day of the analysis, after which they count as no longer kept: the
 * longest that New York's exchange was closed since 1933 was from 10 to 17 September 2001.
 */
const MAX_GAP_DAYS = 7;

const DAY_MS = 24 * 60 * 60 * 1000;

/**
 * Reads a ticker's prices up to the day, makes features of them and asks the agent. Counted as an
 * analysis once there is something to analyse, whether the agent then decides or fails.
 */
export async function analyseTicker(
  ticker: string,
  { prices, agent, day, portfolio }: AnalysisSettings,
  signal: AbortSignal,
): Promise<Analysed> {
  const bars = upTo(day, await prices(ticker, signal));
  const { recent, traffic } = readFeatures(bars);
  const { date = "", close = Number.NaN } = bars.at(-1) ?? {};
  const question: Question = {
    ticker,
    day: date,
    close,
    recent,
    ...(portfolio === undefined
      ? {}
      : {
          positionUsd: Object.hasOwn(portfolio.positions, ticker)
            ? (portfolio.positions[ticker] ?? 0)
            : 0,
        }),
  };
  // Whoever ended the wait for the prices has closed the run's books.
  signal.throwIfAborted();
  recordAnalysis();
  const decision = await agent.decide(question, { signal });
  return { ticker, day: date, close, decision, traffic };
}

/** @throws {InvalidInputError} when they end too long before the day: yesterday's signal is no signal. */
function upTo(day: string | undefined, bars: readonly Bar[]): readonly Bar[] {
  if (day === undefined) return bars;
  const known = bars.filter(({ date }) => date <= day);
  const last = known.at(-1)?.date;
  if (last === undefined) throw new InvalidInputError(`there are no prices up to ${day}`);
  const gap = (Date.parse(day) - Date.parse(last)) / DAY_MS;
  if (gap <= MAX_GAP_DAYS) return known;
  throw new InvalidInputError(`prices end on ${last}, ${gap} days before ${day}`);
}
