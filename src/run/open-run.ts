import { type Clock, systemClock } from "../clock.ts";
import { asError, ClosingBellError } from "../errors.ts";
import type { GroupingKey } from "../grouping-key.ts";
import type { RunOutcome } from "../metrics/catalogue.ts";
import { TRADING_AREAS } from "../metrics/definition.ts";
import type { MetricFamily } from "../metrics/exposition/family.ts";
import { createMetricSet, type MetricSet } from "../metrics/metric-set.ts";
import { ownDefinitions } from "../metrics/own-definitions.ts";
import type { MetricRegistry } from "../metrics/prom-client.ts";
import { watchRegistries } from "../metrics/registry-delta.ts";
import type { Delivery, DeliveryReport } from "../publish/delivery.ts";
import { newExecutionId } from "../record/run-record.ts";
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
  /** Names the unit of work: in a ledger its success counts once, however often it is executed. */
  readonly runId?: string;
};

/** Metrics that the run's own set does not hold, read when it ends, for the group that it reports to. */
export type MetricSource = (group: GroupingKey) => Promise<readonly MetricFamily[]>;

/** A run that has begun: what a body writes to, and how it is closed. */
export type OpenRun = {
  readonly metrics: MetricSet;
  /** Reads a source when the run ends. One that rejects, or not in time, is left out and named in the report. */
  add(source: MetricSource): void;
  /**
   * Takes prom-client registries into the run, from now on. Never rejects: one that cannot be read,
   * or not in time, is left out and named in the report.
   */
  watch(registries: readonly MetricRegistry[]): Promise<void>;
  /** Reports the end. Never rejects, and settles within the reporting timeout. */
  close(outcome: RunOutcome, exitCode?: number): Promise<DeliveryReport>;
};

export const DEFAULT_REPORTING_TIMEOUT_MS = 5000;

/** A user's registry may hold them under the same names. */
const TRADING_NAMES = new Set<string>(
  ownDefinitions.filter(({ area }) => TRADING_AREAS.has(area)).map(({ name }) => name),
);

/** How long a source, or a registry's `collect` hooks, may keep a run waiting. */
const READING_TIMEOUT_MS = 1000;

/** Begins a run. Never throws: whatever is wrong with its report is told when it is closed. */
export function openRun(
  { job, groupingKey = {}, announceStart = false, runId }: RunStart,
  {
    delivery,
    jobEntry,
    clock = systemClock,
    reportingTimeoutMs = DEFAULT_REPORTING_TIMEOUT_MS,
  }: RunDependencies,
): OpenRun {
  noteRunStarted();
  const metrics = createMetricSet();
  const executionId = newExecutionId();
  const startedAt = clock.now();
  const started = clock.monotonic();

  const groupOf = () => runGroupingKey(job, groupingKey, jobEntry?.(job));

  const announcement = announceStart
    ? deliverWithin(reportingTimeoutMs, async (signal) => {
        const status = startFamilies(startedAt);
        return delivery({ type: "start", groupingKey: groupOf(), executionId, status }, signal);
      })
    : undefined;

  const nothing: MetricSource = async () => [];
  const sources: MetricSource[] = [];
  async function orRefuse<T>(reading: Promise<T>, otherwise: T): Promise<T> {
    try {
      return await within(READING_TIMEOUT_MS, "reading the run's metrics", () => reading);
    } catch (error) {
      metrics.refuse(error);
      return otherwise;
    }
  }

  return {
    metrics,
    add(source) {
      sources.push(source);
    },
    async watch(registries) {
      try {
        // Each for itself: one that cannot be read does not take the others with it.
        const watched = registries.map((registry) =>
          orRefuse(watchRegistries([registry]), nothing),
        );
        sources.push(...(await Promise.all(watched)));
      } catch (error) {
        // A registry that was handed over without its array.
        metrics.refuse(error);
      }
    },
    async close(outcome, exitCode) {
      const completedAt = clock.now();
      const durationSeconds = clock.monotonic() - started;
      const lostSeries = recoverLostContext(metrics);
      const end = { outcome, startedAt, completedAt, durationSeconds, lostSeries };
      const status = endFamilies(exitCode === undefined ? end : { ...end, exitCode });
      const delivered = await deliverWithin(reportingTimeoutMs, async (signal) => {
        const group = groupOf();
        const readings = sources.map((read) => orRefuse(read(group), []));
        const foreign = (await Promise.all(readings)).flat();
        if (!metrics.isSettled()) await orRefuse(metrics.settled(), undefined);
        // In order, or the gateway could see the start after the end.
        await announcement;
        const theirs = foreign.map(({ name }) => name).filter((name) => TRADING_NAMES.has(name));
        requireMode(group, [...metrics.tradingFamilies(), ...theirs]);
        const results = [...metrics.reportFamilies(), ...foreign];
        const unit = runId === undefined ? {} : { runId };
        const head = { groupingKey: group, executionId, ...unit };
        signal.throwIfAborted();
        return delivery({ type: "completion", ...head, outcome, status, results }, signal);
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
  try {
    return await within(timeoutMs, "reporting", deliver);
  } catch (error) {
    // An error without an HTTP exchange behind it was found before anything was sent.
    const refused = error instanceof ClosingBellError && error.code !== "ERR_PUSH";
    if (refused) return { status: "refused", error };
    return { status: "failed", error: asError(error) };
  }
}

/** Rejects when `work` has not settled in time; its signal then aborts. */
async function within<T>(
  timeoutMs: number,
  what: string,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const deadline = new AbortController();
  const over = new Promise<never>((_, reject) => {
    // A turn later: work that settles when its signal aborts has the last word.
    const giveUp = () => setImmediate(() => reject(deadline.signal.reason));
    deadline.signal.addEventListener("abort", giveUp, { once: true });
  });
  const timer = setTimeout(() => {
    deadline.abort(new Error(`${what} took longer than ${timeoutMs} ms and was given up`));
  }, timeoutMs);
  try {
    return await Promise.race([work(deadline.signal), over]);
  } finally {
    clearTimeout(timer);
  }
}
