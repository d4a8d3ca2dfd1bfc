import { InvalidOptionError } from "../errors.ts";
import { refuseUnknownKeys } from "../options.ts";
import type { RunJobs, SettledJob } from "../run/run-job.ts";
import { readPrices } from "./backtest/prices.ts";
import { type BacktestResult, backtestMomentum } from "./backtest/strategy.ts";

export type BacktestInput = {
  /** Daily prices as CSV: a `file:` or `https:` URL. */
  readonly pricesUrl: string | URL;
  /** Name of the instrument in the metrics. Default `SPX`. */
  readonly ticker?: string;
  /** USD. Default 100,000. */
  readonly startCapital?: number;
};

export type BacktestOptions = BacktestInput & {
  /** Time for the whole backtest, milliseconds. */
  readonly timeoutMs?: number;
  /** Names the unit of work: its success counts once, however often it is executed. */
  readonly runId?: string;
};

/** Strategy name in the grouping key. */
export const STRATEGY = "momentum-20d";

/** Labels of its group beside the job. */
export const BACKTEST_LABELS = { strategy: STRATEGY, mode: "backtest" } as const;

const INPUT: readonly (keyof BacktestInput)[] = ["pricesUrl", "ticker", "startCapital"];

/**
 * Runs the backtest as a job: group `{job="backtest",mode="backtest",strategy="momentum-20d"}`.
 *
 * @throws {InvalidOptionError} before the run, for options that are unknown or malformed.
 */
export async function runBacktest(
  { settleJob }: Pick<RunJobs, "settleJob">,
  options: BacktestOptions,
): Promise<SettledJob<BacktestResult>> {
  const { timeoutMs, runId, ...input } = options;
  const backtest = prepareBacktest(input);
  return settleJob(
    {
      job: "backtest",
      groupingKey: BACKTEST_LABELS,
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
      ...(runId === undefined ? {} : { runId }),
    },
    ({ signal }) => backtest(signal),
  );
}

/**
 * The backtest itself, to be called in the run that it reports to.
 *
 * @throws {InvalidOptionError} at once, for input that is unknown or malformed.
 */
export function prepareBacktest(
  input: BacktestInput,
): (signal: AbortSignal) => Promise<BacktestResult> {
  refuseUnknownKeys(input, INPUT, "backtest");
  const { pricesUrl, ticker = "SPX", startCapital = 100_000 } = input;
  if (!(startCapital > 0 && Number.isFinite(startCapital))) {
    throw new InvalidOptionError(`backtest: startCapital must be an amount, got ${startCapital}`);
  }
  if (!URL.canParse(String(pricesUrl))) {
    throw new InvalidOptionError("backtest: pricesUrl must be a file: or https: URL");
  }
  return async (signal) => {
    const bars = await readPrices(new URL(pricesUrl), signal);
    return backtestMomentum(bars, { ticker, startCapital }, signal);
  };
}
