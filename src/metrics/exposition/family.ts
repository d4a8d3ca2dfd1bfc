/**
 * Metric families as plain data: what one read of a metric set gives, what the text format holds,
 * and what a delivery takes.
 */
export type MetricFamily = ScalarFamily | HistogramFamily | SummaryFamily;

export type LabelSet = Readonly<Record<string, string>>;

export type ScalarFamily = {
  readonly type: "counter" | "gauge" | "untyped";
  readonly name: string;
  readonly help?: string;
  readonly samples: readonly ScalarSample[];
};

export type ScalarSample = {
  readonly labels: LabelSet;
  readonly value: number;
  /** Milliseconds since the Unix epoch. Only in parsed text: a Pushgateway refuses it. */
  readonly timestampMs?: number;
};

export type HistogramFamily = {
  readonly type: "histogram";
  readonly name: string;
  readonly help?: string;
  readonly samples: readonly HistogramSample[];
};

export type HistogramSample = {
  /** Without `le`. */
  readonly labels: LabelSet;
  /** Cumulative counts in ascending order of bounds. `+Inf` may be left out: it is `count`. */
  readonly buckets: readonly Bucket[];
  readonly count: number;
  readonly sum: number;
  readonly timestampMs?: number;
};

export type Bucket = { readonly upperBound: number; readonly cumulativeCount: number };

export type SummaryFamily = {
  readonly type: "summary";
  readonly name: string;
  readonly help?: string;
  readonly samples: readonly SummarySample[];
};

export type SummarySample = {
  /** Without `quantile`. */
  readonly labels: LabelSet;
  readonly quantiles: readonly { readonly quantile: number; readonly value: number }[];
  readonly count: number;
  readonly sum: number;
  readonly timestampMs?: number;
};

/** Legacy Prometheus metric names. */
export const METRIC_NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;

/** The value of a gauge that has no labels, among families; undefined when it is not there. */
export function gaugeValue(families: readonly MetricFamily[], name: string): number | undefined {
  const family = families.find((each) => each.name === name);
  return family?.type === "gauge" ? family.samples[0]?.value : undefined;
}

/** How many lines (series) a family has in the text format. */
export function seriesCount(family: MetricFamily): number {
  switch (family.type) {
    case "histogram":
      return family.samples.reduce((lines, sample) => {
        return lines + sample.buckets.length + (hasInfiniteBucket(sample) ? 2 : 3);
      }, 0);
    case "summary":
      return family.samples.reduce((lines, { quantiles }) => lines + quantiles.length + 2, 0);
    default:
      return family.samples.length;
  }
}

/** Without it, the text format writes one with the histogram's count. Parsed ones come in any order. */
export function hasInfiniteBucket({ buckets }: HistogramSample): boolean {
  return buckets.some(({ upperBound }) => upperBound === Number.POSITIVE_INFINITY);
}
