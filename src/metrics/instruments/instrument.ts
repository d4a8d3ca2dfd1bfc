import { InvalidOptionError } from "../../errors.ts";
import { LABEL_NAME } from "../../grouping-key.ts";
import { METRIC_NAME, type MetricFamily } from "../exposition/family.ts";
import {
  Children,
  type Entry,
  type LabelCheck,
  type LabelInput,
  type LabelLimit,
} from "./children.ts";

/** prom-client's configuration of a metric, as far as it concerns all three kinds. */
export type InstrumentConfig = {
  readonly name: string;
  readonly help: string;
  readonly labelNames?: readonly string[];
  /**
   * prom-client registries (15, or `@prometheus-io/client`) to live in. There an instrument without
   * labels starts at 0, as theirs do; without a registry nothing is exposed that was not set.
   */
  readonly registers?: readonly RegistryLike[];
  /** Expose 0 at once where there are no labels. Default: whether there are registries. */
  readonly startsAtZero?: boolean;
  /** Called before each read, e.g. to set a gauge. */
  readonly collect?: () => void | Promise<void>;
  /** How prom-client's cluster mode combines workers. */
  readonly aggregator?: Aggregator;
  /** Caps the number of label sets. */
  readonly limit?: LabelLimit;
  /** Refuses label sets that could not be reported. */
  readonly check?: LabelCheck;
};

export type Aggregator = "omit" | "sum" | "first" | "min" | "max" | "average";

/** The part of prom-client's Registry that an instrument needs to live in it. */
export type RegistryLike = { registerMetric(metric: never): void };

/** What a prom-client registry reads of a metric. */
export type MetricObject = {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly aggregator: string;
  readonly values: readonly MetricValue[];
};

export type MetricValue = {
  readonly value: number;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly metricName?: string;
  readonly sharedLabels?: Readonly<Record<string, string>>;
  readonly exemplar?: null;
};

/** What one series must be able to say. */
export type Series = {
  /** False until it is first set: such a series is not reported. */
  written(): boolean;
  zero(): void;
  /** Makes it one that was not set; whoever keeps it may go on. */
  drain(): void;
};

/**
 * What counter, gauge and histogram share. Classes, since prom-client's interface is made of them.
 * `name` can be written because an OpenMetrics registry of prom-client does so.
 */
export abstract class Instrument<Child extends Series> {
  abstract get type(): "counter" | "gauge" | "histogram";
  name: string;
  readonly familyName: string;
  readonly help: string;
  readonly aggregator: Aggregator;
  readonly labelNames: readonly string[];
  readonly collect: (() => void | Promise<void>) | undefined;
  protected readonly children: Children<Child>;
  readonly #startsAtZero: boolean;

  /** @throws {Error} in prom-client's words for a name, help or label that is missing or malformed. */
  constructor(config: InstrumentConfig, createChild: () => Child) {
    const { name, help, labelNames = [], registers = [], collect, aggregator = "sum" } = config;
    if (!help) throw new Error("Missing mandatory help parameter");
    if (!name) throw new Error("Missing mandatory name parameter");
    if (!METRIC_NAME.test(name)) throw new Error("Invalid metric name");
    if (!labelNames.every((label) => LABEL_NAME.test(label))) throw new Error("Invalid label name");
    if (collect !== undefined && typeof collect !== "function") {
      throw new Error('Optional "collect" parameter must be a function');
    }
    if ((config as { enableExemplars?: boolean }).enableExemplars) {
      throw new InvalidOptionError(
        `${name}: exemplars cannot be pushed; leave enableExemplars out`,
      );
    }
    this.name = name;
    this.familyName = name;
    this.help = help;
    this.aggregator = aggregator;
    this.labelNames = [...labelNames];
    this.collect = collect;
    this.children = new Children(this.labelNames, createChild, config);
    this.#startsAtZero = (config.startsAtZero ?? registers.length > 0) && labelNames.length === 0;
    if (this.#startsAtZero) this.zero();
    for (const register of registers) register.registerMetric(this as never);
  }

  /** The child of a label set, to keep where it is written often. It exposes nothing until it is. */
  labels(...args: readonly (LabelInput | string | number)[]): Child {
    return this.children.resolveArguments(args);
  }

  /** Makes the series exist, at 0 when it is new. Never wipes what it holds. */
  zero(labels: LabelInput = {}): void {
    this.children.resolve(labels).zero();
  }

  /** Forgets one label set. A child kept from before counts nowhere from now on. */
  remove(...args: readonly (LabelInput | string | number)[]): void {
    this.children.remove(args);
  }

  /** Forgets everything; without labels and in a registry it starts at 0 again. */
  reset(): void {
    this.children.clear();
    if (this.#startsAtZero) this.zero();
  }

  /** Forgets what was set, but no child: one kept from before counts on, from nothing. */
  drain(): void {
    for (const { child } of this.children.entries()) child.drain();
  }

  /** For a prom-client registry. */
  async get(): Promise<MetricObject> {
    await this.collect?.();
    const { name, help, type, aggregator } = this;
    return { name, help, type, aggregator, values: this.values() };
  }

  /** What was set, or undefined when nothing was. */
  abstract family(): MetricFamily | undefined;

  /** The samples as prom-client's `get` gives them. */
  protected abstract values(): MetricValue[];

  /** The series that were set, in the order of their creation. */
  written(): Entry<Child>[] {
    return [...this.children.entries()].filter(({ child }) => child.written());
  }
}

/** Starts a timer; the function that it returns tells `observe` the seconds since, and returns them. */
export function startTimer<Labels extends object>(
  observe: (labels: Labels | undefined, seconds: number) => void,
  startLabels?: Labels,
): (endLabels?: Labels) => number {
  const started = performance.now();
  return (endLabels) => {
    const seconds = (performance.now() - started) / 1000;
    const labels = startLabels && endLabels ? { ...startLabels, ...endLabels } : startLabels;
    observe(labels ?? endLabels, seconds);
    return seconds;
  };
}
