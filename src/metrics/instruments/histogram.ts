import { inspect } from "node:util";
import { InvalidMetricError } from "../../errors.ts";
import type { Bucket, HistogramFamily } from "../exposition/family.ts";
import { childOf, createChildren, type LabelInput } from "./children.ts";
import { finite } from "./value.ts";

export type HistogramConfig = {
  readonly name: string;
  readonly help: string;
  readonly labelNames?: readonly string[];
  /** Upper bounds, finite and strictly ascending; `+Inf` is implied. */
  readonly buckets: readonly number[];
};

/** One histogram series. */
export class HistogramChild {
  readonly bounds: readonly number[];
  /** Observations per bucket, not cumulative; the last one is `+Inf`. */
  readonly counts: Float64Array;
  /** -0 until the first observation or `zero`. */
  sum = -0;

  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.counts = new Float64Array(bounds.length + 1);
  }

  /** @throws {TypeError} for anything but a finite number. */
  observe(value: number): void {
    const observed = finite(value);
    let bucket = 0;
    while (bucket < this.bounds.length && observed > (this.bounds[bucket] as number)) bucket++;
    this.counts[bucket] = (this.counts[bucket] as number) + 1;
    this.sum += observed + 0;
  }

  zero(): void {
    this.sum += 0;
  }

  written(): boolean {
    return !Object.is(this.sum, -0);
  }

  add(other: HistogramChild): void {
    for (const [bucket, count] of other.counts.entries()) {
      this.counts[bucket] = (this.counts[bucket] as number) + count;
    }
    this.sum += other.sum;
  }
}

/** A histogram with prom-client's interface and errors. */
export class Histogram {
  readonly type = "histogram";
  readonly name: string;
  readonly help: string;
  readonly bounds: readonly number[];
  readonly #children;

  /** @throws {InvalidMetricError} for bounds that are not finite and strictly ascending. */
  constructor({ name, help, labelNames = [], buckets }: HistogramConfig) {
    const bounds = [...buckets];
    for (const [index, bound] of bounds.entries()) {
      if (!Number.isFinite(bound) || bound <= (bounds[index - 1] ?? Number.NEGATIVE_INFINITY)) {
        throw new InvalidMetricError(
          name,
          `buckets must be finite and strictly ascending, got ${inspect(buckets)}`,
        );
      }
    }
    this.name = name;
    this.help = help;
    this.bounds = bounds;
    this.#children = createChildren(labelNames, () => new HistogramChild(bounds));
  }

  observe(value: number): void;
  observe(labels: LabelInput, value: number): void;
  observe(labelsOrValue: LabelInput | number, value?: number): void {
    if (typeof labelsOrValue !== "object" || labelsOrValue === null) {
      this.#children.resolveValues([]).observe(labelsOrValue);
      return;
    }
    const observed = finite(value);
    this.#children.resolve(labelsOrValue).observe(observed);
  }

  labels(...args: readonly (LabelInput | string | number)[]): HistogramChild {
    return childOf(this.#children, args);
  }

  /** Makes the series exist, with zeros when it is new. Never wipes what was observed. */
  zero(labels: LabelInput = {}): void {
    this.#children.resolve(labels).zero();
  }

  reset(): void {
    this.#children.clear();
  }

  /** Adds what `other`, with the same bounds, observed. */
  absorb(other: Histogram): void {
    for (const { labels, child } of other.#written()) this.#children.resolve(labels).add(child);
  }

  /** What was observed, or undefined when nothing was. */
  family(): HistogramFamily | undefined {
    const samples = this.#written().map(({ labels, child }) => {
      let count = 0;
      const cumulative = Array.from(child.counts, (inBucket) => {
        count += inBucket;
        return count;
      });
      const buckets = this.bounds.map(
        (upperBound, index): Bucket => ({ upperBound, cumulativeCount: cumulative[index] ?? 0 }),
      );
      return { labels, buckets, count, sum: child.sum };
    });
    if (samples.length === 0) return undefined;
    return { type: this.type, name: this.name, help: this.help, samples };
  }

  #written() {
    return this.#children.entries().filter(({ child }) => child.written());
  }
}
