import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { settleJob } from "../../src/default-delivery.ts";
import { analysisJob } from "../../src/jobs/analysis.ts";
import { runBacktest } from "../../src/jobs/backtest.ts";

/** The demo's jobs, by name. Each run is a process of its own, as a scheduler starts it. */
const JOBS = {
  backtest: () => runBacktest({ settleJob }, { pricesUrl: prices() }),
  analysis: () => analysisJob({ settleJob }, { pricesUrl: prices(), tickers: ["SPX"] }),
} as const;

export type StackJob = keyof typeof JOBS;

export const STACK_JOBS = Object.keys(JOBS) as readonly StackJob[];

/** Runs a job once and reports it as the environment says. @throws when it failed or was not recorded. */
export async function runStackJob(name: StackJob): Promise<void> {
  const { outcome, delivery } = await JOBS[name]();
  if (outcome.status !== "succeeded") throw outcome.error;
  if (delivery.status !== "recorded")
    throw new Error(`${name} was not recorded: ${delivery.status}`);
}

/** Daily S&P 500 prices, out of the development dependency that holds them. */
function prices(): URL {
  const main = createRequire(import.meta.url).resolve("vega-datasets");
  return pathToFileURL(join(dirname(main), "..", "data", "sp500-2000.csv"));
}
