import { InvalidOptionError } from "../errors.ts";
import { catalogue } from "../metrics/catalogue.ts";
import { withMetricSet } from "../metrics/current.ts";
import { bindDefined } from "../metrics/define-metrics.ts";
import type { JobMetrics } from "../metrics/job-metrics.ts";
import type { MetricSet } from "../metrics/metric-set.ts";
import type { MetricRegistry } from "../metrics/prom-client.ts";
import { bindInstruments } from "../metrics/run-aware.ts";
import { refuseUnknownKeys } from "../options.ts";
import type { DeliveryReport } from "../publish/delivery.ts";
import { startDeadline } from "./deadline.ts";
import { openRun, type RunDependencies } from "./open-run.ts";

export type RunOptions = {
  /** Name of the job: the `job` label of its group. */
  readonly job: string;
  /** Further labels of its group, e.g. `{ strategy: "momentum-20d", mode: "backtest" }`. */
  readonly groupingKey?: Readonly<Record<string, string>>;
  /** After it the body's signal aborts. Milliseconds; without it the body has all the time it takes. */
  readonly timeoutMs?: number;
  /** Aborts the body's signal too, e.g. on SIGTERM. */
  readonly signal?: AbortSignal;
  /** Tell the start at once, so that a run that is killed is seen to have begun. Default false. */
  readonly announceStart?: boolean;
  /**
   * prom-client registries to report with the run: of counters and histograms what they grew by
   * during it, of gauges what they hold at its end. Default process metrics are left out.
   */
  readonly registries?: readonly MetricRegistry[];
  /**
   * Names the unit of work, e.g. an event's id or a date: in a ledger its success counts once,
   * however often it is executed. Without it every execution counts.
   */
  readonly runId?: string;
  /** Told how the report went. What it throws is dropped: reporting never changes a job's outcome. */
  readonly onReport?: (report: DeliveryReport) => void;
};

export type RunContext = {
  /** This run's own instruments. */
  readonly metrics: JobMetrics;
  /** This run's own instruments of families that `defineMetrics` made. */
  readonly bind: <T extends object>(defined: T) => T;
  /** Aborts at the deadline. */
  readonly signal: AbortSignal;
};

export type JobOutcome<T> =
  | { readonly status: "succeeded"; readonly value: T }
  | { readonly status: "failed" | "timed_out" | "interrupted"; readonly error: unknown };

export type SettledJob<T> = {
  readonly outcome: JobOutcome<T>;
  readonly delivery: DeliveryReport;
};

export type JobBody<T> = (context: RunContext) => T | Promise<T>;

export type RunJobs = {
  /**
   * Runs `body`, reports how it went, then returns what it returned or throws what it threw.
   * Whatever happens to the report, the job's outcome is its own.
   *
   * @throws {InvalidOptionError} before the body starts, for options that are missing or unknown.
   */
  runJob<T>(options: RunOptions, body: JobBody<T>): Promise<T>;
  /** The same, resolving to the outcome and the fate of the report. */
  settleJob<T>(options: RunOptions, body: JobBody<T>): Promise<SettledJob<T>>;
};

const OPTIONS: readonly (keyof RunOptions)[] = [
  "job",
  "groupingKey",
  "timeoutMs",
  "signal",
  "announceStart",
  "registries",
  "runId",
  "onReport",
];

/** `runJob` and `settleJob` over a delivery. */
export function createRunJob(dependencies: RunDependencies): RunJobs {
  async function settleJob<T>(options: RunOptions, body: JobBody<T>): Promise<SettledJob<T>> {
    refuseUnknownKeys(options, OPTIONS, "runJob");
    if (typeof options.job !== "string" || options.job === "") {
      throw new InvalidOptionError("runJob: job must be a name that is not empty");
    }
    const deadline = startDeadline(options.timeoutMs, options.signal);
    const run = openRun(options, dependencies);
    if (options.registries !== undefined) await run.watch(options.registries);
    const outcome = await settleBody(run.metrics, deadline.signal, body);
    deadline.clear();
    const settled = explain(outcome, deadline.passed(), options.signal?.aborted === true);
    const delivery = await run.close(settled.status);
    tell(options.onReport, delivery);
    return { outcome: settled, delivery };
  }

  return {
    settleJob,
    async runJob(options, body) {
      const { outcome } = await settleJob(options, body);
      if (outcome.status === "succeeded") return outcome.value;
      throw outcome.error;
    },
  };
}

/** Runs a body in the run that a set belongs to. */
export async function settleBody<T>(
  metrics: MetricSet,
  signal: AbortSignal,
  body: JobBody<T>,
): Promise<JobOutcome<T>> {
  const context: RunContext = {
    metrics: bindInstruments(catalogue, metrics),
    bind: (defined) => bindDefined(defined, metrics),
    signal,
  };
  try {
    // Async, so that a thenable that starts when it is awaited starts in the run as well.
    const value = await withMetricSet(metrics, async () => body(context));
    return { status: "succeeded", value };
  } catch (error) {
    return { status: "failed", error };
  }
}

/** A body that failed after its signal had aborted failed because of it. One that succeeded, succeeded. */
export function explain<T>(
  outcome: JobOutcome<T>,
  deadlinePassed: boolean,
  callerAborted: boolean,
): JobOutcome<T> {
  if (outcome.status === "succeeded") return outcome;
  if (deadlinePassed) return { status: "timed_out", error: outcome.error };
  if (callerAborted) return { status: "interrupted", error: outcome.error };
  return outcome;
}

/** Gives a report to who asked for it. The job must not fail because somebody's logging of it does. */
export function tell(onReport: RunOptions["onReport"], report: DeliveryReport): void {
  try {
    const told: unknown = onReport?.(report);
    // It may be async; its rejection, handled nowhere, would end the process.
    Promise.resolve(told).catch(() => {});
  } catch {
    // Said in the option's doc.
  }
}
