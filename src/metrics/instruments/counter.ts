import type { ScalarFamily } from "../exposition/family.ts";
import type { LabelInput } from "./children.ts";
import { Instrument, type InstrumentConfig, type MetricValue } from "./instrument.ts";
import { finite } from "./value.ts";

export type CounterConfig = InstrumentConfig;

/** One counter series. Its owner may keep it: an increment is then one addition. */
export class CounterChild {
  /** Starts as a small integer: while it is one, V8 adds without touching the heap. */
  value = 0;
  /** It is there although it is 0. A field of its own would cost each increment a store. */
  zeroed = false;

  /** @throws {TypeError} for anything but a finite number; {Error} for a negative one. */
  inc(by?: number): void {
    if (by === undefined) {
      this.value += 1;
      return;
    }
    if (typeof by !== "number" || !(by >= 0 && by < Number.POSITIVE_INFINITY)) refuse(by);
    if (by === 0) this.zeroed = true;
    else this.value += by;
  }

  zero(): void {
    this.zeroed = true;
  }

  drain(): void {
    this.value = 0;
    this.zeroed = false;
  }

  written(): boolean {
    return this.value !== 0 || this.zeroed;
  }
}

/** A counter with prom-client's interface and errors. A refused increment creates no series. */
export class Counter extends Instrument<CounterChild> {
  override get type() {
    return "counter" as const;
  }

  constructor(config: CounterConfig) {
    super(config, () => new CounterChild());
  }

  inc(value?: number): void;
  inc(labels: LabelInput, value?: number): void;
  inc(labelsOrValue?: LabelInput | number, value = 1): void {
    if (typeof labelsOrValue !== "object" || labelsOrValue === null) {
      this.children.resolveValues([]).inc(labelsOrValue);
      return;
    }
    if (typeof value !== "number" || !(value >= 0 && value < Number.POSITIVE_INFINITY)) {
      refuse(value);
    }
    const child = this.children.resolve(labelsOrValue);
    if (value === 0) child.zeroed = true;
    else child.value += value;
  }

  /** Adds what `other` counted. */
  absorb(other: Counter): void {
    for (const { labels, child } of other.written()) this.children.resolve(labels).inc(child.value);
  }

  override family(): ScalarFamily | undefined {
    const samples = this.written().map(({ labels, child }) => ({ labels, value: child.value }));
    if (samples.length === 0) return undefined;
    return { type: this.type, name: this.familyName, help: this.help, samples };
  }

  protected override values(): MetricValue[] {
    return this.written().map(({ labels, child }) => ({ value: child.value, labels }));
  }
}

function refuse(value: unknown): never {
  if (finite(value) < 0) throw new Error("It is not possible to decrease a counter");
  throw new TypeError(`Value is not a valid number: ${value}`);
}
