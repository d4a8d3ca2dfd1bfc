import { InvalidMetricError, messageOf } from "../errors.ts";
import { labelValueProblem } from "../grouping-key.ts";
import { runCatalogue } from "./catalogue.ts";
import {
  type CounterDefinition,
  type Definition,
  type GaugeDefinition,
  type HistogramDefinition,
  type LabelsOf,
  TRADING_AREAS,
} from "./definition.ts";
import type { LabelSet, MetricFamily } from "./exposition/family.ts";
import { bornTogether } from "./instruments/born-together.ts";
import { Counter, type CounterChild } from "./instruments/counter.ts";
import { Gauge, type GaugeChild } from "./instruments/gauge.ts";
import { Histogram, type HistogramChild } from "./instruments/histogram.ts";

/** The metrics of one run, or of the process. */
export type MetricSet = {
  /** The instrument of a definition in this set. Asking for it reports nothing: setting it does. */
  get<D extends Definition>(definition: D): InstrumentOf<D>;
  /** What was set and nothing else, in the order of first use. */
  families(): readonly MetricFamily[];
  /**
   * What a run reports: the same, and of counters and histograms also the label sets at 0 that
   * enumerated values (action, side, result, layer, outcome) make of those that were set. Changes
   * nothing in the set.
   */
  reportFamilies(): readonly MetricFamily[];
  /**
   * The same, and empties the set: what is told once is not told again. Children that somebody keeps
   * count on from nothing, and gauges go up and down from where they stood. What was refused stays.
   */
  drain(): readonly MetricFamily[];
  /** Names of the families that were set and that need a `mode`. */
  tradingFamilies(): readonly string[];
  /** Notes an update that was refused, instead of throwing into the job. */
  refuse(error: unknown): void;
  /** Takes note of an update that is still being worked out; one that rejects is refused. */
  expect(update: Promise<void>): void;
  /** Resolves when every update that was expected has been made or refused. */
  settled(): Promise<void>;
  isSettled(): boolean;
  /** Messages of refused updates, the first twenty. */
  refusals(): readonly string[];
  /**
   * Adds the counts of another set, takes over gauges that are not set here, and empties it. A
   * family that has another shape there cannot be taken, and is noted as refused.
   */
  absorb(other: MetricSet): void;
  /** Forgets everything that was set and refused. */
  reset(): void;
  /** The instruments by definition, for `absorb`. */
  readonly instruments: ReadonlyMap<string, Registered>;
};

type Registered = { readonly definition: Definition; readonly instrument: Instrument };

type Instrument = Counter | Gauge | Histogram;

/** The instrument of a definition, with its label names and enumerated values in its type. */
export type InstrumentOf<D extends Definition> = D extends CounterDefinition
  ? TypedCounter<LabelsOf<D>>
  : D extends HistogramDefinition
    ? TypedHistogram<LabelsOf<D>>
    : D extends GaugeDefinition
      ? TypedGauge<LabelsOf<D>>
      : never;

type Unlabelled<Labels> = keyof Labels extends never ? true : false;

export type TypedCounter<Labels> = {
  labels(labels: Labels): CounterChild;
} & (Unlabelled<Labels> extends true
  ? { inc(value?: number): void }
  : { inc(labels: Labels, value?: number): void });

export type TypedGauge<Labels> = {
  labels(labels: Labels): GaugeChild;
} & (Unlabelled<Labels> extends true
  ? { set(value: number): void; inc(value?: number): void; dec(value?: number): void }
  : {
      set(labels: Labels, value: number): void;
      inc(labels: Labels, value?: number): void;
      dec(labels: Labels, value?: number): void;
    });

export type TypedHistogram<Labels> = {
  labels(labels: Labels): HistogramChild;
} & (Unlabelled<Labels> extends true
  ? { observe(value: number): void }
  : { observe(labels: Labels, value: number): void });

const REMEMBERED_REFUSALS = 20;

export function createMetricSet(): MetricSet {
  const instruments = new Map<string, Registered>();
  const expected = new Set<Promise<void>>();
  let refusals: string[] = [];

  function register(definition: Definition): Instrument {
    const known = instruments.get(definition.name);
    if (known === undefined) {
      const instrument = createInstrument(definition, () => {
        set.get(runCatalogue.droppedLabelSetsTotal).inc();
      });
      instruments.set(definition.name, { definition, instrument });
      return instrument;
    }
    // One family has one type and one label set, whoever defines it.
    if (known.definition !== definition && !sameShape(known.definition, definition)) {
      throw new InvalidMetricError(
        definition.name,
        "is defined twice with different type, labels or buckets",
      );
    }
    return known.instrument;
  }

  function remember(messages: readonly string[]): void {
    refusals = [...refusals, ...messages].slice(0, REMEMBERED_REFUSALS);
  }

  const set: MetricSet = {
    instruments,
    get<D extends Definition>(definition: D) {
      return register(definition) as unknown as InstrumentOf<D>;
    },
    families() {
      return [...instruments.values()].flatMap(({ instrument }) => instrument.family() ?? []);
    },
    reportFamilies() {
      return [...instruments.values()].flatMap(({ definition, instrument }) => {
        const family = instrument.family();
        return family === undefined ? [] : [bornTogether(family, definition.labels)];
      });
    },
    drain() {
      const families = set.reportFamilies();
      for (const { instrument } of instruments.values()) instrument.drain();
      return families;
    },
    tradingFamilies() {
      return [...instruments.values()]
        .filter(({ definition }) => TRADING_AREAS.has(definition.area))
        .filter(({ instrument }) => instrument.family() !== undefined)
        .map(({ definition }) => definition.name);
    },
    refuse(error) {
      set.get(runCatalogue.refusedUpdatesTotal).inc();
      remember([textOf(error)]);
    },
    expect(update) {
      const settling = update
        .catch((error) => set.refuse(error))
        .finally(() => expected.delete(settling));
      expected.add(settling);
    },
    async settled() {
      // One update may lead to another.
      while (expected.size > 0) await Promise.all(expected);
    },
    isSettled: () => expected.size === 0,
    refusals: () => refusals,
    absorb(other) {
      // What is still expected there belongs here as well.
      if (!other.isSettled()) set.expect(other.settled().then(() => set.absorb(other)));
      for (const { definition, instrument } of other.instruments.values()) {
        try {
          // The definition decides the type, so both sides are the same kind of instrument.
          (register(definition) as { absorb(from: Instrument): void }).absorb(instrument);
        } catch (error) {
          set.refuse(error);
        }
      }
      remember(other.refusals());
      other.reset();
    },
    reset() {
      for (const { instrument } of instruments.values()) instrument.reset();
      refusals = [];
    },
  };
  return set;
}

function createInstrument(definition: Definition, dropped: () => void): Instrument {
  const { name, help, labels, maxLabelSets } = definition;
  const open = Object.keys(labels).filter((label) => labels[label] === "any");
  const limit = maxLabelSets === undefined ? {} : { limit: { maxLabelSets, open, dropped } };
  // Now, and for this series alone: at the push it would cost the run all of its metrics.
  const check = (values: LabelSet) => {
    for (const [label, value] of Object.entries(values)) {
      const problem = labelValueProblem(value);
      if (problem !== undefined) throw new InvalidMetricError(name, `label ${label} ${problem}`);
    }
  };
  const config = { name, help, labelNames: Object.keys(labels), check, ...limit };
  switch (definition.type) {
    case "counter":
      return new Counter(config);
    case "gauge":
      return new Gauge(config);
    case "histogram":
      return new Histogram({ ...config, buckets: definition.buckets });
    default:
      return definition satisfies never;
  }
}

/** Somebody's accounting may throw anything, even what has no text. */
function textOf(thrown: unknown): string {
  try {
    return messageOf(thrown);
  } catch {
    return "something was thrown that has no text";
  }
}

function sameShape(a: Definition, b: Definition): boolean {
  const shape = (definition: Definition) =>
    JSON.stringify([
      definition.type,
      Object.keys(definition.labels),
      definition.type === "histogram" ? definition.buckets : [],
    ]);
  return shape(a) === shape(b);
}
