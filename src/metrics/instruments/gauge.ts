import type { ScalarFamily } from "../exposition/family.ts";
import { childOf, createChildren, type LabelInput } from "./children.ts";
import { finite } from "./value.ts";

export type GaugeConfig = {
  readonly name: string;
  readonly help: string;
  readonly labelNames?: readonly string[];
};

/** One gauge series. */
export class GaugeChild {
  /** -0 until it is first set, as in CounterChild; setting -0 sets 0. */
  value = -0;

  /** @throws {TypeError} for NaN, an infinity or anything but a number: unknown is absent. */
  set(value: number): void {
    this.value = finite(value) + 0;
  }

  inc(by = 1): void {
    this.value += finite(by, "Delta") + 0;
  }

  dec(by = 1): void {
    this.value += 0 - finite(by, "Delta");
  }
}

/** A gauge with prom-client's interface and errors. A refused value creates no series. */
export class Gauge {
  readonly type = "gauge";
  readonly name: string;
  readonly help: string;
  readonly #children;

  constructor({ name, help, labelNames = [] }: GaugeConfig) {
    this.name = name;
    this.help = help;
    this.#children = createChildren(labelNames, () => new GaugeChild());
  }

  set(value: number): void;
  set(labels: LabelInput, value: number): void;
  set(labelsOrValue: LabelInput | number, value?: number): void {
    const [child, to] = this.#target("Value", labelsOrValue, value);
    child().set(to);
  }

  inc(value?: number): void;
  inc(labels: LabelInput, value?: number): void;
  inc(labelsOrValue: LabelInput | number = 1, value = 1): void {
    const [child, by] = this.#target("Delta", labelsOrValue, value);
    child().inc(by);
  }

  dec(value?: number): void;
  dec(labels: LabelInput, value?: number): void;
  dec(labelsOrValue: LabelInput | number = 1, value = 1): void {
    const [child, by] = this.#target("Delta", labelsOrValue, value);
    child().dec(by);
  }

  labels(...args: readonly (LabelInput | string | number)[]): GaugeChild {
    return childOf(this.#children, args);
  }

  reset(): void {
    this.#children.clear();
  }

  /** Takes over what `other` has and this one has not: a value set here is the nearer one. */
  absorb(other: Gauge): void {
    for (const { labels, child } of other.#written()) {
      const own = this.#children.resolve(labels);
      if (Object.is(own.value, -0)) own.set(child.value);
    }
  }

  /** What was set, or undefined when nothing was. */
  family(): ScalarFamily | undefined {
    const samples = this.#written().map(({ labels, child }) => ({ labels, value: child.value }));
    if (samples.length === 0) return undefined;
    return { type: this.type, name: this.name, help: this.help, samples };
  }

  /** Checks the value before the child exists. */
  #target(
    what: "Value" | "Delta",
    labelsOrValue: unknown,
    value: unknown,
  ): [() => GaugeChild, number] {
    if (typeof labelsOrValue === "object" && labelsOrValue !== null) {
      const labels = labelsOrValue as LabelInput;
      return [() => this.#children.resolve(labels), finite(value, what)];
    }
    return [() => this.#children.resolveValues([]), finite(labelsOrValue, what)];
  }

  #written() {
    return this.#children.entries().filter(({ child }) => !Object.is(child.value, -0));
  }
}
