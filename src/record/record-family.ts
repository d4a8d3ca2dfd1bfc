import { InvalidMetricError } from "../errors.ts";
import type {
  HistogramFamily,
  HistogramSample,
  LabelSet,
  MetricFamily,
} from "../metrics/exposition/family.ts";
import { ownDefinitions } from "../metrics/own-definitions.ts";
import { type Amount, amountOf, MAX_AMOUNT } from "./amount.ts";

/** What a run adds to, or says of, one metric family. Samples are in the order of {@link labelKey}. */
export type RecordFamily = CounterDeltas | HistogramDeltas | GaugeValues;

export type CounterDeltas = {
  readonly type: "counter";
  readonly name: string;
  readonly help?: string;
  readonly samples: readonly { readonly labels: LabelSet; readonly value: Amount }[];
};

export type HistogramDeltas = {
  readonly type: "histogram";
  readonly name: string;
  readonly help?: string;
  /** Upper bounds, ascending, without `+Inf`. */
  readonly bounds: readonly number[];
  readonly samples: readonly HistogramDelta[];
};

export type HistogramDelta = {
  readonly labels: LabelSet;
  /** Observations per bucket, not cumulative; the last one is beyond all bounds. Whole numbers. */
  readonly counts: readonly bigint[];
  readonly sum: Amount;
};

export type GaugeValues = {
  readonly type: "gauge" | "untyped";
  readonly name: string;
  readonly help?: string;
  readonly kind: GaugeKind;
  /** Gauges are not added up, so they stay doubles. */
  readonly samples: readonly { readonly labels: LabelSet; readonly value: number }[];
};

/** See `GaugeDefinition`: a success replaces the whole set of results; a status is set by any run. */
export type GaugeKind = "result" | "status";

const STATUS_GAUGES: ReadonlySet<string> = new Set(
  ownDefinitions
    .filter((definition) => definition.type === "gauge" && definition.kind === "status")
    .map(({ name }) => name),
);

/** The catalogue's kind; a gauge that it does not know is something a run found out. */
export function catalogueGaugeKind(name: string): GaugeKind {
  return STATUS_GAUGES.has(name) ? "status" : "result";
}

/**
 * What identifies a series within its family, for maps and for order. To Prometheus an empty label
 * is none, so {@link recordFamily} leaves those out.
 */
export function labelKey(labels: LabelSet): string {
  return JSON.stringify(Object.entries(labels));
}

/** By UTF-16 code units: the same everywhere, whatever the locale. */
export function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/**
 * A family as a record keeps it. Values only: names and labels are checked on the whole record.
 *
 * @param maxAmount largest count, and sum of a histogram.
 * @throws {InvalidMetricError} for a value that does not add up: not finite, a count below 0, more
 * than `maxAmount`, buckets that fall, a sample with a timestamp, and for summaries, whose quantiles cannot
 * be added.
 */
export function recordFamily(
  family: MetricFamily,
  kind: GaugeKind,
  maxAmount: number = MAX_AMOUNT,
): RecordFamily {
  const { name } = family;
  const head = family.help === undefined ? { name } : { name, help: family.help };
  for (const { labels, timestampMs } of family.samples) {
    if (timestampMs !== undefined) {
      throw refusal(name, labels, "has a timestamp; put the time in a value");
    }
  }
  switch (family.type) {
    case "counter": {
      const samples = family.samples.map(({ labels, value }) => {
        if (!(value >= 0 && value <= maxAmount)) {
          throw refusal(name, labels, `adds ${value}; a count is a number from 0 to ${maxAmount}`);
        }
        return { labels: canonicalLabels(labels), value: amountOf(value) };
      });
      return { type: family.type, ...head, samples: sorted(samples) };
    }
    case "gauge":
    case "untyped": {
      const samples = family.samples.map(({ labels, value }) => {
        if (!Number.isFinite(value)) throw refusal(name, labels, `is ${value}; a finite number is`);
        // JSON knows no -0, and nothing here may tell the two zeros apart.
        return { labels: canonicalLabels(labels), value: value === 0 ? 0 : value };
      });
      return { type: family.type, ...head, kind, samples: sorted(samples) };
    }
    case "histogram":
      return { type: family.type, ...head, ...histogramDeltas(family, maxAmount) };
    case "summary":
      throw new InvalidMetricError(
        name,
        "is a summary: quantiles of several runs cannot be added up; use a histogram",
      );
    default:
      return family satisfies never;
  }
}

function histogramDeltas({ name, samples }: HistogramFamily, maxAmount: number) {
  const bounds = boundsOf(samples[0]);
  const deltas = samples.map((sample): HistogramDelta => {
    const { labels, count, sum, buckets } = sample;
    if (boundsOf(sample).join() !== bounds.join()) {
      throw refusal(name, labels, "has other buckets than the family's first series");
    }
    if (!(Math.abs(sum) <= maxAmount)) {
      throw refusal(name, labels, `has the sum ${sum}; a sum is a number of at most ${maxAmount}`);
    }
    const ascending = buckets.toSorted((a, b) => a.upperBound - b.upperBound);
    const cumulative = ascending.map(({ cumulativeCount }) => cumulativeCount);
    // `+Inf` may be left out: it is the count.
    if (cumulative.length === bounds.length) cumulative.push(count);
    let before = 0;
    const counts = cumulative.map((upTo) => {
      if (!(Number.isInteger(upTo) && upTo >= before && upTo <= count && count <= maxAmount)) {
        const what = `counts ${upTo} in a bucket, ${before} below it and ${count} in all`;
        throw refusal(name, labels, `${what}; buckets hold whole numbers that rise to the count`);
      }
      const inBucket = upTo - before;
      before = upTo;
      return BigInt(inBucket);
    });
    if (before !== count) throw refusal(name, labels, `counts ${before} up to +Inf, not ${count}`);
    return { labels: canonicalLabels(labels), counts, sum: amountOf(sum) };
  });
  return { bounds, samples: sorted(deltas) };
}

function boundsOf(sample: HistogramSample | undefined): readonly number[] {
  const bounds = (sample?.buckets ?? []).map(({ upperBound }) => upperBound);
  return bounds.filter((bound) => bound !== Number.POSITIVE_INFINITY).sort((a, b) => a - b);
}

function canonicalLabels(labels: LabelSet): LabelSet {
  const entries = Object.entries(labels).filter(([, value]) => value !== "");
  return Object.fromEntries(entries.sort(([a], [b]) => compareText(a, b)));
}

function sorted<Sample extends { readonly labels: LabelSet }>(samples: readonly Sample[]) {
  const keyed = samples.map((sample) => ({ sample, key: labelKey(sample.labels) }));
  return keyed.sort((a, b) => compareText(a.key, b.key)).map(({ sample }) => sample);
}

function refusal(metric: string, labels: LabelSet, problem: string): InvalidMetricError {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  return new InvalidMetricError(metric, `the series {${pairs.join(",")}} ${problem}`);
}
