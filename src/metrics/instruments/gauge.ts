import type { ScalarFamily } from "../exposition/family.ts";
import type { LabelInput } from "./children.ts";
import { Instrument, type InstrumentConfig, type MetricValue, startTimer } from "./instrument.ts";
import { finite } from "./value.ts";

export type GaugeConfig = InstrumentConfig;

/** One gauge series. */
export class GaugeChild {
  /** NaN until it is first set: no gauge can be set to it, so being unset needs no field of its own. */
  value = Number.NaN;
  /** What `inc` and `dec` start from while it is unset: what it held when it was drained. */
  base = 0;

  /** @throws {TypeError} for NaN, an infinity or anything but a number: unknown is absent. */
  set(value: number): void {
    if (!Number.isFinite(value)) finite(value);
    this.value = value;
  }

  inc(by = 1): void {
    const delta = finite(by, "Delta");
    this.value = (this.written() ? this.value : this.base) + delta;
  }

  dec(by = 1): void {
    this.inc(-finite(by, "Delta"));
  }

  /** Sets the Unix time in seconds. */
  setToCurrentTime(): void {
    this.set(Date.now() / 1000);
  }

  /** Starts a timer; calling the result sets the seconds since. */
  startTimer(): () => number {
    return startTimer((_, seconds) => this.set(seconds));
  }

  zero(): void {
    if (!this.written()) this.value = 0;
  }

  drain(): void {
    if (!this.written()) return;
    this.base = this.value;
    this.value = Number.NaN;
  }

  written(): boolean {
    return !Number.isNaN(this.value);
  }
}

/** A gauge with prom-client's interface and errors. A refused value creates no series. */
export class Gauge extends Instrument<GaugeChild> {
  override get type() {
    return "gauge" as const;
  }

  constructor(config: GaugeConfig) {
    super(config, () => new GaugeChild());
  }

  set(value: number): void;
  set(labels: LabelInput, value: number): void;
  set(labelsOrValue: LabelInput | number, value?: number): void {
    if (typeof labelsOrValue === "object" && labelsOrValue !== null) {
      // Before the child exists: a refused value creates no series.
      const to = finite(value);
      this.children.resolve(labelsOrValue).set(to);
    } else this.children.resolveValues([]).set(labelsOrValue);
  }

  inc(value?: number): void;
  inc(labels: LabelInput, value?: number): void;
  inc(labelsOrValue: LabelInput | number = 1, value = 1): void {
    if (typeof labelsOrValue === "object" && labelsOrValue !== null) {
      const by = finite(value, "Delta");
      this.children.resolve(labelsOrValue).inc(by);
    } else this.children.resolveValues([]).inc(labelsOrValue);
  }

  dec(value?: number): void;
  dec(labels: LabelInput, value?: number): void;
  dec(labelsOrValue: LabelInput | number = 1, value = 1): void {
    if (typeof labelsOrValue === "object" && labelsOrValue !== null) {
      const by = finite(value, "Delta");
      this.children.resolve(labelsOrValue).dec(by);
    } else this.children.resolveValues([]).dec(labelsOrValue);
  }

  /** Sets the Unix time in seconds. */
  setToCurrentTime(labels: LabelInput = {}): void {
    this.children.resolve(labels).setToCurrentTime();
  }

  /** Starts a timer; calling the result, with further labels if need be, sets the seconds since. */
  startTimer(labels?: LabelInput): (labels?: LabelInput) => number {
    return startTimer((all: LabelInput | undefined, seconds) => {
      this.set(all ?? {}, seconds);
    }, labels);
  }

  /** Takes over what `other` has and this one has not: a value set here is the nearer one. */
  absorb(other: Gauge): void {
    for (const { labels, child } of other.written()) {
      const own = this.children.resolve(labels);
      if (!own.written()) own.set(child.value);
    }
  }

  override family(): ScalarFamily | undefined {
    const samples = this.written().map(({ labels, child }) => ({ labels, value: child.value + 0 }));
    if (samples.length === 0) return undefined;
    return { type: this.type, name: this.familyName, help: this.help, samples };
  }

  protected override values(): MetricValue[] {
    return this.written().map(({ labels, child }) => ({ value: child.value + 0, labels }));
  }
}
