import { isProcessMetricSetServed, processMetricSet } from "../metrics/current.ts";
import type { MetricFamily } from "../metrics/exposition/family.ts";
import type { MetricSet } from "../metrics/metric-set.ts";

/**
 * Asynchronous context can get lost: a feed opened when a module loads, a callback client shared by
 * runs. What is written there lands in the process's own set. When the process serves no `/metrics`
 * and has had only this run, it can only be the run's; with several runs nobody knows whose it is,
 * so it is left where it is, and counted.
 */
let runsStarted = 0;

/** Last seen value of each series of the process's own set, to count each loss once. */
const seen = new Map<string, number>();

export function noteRunStarted(): void {
  runsStarted++;
}

/** Adds to `run` what is surely its own, and returns how many series were lost since the last call. */
export function recoverLostContext(run: MetricSet): number {
  if (isProcessMetricSetServed()) return 0;
  if (runsStarted === 1) {
    run.absorb(processMetricSet);
    return 0;
  }
  let lost = 0;
  for (const family of processMetricSet.families()) {
    for (const [series, value] of valuesOf(family)) {
      if (seen.get(series) === value) continue;
      seen.set(series, value);
      lost++;
    }
  }
  return lost;
}

function valuesOf(family: MetricFamily): (readonly [string, number])[] {
  const key = (labels: object) => `${family.name}${JSON.stringify(labels)}`;
  if (family.type === "histogram" || family.type === "summary") {
    return family.samples.map(({ labels, count }) => [key(labels), count] as const);
  }
  return family.samples.map(({ labels, value }) => [key(labels), value] as const);
}
