import type { ScalarFamily } from "../exposition/family.ts";
import { childOf, createChildren, type LabelInput } from "./children.ts";
import { finite } from "./value.ts";

export type CounterConfig = {
  readonly name: string;
  readonly help: string;
  readonly labelNames?: readonly string[];
};

/** One counter series. Its owner may keep it: an increment is then one addition. */
export class CounterChild {
  /**
   * -0 until the first increment: adding anything, 0 included, makes it an ordinary number. So
   * "never written" costs the hot path neither a field nor a branch.
   */
  value = -0;

  /** @throws {TypeError} for anything but a finite number; {Error} for a negative one. */
  inc(by = 1): void {
    this.value += increment(by);
  }
}

/** A counter with prom-client's interface and errors. A refused increment creates no series. */
export class Counter {
  readonly type = "counter";
  readonly name: string;
  readonly help: string;
  readonly #children;

  constructor({ name, help, labelNames = [] }: CounterConfig) {
    this.name = name;
    this.help = help;
    this.#children = createChildren(labelNames, () => new CounterChild());
  }

  inc(value?: number): void;
  inc(labels: LabelInput, value?: number): void;
  inc(labelsOrValue?: LabelInput | number, value = 1): void {
    if (typeof labelsOrValue !== "object" || labelsOrValue === null) {
      this.#children.resolveValues([]).inc(labelsOrValue);
      return;
    }
    const by = increment(value);
    this.#children.resolve(labelsOrValue).inc(by);
  }

  labels(...args: readonly (LabelInput | string | number)[]): CounterChild {
    return childOf(this.#children, args);
  }

  /** Makes the series exist, at 0 when it is new. Never wipes what was counted. */
  zero(labels: LabelInput = {}): void {
    this.#children.resolve(labels).inc(0);
  }

  reset(): void {
    this.#children.clear();
  }

  /** Adds what `other` counted. */
  absorb(other: Counter): void {
    for (const { labels, child } of other.#written())
      this.#children.resolve(labels).inc(child.value);
  }

  /** What was counted, or undefined when nothing was. */
  family(): ScalarFamily | undefined {
    const samples = this.#written().map(({ labels, child }) => ({ labels, value: child.value }));
    if (samples.length === 0) return undefined;
    return { type: this.type, name: this.name, help: this.help, samples };
  }

  #written() {
    return this.#children.entries().filter(({ child }) => !Object.is(child.value, -0));
  }
}

function increment(value: unknown): number {
  const by = finite(value);
  if (by < 0) throw new Error("It is not possible to decrease a counter");
  // Without the addition an increment of -0 would leave the series unwritten.
  return by + 0;
}
