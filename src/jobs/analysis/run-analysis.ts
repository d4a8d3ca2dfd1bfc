import { setMaxListeners } from "node:events";
import { messageOf } from "../../errors.ts";
import { type Action, recordConviction, recordDecision } from "../../metrics/ai.ts";
import { trackConstitutionCheck } from "../../metrics/constitution.ts";
import { updateCacheMetrics } from "../../metrics/feature-store.ts";
import { refuseUnknownKeys } from "../../options.ts";
import { withinTime } from "../../time-limit.ts";
import { type Analysed, analyseTicker } from "./analyse-ticker.ts";
import { applyConstitution, type PlannedTrade, type Rule } from "./constitution.ts";
import { AnalysisError, type TickerFailure } from "./errors.ts";
import { type AnalysisOptions, type AnalysisSettings, checkOptions } from "./options.ts";

export type TickerAnalysis = {
  readonly ticker: string;
  /** The last day whose prices were known, an ISO date. */
  readonly day: string;
  /** Its close, in the currency of the prices. */
  readonly close: number;
  /** The agent's own decision, whatever the rules say. */
  readonly action: Action;
  /** 0 to 1. */
  readonly conviction: number;
  readonly reason: string;
  /** Rules of the constitution that forbid to act on it. */
  readonly failedRules: readonly Rule[];
  /** What would be traded; no order is ever sent. */
  readonly trade: PlannedTrade;
};

/** Plain data. */
export type AnalysisResult = {
  /** The agent's name. */
  readonly model: string;
  /** In the order of the tickers, those that failed left out. */
  readonly analyses: readonly TickerAnalysis[];
  readonly failures: readonly TickerFailure[];
};

const OPTIONS: readonly (keyof AnalysisOptions)[] = [
  "tickers",
  "prices",
  "agent",
  "day",
  "portfolio",
  "limits",
  "atOnce",
  "tickerTimeoutMs",
  "signal",
];

/**
 * Asks an agent about each ticker and holds what it decides against the constitution. One ticker
 * that fails does not hide the others. With an agent that is deterministic so is all of it, the
 * metrics too, but for the latencies.
 *
 * Instrumented with the public helpers alone, so that it serves a live process and a run alike.
 *
 * @throws {InvalidOptionError} for options that are unknown or malformed.
 * @throws {AnalysisError} when every ticker failed.
 * @throws the signal's reason as soon as it aborts; decisions made until then are counted.
 */
export async function runAnalysis({
  signal,
  ...options
}: AnalysisOptions): Promise<AnalysisResult> {
  refuseUnknownKeys(options, OPTIONS, "runAnalysis");
  const settings = checkOptions(options);
  const outcomes: Outcome[] = [];
  try {
    await analyseAll(settings, signal ?? new AbortController().signal, outcomes);
  } finally {
    // In the order of the tickers and not of the answers: sums of convictions stay the same.
    for (const outcome of outcomes) if (outcome !== undefined) count(outcome);
  }
  const analysed = outcomes.flatMap((outcome) => outcome?.analysed ?? []);
  const failures = outcomes.flatMap((outcome) => outcome?.failure ?? []);
  updateCacheMetrics({
    hits: analysed.reduce((total, { traffic }) => total + traffic.hits, 0),
    misses: analysed.reduce((total, { traffic }) => total + traffic.misses, 0),
  });
  if (analysed.length === 0) {
    throw new AnalysisError(failures, outcomes.find((outcome) => outcome?.failure)?.error);
  }
  return { model: settings.agent.model, analyses: judge(analysed, settings), failures };
}

/** Of one ticker; absent until there is one. */
type Outcome =
  | {
      readonly analysed?: Analysed;
      readonly failure?: TickerFailure;
      readonly error?: unknown;
    }
  | undefined;

/** Fills in the outcomes, so many tickers at a time. Rejects at once when the signal aborts. */
async function analyseAll(
  settings: AnalysisSettings,
  signal: AbortSignal,
  outcomes: Outcome[],
): Promise<void> {
  const { tickers, atOnce, tickerTimeoutMs: milliseconds } = settings;
  const late = `no decision within ${milliseconds} ms`;
  const reason = () => Object.assign(new Error(late), { name: "TimeoutError" });
  // Each ticker listens; on the caller's own signal so many listeners would pass for a leak.
  const all = new AbortController();
  setMaxListeners(0, all.signal);
  const passOn = () => all.abort(signal.reason);
  const queue = tickers.entries();
  async function take(): Promise<void> {
    for (const [index, ticker] of queue) {
      try {
        const limit = { milliseconds, reason, signal: all.signal };
        const analysed = await withinTime(limit, (own) => analyseTicker(ticker, settings, own));
        outcomes[index] = { analysed };
      } catch (error) {
        all.signal.throwIfAborted();
        outcomes[index] = { failure: { ticker, reason: messageOf(error) }, error };
      }
    }
  }
  signal.throwIfAborted();
  signal.addEventListener("abort", passOn, { once: true });
  try {
    await Promise.all(Array.from({ length: Math.min(atOnce, tickers.length) }, take));
  } finally {
    signal.removeEventListener("abort", passOn);
  }
}

function count({ analysed }: NonNullable<Outcome>): void {
  if (analysed === undefined) return;
  const { ticker, decision } = analysed;
  recordDecision({ ticker, action: decision.action });
  recordConviction(decision.action, decision.conviction);
}

function judge(
  analysed: readonly Analysed[],
  { portfolio, limits }: AnalysisSettings,
): readonly TickerAnalysis[] {
  const decided = analysed.map(({ ticker, decision: { action, conviction } }) => {
    return { ticker, action, conviction };
  });
  const planned = applyConstitution(decided, portfolio, limits);
  return analysed.map(({ ticker, day, close, decision }, index) => {
    const { checks = [], trade = { action: "HOLD" } } = planned[index] ?? {};
    for (const { rule, passed } of checks) trackConstitutionCheck(rule, { passed });
    const failedRules = checks.filter(({ passed }) => !passed).map(({ rule }) => rule);
    return { ticker, day, close, ...decision, failedRules, trade };
  });
}
