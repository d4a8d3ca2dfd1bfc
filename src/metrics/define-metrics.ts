import { InvalidMetricError, InvalidOptionError } from "../errors.ts";
import { LABEL_NAME } from "../grouping-key.ts";
import { refuseUnknownKeys } from "../options.ts";
import type { Definition, LabelDomain, LabelsOf } from "./definition.ts";
import { METRIC_NAME } from "./exposition/family.ts";
import {
  createMetricSet,
  type MetricSet,
  type TypedCounter,
  type TypedGauge,
  type TypedHistogram,
} from "./metric-set.ts";
import { ownDefinitions } from "./own-definitions.ts";
import { bindInstruments, runAwareInstruments } from "./run-aware.ts";

/** A family of the user's own. */
export type MetricDefinition = {
  readonly name: string;
  /** One sentence with the unit. */
  readonly help: string;
  /** Label names in order; `"any"`, or the list of values that it may hold. Default none. */
  readonly labels?: Readonly<Record<string, LabelDomain>>;
  /** A backtest and a live account both report it: runs that set it need a `mode`. Default false. */
  readonly trading?: boolean;
  /** Most label sets per run, further ones become `other`. Default 200. */
  readonly maxLabelSets?: number;
} & (
  | { readonly type: "counter" }
  | {
      readonly type: "gauge";
      /** `result` (default): replaced as a whole by each success. `status`: set by any run. */
      readonly kind?: "result" | "status";
    }
  | {
      readonly type: "histogram";
      /** Upper bounds, finite and strictly ascending, without `+Inf`. */
      readonly buckets: readonly number[];
    }
);

export type MetricDefinitions = Readonly<Record<string, MetricDefinition>>;

/** The instruments of own families, typed by their definitions. */
export type DefinedMetrics<D extends MetricDefinitions> = {
  readonly [Name in keyof D]: {
    readonly counter: TypedCounter<LabelsGiven<D[Name]>>;
    readonly gauge: TypedGauge<LabelsGiven<D[Name]>>;
    readonly histogram: TypedHistogram<LabelsGiven<D[Name]>>;
  }[D[Name]["type"]];
};

type LabelsGiven<D extends MetricDefinition> = D extends {
  readonly labels: infer Labels extends Readonly<Record<string, LabelDomain>>;
}
  ? LabelsOf<{ readonly labels: Labels }>
  : Readonly<Record<never, string>>;

/** Label sets per family and run: the limit that the ledger has per family and group. */
const DEFAULT_MAX_LABEL_SETS = 200;

const KEYS = ["name", "help", "labels", "trading", "maxLabelSets", "type", "kind", "buckets"];

/** Labels that Prometheus, histograms and summaries, or the group's path decide. */
const RESERVED_LABELS: readonly string[] = ["job", "instance", "le", "quantile"];

const completed = new WeakMap<object, Readonly<Record<string, Definition>>>();

/**
 * Families of your own, with the guarantees of the 24: typed names and labels, reported only when
 * set, and written to the run they are used in.
 *
 * @throws {InvalidMetricError} for a name, label or bucket that cannot be, or a name that is taken;
 * {InvalidOptionError} for an unknown key.
 */
export function defineMetrics<const D extends MetricDefinitions>(
  definitions: D,
): DefinedMetrics<D> {
  const full = Object.fromEntries(
    Object.entries(definitions).map(([key, definition]) => [key, complete(key, definition)]),
  );
  const names = Object.values(full).map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new InvalidMetricError(twice, "is defined twice");
  const instruments = runAwareInstruments(full) as unknown as DefinedMetrics<D>;
  completed.set(instruments, full);
  return instruments;
}

/**
 * The same instruments, bound to one set.
 *
 * @throws {InvalidOptionError} for anything that `defineMetrics` did not make.
 */
export function bindDefined<T extends object>(defined: T, set: MetricSet): T {
  const definitions = completed.get(defined);
  if (definitions === undefined) {
    throw new InvalidOptionError("bind takes what defineMetrics returned");
  }
  return bindInstruments(definitions, set) as unknown as T;
}

function complete(key: string, definition: MetricDefinition): Definition {
  refuseUnknownKeys(definition, KEYS, `defineMetrics: ${key}`);
  const { name, help, labels = {}, trading = false } = definition;
  const { maxLabelSets = DEFAULT_MAX_LABEL_SETS } = definition;
  if (!METRIC_NAME.test(name)) throw new InvalidMetricError(name, "is not a metric name");
  if (TAKEN.has(name)) throw new InvalidMetricError(name, "is one of closing-bell's own families");
  if (!help) throw new InvalidMetricError(name, "needs a help text: one sentence with the unit");
  for (const label of Object.keys(labels)) {
    if (!LABEL_NAME.test(label) || RESERVED_LABELS.includes(label)) {
      throw new InvalidMetricError(name, `label ${JSON.stringify(label)} is not usable`);
    }
  }
  if (!(Number.isInteger(maxLabelSets) && maxLabelSets > 0)) {
    throw new InvalidMetricError(name, `maxLabelSets must be a positive integer`);
  }
  const common = { name, help, labels, maxLabelSets, area: trading ? "trading" : "own" } as const;
  const full = withType(definition, common);
  // Bounds are the histogram's to judge, and it does so when it is made.
  createMetricSet().get(full);
  return full;
}

function withType(
  definition: MetricDefinition,
  common: Omit<Definition, "type" | "kind" | "buckets">,
): Definition {
  switch (definition.type) {
    case "counter":
      return { ...common, type: "counter" };
    case "gauge":
      return { ...common, type: "gauge", kind: definition.kind ?? "result" };
    case "histogram":
      return { ...common, type: "histogram", buckets: definition.buckets };
    default:
      throw new InvalidMetricError(common.name, "type must be counter, gauge or histogram");
  }
}

const TAKEN = new Set(ownDefinitions.map(({ name }) => name));
