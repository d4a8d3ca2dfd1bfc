import { type RunOutcome, runCatalogue } from "../metrics/catalogue.ts";
import type { MetricFamily } from "../metrics/exposition/family.ts";
import { createMetricSet } from "../metrics/metric-set.ts";

/** What a run knows of itself when it ends. Times are Unix seconds. */
export type RunEnd = {
  readonly outcome: RunOutcome;
  readonly startedAt: number;
  readonly completedAt: number;
  readonly durationSeconds: number;
  /** Of a command; 128 + n when signal n ended it. */
  readonly exitCode?: number;
  /** Series that were written outside of any run and belong to none. */
  readonly lostSeries: number;
};

/**
 * With the outcomes at 0: a series is held at 0 for a while when it is new, and of a run that takes
 * longer than that the outcome then shows at once.
 */
export function startFamilies(startedAt: number): readonly MetricFamily[] {
  const set = createMetricSet();
  set.get(runCatalogue.lastStartTimestampSeconds).set(startedAt);
  set.get(runCatalogue.runsTotal).inc({ outcome: "succeeded" }, 0);
  return set.reportFamilies();
}

/** A failed run leaves the time of the last success out, so that the one before it stays. */
export function endFamilies(end: RunEnd): readonly MetricFamily[] {
  const set = createMetricSet();
  set.get(runCatalogue.lastStartTimestampSeconds).set(end.startedAt);
  set.get(runCatalogue.lastCompletionTimestampSeconds).set(end.completedAt);
  if (end.outcome === "succeeded") {
    set.get(runCatalogue.lastSuccessTimestampSeconds).set(end.completedAt);
  }
  set.get(runCatalogue.durationSeconds).set(end.durationSeconds);
  if (end.exitCode !== undefined) set.get(runCatalogue.exitCode).set(end.exitCode);
  set.get(runCatalogue.runsTotal).inc({ outcome: end.outcome });
  if (end.lostSeries > 0) set.get(runCatalogue.lostContextTotal).inc(end.lostSeries);
  return set.reportFamilies();
}
