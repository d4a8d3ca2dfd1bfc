import { type GroupingKey, groupingKey } from "../../src/grouping-key.ts";
import type {
  HistogramFamily,
  LabelSet,
  MetricFamily,
} from "../../src/metrics/exposition/family.ts";
import {
  type CompletionInput,
  completionRecord,
  type RunRecord,
} from "../../src/record/run-record.ts";

export const GROUP = groupingKey("nightly", { mode: "backtest" });

/** 2026-11-22T00:00:00Z, in Unix seconds. */
export const NIGHT = 1_795_305_600;

/** A successful run, a second after `NIGHT` unless told otherwise. */
export function success(
  executionId: string,
  families: readonly MetricFamily[] = [runsTotal()],
  others: Partial<CompletionInput> = {},
): RunRecord {
  return completionRecord({
    groupingKey: GROUP as GroupingKey,
    executionId,
    outcome: "succeeded",
    completedAt: NIGHT + 1,
    families,
    ...others,
  });
}

export function runsTotal(value = 1): MetricFamily {
  return counter("batch_job_runs_total", value, { outcome: "succeeded" });
}

export function counter(name: string, value: number, labels: LabelSet = {}): MetricFamily {
  return { type: "counter", name, samples: [{ labels, value }] };
}

export function gauge(name: string, value: number, labels: LabelSet = {}): MetricFamily {
  return { type: "gauge", name, samples: [{ labels, value }] };
}

/** Observations one by one, in buckets up to 1, 2 and beyond. */
export function histogram(name: string, observed: readonly number[]): HistogramFamily {
  const upTo = (bound: number) => observed.filter((value) => value <= bound).length;
  const buckets = [1, 2].map((bound) => ({ upperBound: bound, cumulativeCount: upTo(bound) }));
  const sum = observed.reduce((total, value) => total + value, 0);
  return {
    type: "histogram",
    name,
    samples: [{ labels: {}, buckets, count: observed.length, sum }],
  };
}

/** The value of a counter or gauge among families; undefined when it is not there. */
export function sampleValue(
  families: readonly MetricFamily[],
  name: string,
  labels: LabelSet = {},
): number | undefined {
  const family = families.find((each) => each.name === name);
  if (family === undefined || family.type === "histogram" || family.type === "summary") {
    return undefined;
  }
  const wanted = JSON.stringify(labels);
  return family.samples.find((sample) => JSON.stringify(sample.labels) === wanted)?.value;
}
