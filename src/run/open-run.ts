import { type Clock, systemClock } from "../clock.ts";
import { ClosingBellError } from "../errors.ts";
import type { GroupingKey } from "../grouping-key.ts";
import type { RunOutcome } from "../metrics/catalogue.ts";
import { createMetricSet, type MetricSet } from "../metrics/metric-set.ts";
import type { Delivery, DeliveryReport, RunReport } from "../publish/delivery.ts";
import { noteRunStarted, recoverLostContext } from "./lost-context.ts";
import { type JobEntry, requireMode, runGroupingKey } from "./mode.ts";
import { endFamilies, startFamilies } from "./status-families.ts";

export type RunDependencies = {
  readonly delivery: Delivery;
  /** The job catalogue's entry of a job. May throw, e.g. for an unreadable configuration. */
  readonly jobEntry?: (job: string) => JobEntry | undefined;
  readonly clock?: Clock;
  /** How long reporting may take in all after the body has ended. Milliseconds, default 5000. */
  readonly reportingTimeoutMs?: number;
};

export type RunStart = {
  readonly job: string;
  readonly groupingKey?: Readonly<Record<string, string>>;
  /** Tell the start at once, so that a run that is killed is seen to have begun. */
  readonly announceStart?: boolean;
};

/** A run that has begun: what a body writes to, and how it is closed. */
export type OpenRun = {
  readonly metrics: MetricSet;
  /** Reports the end. Never rejects, and settles within the reporting timeout. */
  close(outcome: RunOutcome, exitCode?: number): Promise<DeliveryReport>;
};

export const DEFAULT_REPORTING_TIMEOUT_MS = 5000;

/** Begins a run. Never throws: whatever is wrong with its report is told when it is closed. */
export function openRun(
  { job, groupingKey = {}, announceStart = false }: RunStart,
  {
    delivery,
    jobEntry,
    clock = systemClock,
    reportingTimeoutMs = DEFAULT_REPORTING_TIMEOUT_MS,
  }: RunDependencies,
): OpenRun {
  noteRunStarted();
  const metrics = createMetricSet();
  const startedAt = clock.now();
  const started = clock.monotonic();

  async function report(
    make: (key: GroupingKey) => RunReport,
    signal: AbortSignal,
  ): Promise<DeliveryReport> {
    const key = runGroupingKey(job, groupingKey, jobEntry?.(job));
    return delivery(make(key), signal);
  }

  const announcement = announceStart
    ? deliverWithin(reportingTimeoutMs, (signal) =>
        report(
          (key) => ({ type: "start", groupingKey: key, status: startFamilies(startedAt) }),
          signal,
        ),
      )
    : undefined;

  return {
    metrics,
    async close(outcome, exitCode) {
      const completedAt = clock.now();
      const durationSeconds = clock.monotonic() - started;
      const lostSeries = recoverLostContext(metrics);
      const end = { outcome, startedAt, completedAt, durationSeconds, lostSeries };
      const status = endFamilies(exitCode === undefined ? end : { ...end, exitCode });
      const delivered = await deliverWithin(reportingTimeoutMs, async (signal) => {
        // In order, or the gateway could see the start after the end.
        await announcement;
        const completion = (groupingKey: GroupingKey): RunReport => {
          requireMode(groupingKey, metrics.tradingFamilies());
          const results = metrics.families();
          return { type: "completion", groupingKey, outcome, status, results };
        };
        signal.throwIfAborted();
        return report(completion, signal);
      });
      const refusals = metrics.refusals();
      return refusals.length === 0 ? delivered : { ...delivered, refusals };
    },
  };
}

/** Turns whatever a delivery does, throwing and hanging included, into a report in time. */
async function deliverWithin(
  timeoutMs: number,
  deliver: (signal: AbortSignal) => Promise<DeliveryReport>,
): Promise<DeliveryReport> {
  const deadline = new AbortController();
  const timer = setTimeout(() => {
    deadline.abort(new Error(`reporting took longer than ${timeoutMs} ms and was given up`));
  }, timeoutMs);
  try {
    return await Promise.race([deliver(deadline.signal), rejected(deadline.signal)]);
  } catch (error) {
    // An error without an HTTP exchange behind it was found before anything was sent.
    const refused = error instanceof ClosingBellError && error.code !== "ERR_PUSH";
    if (refused) return { status: "refused", error };
    return { status: "failed", error: error instanceof Error ? error : new Error(String(error)) };
  } finally {
    clearTimeout(timer);
  }
}

function rejected(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}
