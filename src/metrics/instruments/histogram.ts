import { inspect } from "node:util";
import { InvalidMetricError } from "../../errors.ts";
import type { Bucket, HistogramFamily } from "../exposition/family.ts";
import type { Entry, LabelInput } from "./children.ts";
import {
  Instrument,
  type InstrumentConfig,
  type MetricObject,
  type MetricValue,
  startTimer,
} from "./instrument.ts";
import { finite } from "./value.ts";

export type HistogramConfig = InstrumentConfig & {
  /** Upper bounds, finite and strictly ascending; `+Inf` is implied. Default: prom-client's. */
  readonly buckets?: readonly number[];
};

/** prom-client's default: seconds of a web request. */
const DEFAULT_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** One histogram series. */
export class HistogramChild {
  readonly bounds: readonly number[];
  /** Observations per bucket, not cumulative; the last one is `+Inf`. */
  readonly counts: Float64Array;
  sum = 0;
  /** It is there although it observed nothing. */
  zeroed = false;

  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.counts = new Float64Array(bounds.length + 1);
  }

  /** @throws {TypeError} for anything but a finite number. */
  observe(value: number): void {
    if (!Number.isFinite(value)) finite(value);
    const { bounds, counts } = this;
    const last = bounds.length;
    let bucket = 0;
    // From the front: twelve bounds are done before a binary search has set itself up.
    while (bucket < last && value > (bounds[bucket] as number)) bucket++;
    counts[bucket] = (counts[bucket] as number) + 1;
    this.sum += value;
  }

  /** Starts a timer; calling the result observes the seconds since. */
  startTimer(): () => number {
    return startTimer((_, seconds) => this.observe(seconds));
  }

  zero(): void {
    this.zeroed = true;
  }

  drain(): void {
    this.counts.fill(0);
    this.sum = 0;
    this.zeroed = false;
  }

  written(): boolean {
    return this.zeroed || this.counts.some((count) => count > 0);
  }

  add(other: HistogramChild): void {
    for (const [bucket, count] of other.counts.entries()) {
      this.counts[bucket] = (this.counts[bucket] as number) + count;
    }
    this.sum += other.sum;
    this.zeroed ||= other.zeroed;
  }

  /** Cumulative counts per bound; the last one, `+Inf`, is the count. */
  cumulative(): number[] {
    let count = 0;
    return Array.from(this.counts, (inBucket) => {
      count += inBucket;
      return count;
    });
  }
}

/** A histogram with prom-client's interface and errors. */
export class Histogram extends Instrument<HistogramChild> {
  override get type() {
    return "histogram" as const;
  }
  readonly bounds: readonly number[];

  /** @throws {InvalidMetricError} for bounds that are not finite and strictly ascending. */
  constructor(config: HistogramConfig) {
    const bounds = [...(config.buckets ?? DEFAULT_BUCKETS)];
    checkBounds(config.name, bounds);
    if (config.labelNames?.includes("le")) throw new Error("le is a reserved label keyword");
    // An array that once held a fraction stays an array of doubles: with whole bounds too, all
    // histograms then share one shape, and `observe` stays compiled for it.
    const doubles = [0.5, ...bounds];
    doubles.shift();
    super(config, () => new HistogramChild(doubles));
    this.bounds = bounds;
  }

  observe(value: number): void;
  observe(labels: LabelInput, value: number): void;
  observe(labelsOrValue: LabelInput | number, value?: number): void {
    if (typeof labelsOrValue === "object" && labelsOrValue !== null) {
      // Before the child exists: a refused value creates no series.
      const observed = finite(value);
      this.children.resolve(labelsOrValue).observe(observed);
    } else this.children.resolveValues([]).observe(labelsOrValue);
  }

  /** Starts a timer; calling the result, with further labels if need be, observes the seconds since. */
  startTimer(labels?: LabelInput): (labels?: LabelInput) => number {
    return startTimer((all: LabelInput | undefined, seconds) => {
      this.observe(all ?? {}, seconds);
    }, labels);
  }

  /** Adds what `other`, with the same bounds, observed. */
  absorb(other: Histogram): void {
    for (const { labels, child } of other.written()) this.children.resolve(labels).add(child);
  }

  override family(): HistogramFamily | undefined {
    const samples = this.written().map(({ labels, child }) => {
      const cumulative = child.cumulative();
      const buckets = this.bounds.map(
        (upperBound, index): Bucket => ({ upperBound, cumulativeCount: cumulative[index] ?? 0 }),
      );
      return { labels, buckets, count: cumulative.at(-1) ?? 0, sum: child.sum };
    });
    if (samples.length === 0) return undefined;
    return { type: this.type, name: this.familyName, help: this.help, samples };
  }

  /** For a prom-client registry's text: what all lines of a series share is kept apart. */
  async getForPromString(): Promise<MetricObject> {
    await this.collect?.();
    const { name, help, type, aggregator } = this;
    const values = this.written().flatMap((entry) => this.#lines(entry));
    return { name, help, type, aggregator, values };
  }

  protected override values(): MetricValue[] {
    return this.written().flatMap((entry) =>
      this.#lines(entry).map(({ sharedLabels, labels, ...line }) => ({
        ...line,
        labels: { ...labels, ...sharedLabels },
      })),
    );
  }

  #lines({ labels: sharedLabels, child }: Entry<HistogramChild>): MetricValue[] {
    const { name } = this;
    const cumulative = child.cumulative();
    const count = cumulative.at(-1) ?? 0;
    const bucket = (le: number | string, value: number): MetricValue => ({
      labels: { le },
      sharedLabels,
      value,
      metricName: `${name}_bucket`,
      exemplar: null,
    });
    return [
      ...this.bounds.map((bound, index) => bucket(bound, cumulative[index] ?? 0)),
      bucket("+Inf", count),
      { labels: {}, sharedLabels, value: child.sum, metricName: `${name}_sum` },
      { labels: {}, sharedLabels, value: count, metricName: `${name}_count` },
    ];
  }
}

function checkBounds(name: string, bounds: readonly number[]): void {
  for (const [index, bound] of bounds.entries()) {
    if (!Number.isFinite(bound) || bound <= (bounds[index - 1] ?? Number.NEGATIVE_INFINITY)) {
      throw new InvalidMetricError(
        name,
        `buckets must be finite and strictly ascending, got ${inspect(bounds)}`,
      );
    }
  }
}
