import { InvalidOptionError } from "../errors.ts";
import { refuseUnknownKeys } from "../options.ts";
import type { RunJobs, SettledJob } from "../run/run-job.ts";
import type { Agent } from "./analysis/agent.ts";
import { type AnalysisOptions, checkOptions } from "./analysis/options.ts";
import { createRuleAgent } from "./analysis/rule-agent.ts";
import { type AnalysisResult, runAnalysis } from "./analysis/run-analysis.ts";
import { readPrices } from "./backtest/prices.ts";

export type AnalysisInput = Omit<AnalysisOptions, "prices" | "agent" | "signal"> & {
  /**
   * Daily prices as CSV: a `file:` or `https:` URL, with `{ticker}` where the ticker stands. Without
   * it there can be one ticker only.
   */
  readonly pricesUrl: string | URL;
};

export type AnalysisJobOptions = AnalysisInput & {
  /** Who decides. Default: rules, see `createRuleAgent`. */
  readonly agent?: Agent;
  /** Whose analysis it is: `backtest`, `paper` or `live`. Default `paper`: no order is ever sent. */
  readonly mode?: string;
  /** Time for the whole analysis, milliseconds. */
  readonly timeoutMs?: number;
  /** Names the unit of work: its success counts once, however often it is executed. */
  readonly runId?: string;
};

const INPUT: readonly (keyof AnalysisInput)[] = [
  "tickers",
  "pricesUrl",
  "day",
  "portfolio",
  "limits",
  "atOnce",
  "tickerTimeoutMs",
];

/** `{ticker}` as it is written, and as a URL object spells it in a path. */
const PLACEHOLDER = /\{ticker\}|%7Bticker%7D/gi;

/**
 * Runs the analysis as a job, in the group `{job="analysis",mode="paper",strategy=<agent's model>}`:
 * so figures of two models can be compared.
 *
 * @throws {InvalidOptionError} before the run, for options that are unknown or malformed.
 */
export async function analysisJob(
  { settleJob }: Pick<RunJobs, "settleJob">,
  options: AnalysisJobOptions,
): Promise<SettledJob<AnalysisResult>> {
  const { agent = createRuleAgent(), mode = "paper", timeoutMs, runId, ...input } = options;
  const analyse = prepareAnalysis(input, agent);
  return settleJob(
    {
      job: "analysis",
      groupingKey: { strategy: agent.model, mode },
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
      ...(runId === undefined ? {} : { runId }),
    },
    ({ signal }) => analyse(signal),
  );
}

/**
 * The analysis itself, to be called in the run that it reports to.
 *
 * @throws {InvalidOptionError} at once, for input that is unknown or malformed.
 */
export function prepareAnalysis(
  input: AnalysisInput,
  agent: Agent,
): (signal: AbortSignal) => Promise<AnalysisResult> {
  refuseUnknownKeys(input, INPUT, "analysis");
  const { pricesUrl, ...others } = input;
  const analysis = { ...others, agent, prices: pricesFrom(pricesUrl, input.tickers) };
  checkOptions(analysis);
  return (signal) => runAnalysis({ ...analysis, signal });
}

/** @throws {InvalidOptionError} for what is no URL, and for one URL for several tickers. */
function pricesFrom(
  pricesUrl: string | URL,
  tickers: readonly string[],
): AnalysisOptions["prices"] {
  const template = String(pricesUrl);
  if (!URL.canParse(template)) {
    throw new InvalidOptionError("analysis: pricesUrl must be a file: or https: URL");
  }
  if (template.search(PLACEHOLDER) < 0 && tickers?.length > 1) {
    throw new InvalidOptionError(
      "analysis: pricesUrl must say where the ticker stands, e.g. https://host/{ticker}.csv",
    );
  }
  return (ticker, signal) =>
    readPrices(new URL(template.replace(PLACEHOLDER, () => encodeURIComponent(ticker))), signal);
}
