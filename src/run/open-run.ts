import { type Clock, systemClock, systemTimer, type Timer } from "../clock.ts";
import { asError, ClosingBellError } from "../errors.ts";
import { type RunOutcome, runCatalogue } from "../metrics/catalogue.ts";
import { TRADING_AREAS } from "../metrics/definition.ts";
import type { MetricFamily } from "../metrics/exposition/family.ts";
import { createMetricSet, type MetricSet } from "../metrics/metric-set.ts";
import { ownDefinitions } from "../metrics/own-definitions.ts";
import type { MetricRegistry } from "../metrics/prom-client.ts";
import type { Delivery, DeliveryReport } from "../publish/delivery.ts";
import { catalogueGaugeKind } from "../record/record-family.ts";
import { newExecutionId } from "../record/run-record.ts";
import { withinTime } from "../time-limit.ts";
import {
  createForeignMetrics,
  type MetricSource,
  READING_TIMEOUT_MS,
  type ReadingLimit,
} from "./foreign-metrics.ts";
import { noteRunStarted, recoverLostContext } from "./lost-context.ts";
import { type JobEntry, requireMode, runGroupingKey } from "./mode.ts";
import { reportingLimit, unlessAborted } from "./reporting-limit.ts";
import { endFamilies, startFamilies } from "./status-families.ts";

export type RunDependencies = {
  readonly delivery: Delivery;
  /** The job catalogue's entry of a job. May throw, e.g. for an unreadable configuration. */
  readonly jobEntry?: (job: string) => JobEntry | undefined;
  readonly clock?: Clock;
  /** Measures the reporting timeout. */
  readonly timer?: Timer;
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
  /**
   * Reports the end, and empties `metrics`: what is counted after it is for `closeLate`. Never
   * rejects, and settles within the reporting timeout.
   */
  close(outcome: RunOutcome, closing?: Closing): Promise<DeliveryReport>;
  /**
   * Reports what was counted since the run was closed, e.g. by a body that outlived its deadline.
   * Undefined when that is nothing. Called after `close` has settled; may be repeated. Never rejects.
   */
  closeLate(closing?: Pick<Closing, "timeoutMs">): Promise<DeliveryReport | undefined>;
};

export type Closing = {
  /** Of a command. */
  readonly exitCode?: number;
  /**
   * How long the report may take in all. Milliseconds, default the run's reporting timeout. With 0
   * nothing is sent or stored: the delivery gets a signal that is aborted, and a ledger's writes the
   * record to the log.
   */
  readonly timeoutMs?: number;
  /** The body has not ended: the run is recorded and not published, and nobody waits for its updates. */
  readonly isEarly?: boolean;
};

export const DEFAULT_REPORTING_TIMEOUT_MS = 5000;

/** A user's registry may hold them under the same names. */
const TRADING_NAMES = new Set<string>(
  ownDefinitions.filter(({ area }) => TRADING_AREAS.has(area)).map(({ name }) => name),
);

/** Begins a run. Never throws: whatever is wrong with its report is told when it is closed. */
export function openRun(
  { job, groupingKey = {}, announceStart = false, runId }: RunStart,
  {
    delivery,
    jobEntry,
    clock = systemClock,
    timer = systemTimer,
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
    ? deliverWithin({ milliseconds: reportingTimeoutMs, timer }, async (signal) => {
        const status = startFamilies(startedAt);
        return delivery({ type: "start", groupingKey: groupOf(), executionId, status }, signal);
      })
    : undefined;

  const foreignMetrics = createForeignMetrics(metrics, timer);
  let refusalsTold = 0;
  /** A report in time, with the refusals that none before it has named. */
  async function report<R extends DeliveryReport | undefined>(
    timeoutMs: number,
    deliver: (limit: ReadingLimit) => Promise<R>,
  ): Promise<R | DeliveryReport> {
    // Most of the time is the delivery's, so that what can be read is not lost for what cannot.
    const milliseconds = Math.min(READING_TIMEOUT_MS, timeoutMs / 4);
    const delivered = await deliverWithin({ milliseconds: timeoutMs, timer }, (signal) =>
      deliver({ signal, milliseconds }),
    );
    const refusals = metrics.refusals().slice(refusalsTold);
    if (delivered === undefined || refusals.length === 0) return delivered;
    refusalsTold += refusals.length;
    return { ...delivered, refusals };
  }

  let lateReports = 0;
  /** Unix seconds of the newest report. */
  let toldAt = startedAt;

  return {
    metrics,
    add: foreignMetrics.add,
    watch: foreignMetrics.watch,
    async close(outcome, { exitCode, timeoutMs = reportingTimeoutMs, isEarly = false } = {}) {
      const completedAt = clock.now();
      toldAt = completedAt;
      const durationSeconds = clock.monotonic() - started;
      const lostSeries = recoverLostContext(metrics);
      const end = { outcome, startedAt, completedAt, durationSeconds, lostSeries };
      const status = endFamilies(exitCode === undefined ? end : { ...end, exitCode });
      return report(timeoutMs, async (limit) => {
        const { signal } = limit;
        const group = groupOf();
        const foreign = await foreignMetrics.read(group, limit);
        // What a body that goes on is still working out comes late.
        if (!isEarly) await foreignMetrics.settle(limit);
        // In order, or the gateway could see the start after the end.
        if (announcement !== undefined) await unlessAborted(signal, announcement);
        requireMode(group, [...metrics.tradingFamilies(), ...tradingNames(foreign)]);
        const results = [...metrics.drain(), ...foreign];
        const unit = runId === undefined ? {} : { runId };
        const head = { groupingKey: group, executionId, ...unit };
        const tail = isEarly ? { isEarly } : {};
        return delivery({ type: "completion", ...head, outcome, status, results, ...tail }, signal);
      });
    },
    async closeLate({ timeoutMs = reportingTimeoutMs } = {}) {
      const lostSeries = recoverLostContext(metrics);
      if (lostSeries > 0) metrics.get(runCatalogue.lostContextTotal).inc(lostSeries);
      return report(timeoutMs, async (limit) => {
        const foreign = await foreignMetrics.readGrowth(limit);
        await foreignMetrics.settle(limit);
        const isNew = [...metrics.reportFamilies(), ...foreign].some(countsLate);
        if (!isNew) return undefined;
        const group = groupOf();
        requireMode(group, [...metrics.tradingFamilies(), ...tradingNames(foreign)]);
        const results = [...metrics.drain(), ...foreign].filter(countsLate);
        const part = `${++lateReports}`;
        // Of two gauges the later one counts: ours, whatever the wall clock did in between.
        toldAt = Math.max(clock.now(), toldAt + 0.001);
        const head = { groupingKey: group, executionId, part, at: toldAt };
        return delivery({ type: "late", ...head, results }, limit.signal);
      });
    },
  };
}

function tradingNames(families: readonly MetricFamily[]): readonly string[] {
  return families.map(({ name }) => name).filter((name) => TRADING_NAMES.has(name));
}

/** A run that was closed has no more results. */
function countsLate({ name, type }: MetricFamily): boolean {
  return type !== "gauge" || catalogueGaugeKind(name) === "status";
}

/** Turns whatever a delivery does, throwing and hanging included, into a report in time. */
async function deliverWithin<R extends DeliveryReport | undefined>(
  limit: { readonly milliseconds: number; readonly timer: Timer },
  deliver: (signal: AbortSignal) => Promise<R>,
): Promise<R | DeliveryReport> {
  try {
    return await withinTime(reportingLimit("reporting", limit), deliver);
  } catch (error) {
    // An error without an HTTP exchange behind it was found before anything was sent.
    const refused = error instanceof ClosingBellError && error.code !== "ERR_PUSH";
    if (refused) return { status: "refused", error };
    return { status: "failed", error: asError(error) };
  }
}
