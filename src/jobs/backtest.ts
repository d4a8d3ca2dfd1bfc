import { InvalidOptionError } from "../errors.ts";
import { refuseUnknownKeys } from "../options.ts";
import type { RunJobs, SettledJob } from "../run/run-job.ts";
import { readPrices } from "./backtest/prices.ts";
import { type BacktestResult, backtestMomentum } from "./backtest/strategy.ts";

export type BacktestOptions = {
  /** Daily prices as CSV: a `file:` or `https:` URL. */
  readonly pricesUrl: string | URL;
  /** Name of the instrument in the metrics. Default `SPX`. */
  readonly ticker?: string;
  /** USD. Default 100,000. */
  readonly startCapital?: number;
  /** Time for the whole backtest, milliseconds. */
  readonly timeoutMs?: number;
  /** Names the unit of work: its success counts once, however often it is executed. */
  readonly runId?: string;
};

/** Strategy name in the grouping key. */
export const STRATEGY = "momentum-20d";

/**
 * Runs the backtest as a job: group `{job="backtest",mode="backtest",strategy="momentum-20d"}`.
 *
 * @throws {InvalidOptionError} before the run, for options that are unknown or malformed.
 */
export async function runBacktest(
  { settleJob }: Pick<RunJobs, "settleJob">,
  options: BacktestOptions,
): Promise<SettledJob<BacktestResult>> {
  refuseUnknownKeys(
    options,
    ["pricesUrl", "ticker", "startCapital", "timeoutMs", "runId"],
    "runBacktest",
  );
  const { pricesUrl, ticker = "SPX", startCapital = 100_000, timeoutMs, runId } = options;
  if (!(startCapital > 0 && Number.isFinite(startCapital))) {
    throw new InvalidOptionError(
      `runBacktest: startCapital must be an amount, got ${startCapital}`,
    );
  }
  if (!URL.canParse(String(pricesUrl))) {
    throw new InvalidOptionError("runBacktest: pricesUrl must be a file: or https: URL");
  }
  return settleJob(
    {
      job: "backtest",
      groupingKey: { strategy: STRATEGY, mode: "backtest" },
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
      ...(runId === undefined ? {} : { runId }),
    },
    async ({ signal }) => {
      const bars = await readPrices(new URL(pricesUrl), signal);
      return backtestMomentum(bars, { ticker, startCapital }, signal);
    },
  );
}
