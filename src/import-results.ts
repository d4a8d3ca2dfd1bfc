import { configuredRuns } from "./default-delivery.ts";
import { InvalidInputError } from "./errors.ts";
import { backtestCatalogue } from "./metrics/backtest-catalogue.ts";
import { catalogue } from "./metrics/catalogue.ts";
import { report } from "./metrics/report.ts";
import { reporterCatalogue } from "./metrics/reporter-catalogue.ts";
import { updatePortfolioMetrics } from "./metrics/trading.ts";
import { refuseUnknownKeys } from "./options.ts";
import type { DeliveryReport } from "./publish/delivery.ts";
import type { ReadOptions, ReadResults } from "./results/read-results.ts";
import type { BacktestResults, ResultFormat } from "./results/results.ts";
import type { JobEntry } from "./run/mode.ts";
import type { RunDependencies } from "./run/open-run.ts";
import { createRunJob, type RunOptions } from "./run/run-job.ts";

export type ImportOptions = ReadOptions & {
  /** Path of the result file: JSON, CSV, or a zip of freqtrade. */
  readonly file: string;
  /** Name of the job: the `job` label of its group. */
  readonly job: string;
  /** Further labels of its group. Without a `mode`, and without one in closing-bell.json: backtest. */
  readonly groupingKey?: Readonly<Record<string, string>>;
  /**
   * Names the unit of work. Default: the content of the file and how it is read, so that the same file
   * counts once, however often it is imported.
   */
  readonly runId?: string;
};

export type ImportedResults = {
  readonly format: ResultFormat;
  /** Of freqtrade. */
  readonly strategy?: string;
  /** What was read, in one normal form. */
  readonly results: BacktestResults;
  /** The backtest itself failed: it was reported as a failed run, without results. */
  readonly failure?: string;
  readonly delivery: DeliveryReport;
};

const OPTIONS: readonly (keyof ImportOptions)[] = [
  "file",
  "job",
  "groupingKey",
  "runId",
  "format",
  "strategy",
  "maxBytes",
  "mapping",
];

/** Figures that are gauges without labels. */
const GAUGES = {
  trades: backtestCatalogue.backtestTrades,
  winRate: backtestCatalogue.backtestWinRateRatio,
  sharpeRatio: backtestCatalogue.backtestSharpeRatio,
  startTime: backtestCatalogue.backtestStartTimeSeconds,
  endTime: backtestCatalogue.backtestEndTimeSeconds,
} as const satisfies Partial<Record<keyof BacktestResults, unknown>>;

/** `importResults` over a delivery. */
export function createImportResults(
  dependencies: RunDependencies,
): (options: ImportOptions) => Promise<ImportedResults> {
  const { settleJob } = createRunJob({
    ...dependencies,
    jobEntry: (job) => withMode(dependencies.jobEntry?.(job)),
  });
  return async (options) => {
    refuseUnknownKeys(options, OPTIONS, "importResults");
    const { file, job, groupingKey, runId, ...reading } = options;
    const { readResults } = await import("./results/read-results.ts");
    // Before the run: of a file that is refused nothing is reported, not even a failure.
    const read = await readResults(file, reading);
    const { format, strategy, results, failure } = read;
    const run: RunOptions = {
      job,
      ...(groupingKey === undefined ? {} : { groupingKey }),
      runId: runId ?? unitOf(read, reading),
    };
    const { delivery } = await settleJob(run, () => {
      if (failure !== undefined) throw new InvalidInputError(failure);
      reportResults(results);
    });
    return {
      format,
      results,
      delivery,
      ...(strategy === undefined ? {} : { strategy }),
      ...(failure === undefined ? {} : { failure }),
    };
  };
}

/**
 * Reads what a backtester left behind (freqtrade, LEAN, backtesting.py, vectorbt, anything with a
 * mapping) and reports it as a run of a job, as the environment configures it. What the file does not
 * say is not reported.
 *
 * @throws {InvalidOptionError} for options that are none; {InvalidInputError}, in one line, for a file
 * that cannot be trusted. Nothing is reported then.
 */
export const importResults = createImportResults(
  configuredRuns(() => ({ env: process.env, cwd: process.cwd() })),
);

/** Sets what is known in the run that it is called in. */
function reportResults(results: BacktestResults): void {
  const { finalValue, cash, openPositions, totalReturnPct, maxDrawdownPct } = results;
  const { currency, fills = [] } = results;
  updatePortfolioMetrics({
    ...known("totalValue", finalValue),
    ...known("cash", cash),
    ...known("numPositions", openPositions),
    ...known("totalReturnPct", totalReturnPct),
    ...known("maxDrawdownPct", maxDrawdownPct),
  });
  for (const [name, gauge] of Object.entries(GAUGES)) {
    const value = results[name as keyof typeof GAUGES];
    if (value !== undefined) report((set) => set.get(gauge).set(value));
  }
  if (currency !== undefined) {
    report((set) => set.get(reporterCatalogue.portfolioCurrencyInfo).set({ currency }, 1));
  }
  for (const { ticker, buys, sells } of fills) {
    report((set) => {
      set.get(catalogue.tradesTotal).inc({ ticker, side: "BUY" }, buys);
      set.get(catalogue.tradesTotal).inc({ ticker, side: "SELL" }, sells);
    });
  }
}

function known<Name extends string>(name: Name, value: number | undefined) {
  return (value === undefined ? {} : { [name]: value }) as { readonly [Key in Name]?: number };
}

/** What a result file tells is a backtest's, unless the job catalogue says otherwise. */
function withMode(entry: JobEntry | undefined): JobEntry {
  const isSaid = entry?.mode !== undefined || entry?.labels?.["mode"] !== undefined;
  return isSaid ? entry : { ...entry, mode: "backtest" };
}

/** The same file, read in the same way. */
function unitOf({ sha256, format, strategy = "" }: ReadResults, { mapping }: ReadOptions): string {
  const how = JSON.stringify([format, strategy, mapping ?? null]);
  // Looked up at the first import: the library loads without it.
  const { createHash } = process.getBuiltinModule("node:crypto");
  return `results-${createHash("sha256").update(`${sha256} ${how}`).digest("hex")}`;
}
