/**
 * A metric family as typed data. Helpers, documentation and rules derive from definitions; nothing
 * states a name, a label or a bucket twice.
 */
export type Definition = CounterDefinition | GaugeDefinition | HistogramDefinition;

/** What a label may hold: anything, or one of the listed values (then the list is the type). */
export type LabelDomain = "any" | readonly string[];

type Common = {
  readonly name: string;
  /** One sentence with the unit. */
  readonly help: string;
  /** Label names in order, each with what it may hold. */
  readonly labels: Readonly<Record<string, LabelDomain>>;
  readonly area: Area;
  /** Most label sets that one set of metrics keeps; further ones become `other`. Default: any number. */
  readonly maxLabelSets?: number;
};

/** Part of the system that a family tells about, as the documentation groups them. */
export type Area = "ai" | "feature-store" | "trading" | "risk" | "health" | "run" | "own";

/**
 * A backtest and a live account report the same families of these areas, so their groups must say
 * which it is: label `mode`.
 */
export const TRADING_AREAS: ReadonlySet<Area> = new Set(["trading", "risk"]);

export type CounterDefinition = Common & { readonly type: "counter" };

export type GaugeDefinition = Common & {
  readonly type: "gauge";
  /**
   * `result`: what a run found out; the set of a successful run replaces the one before.
   * `status`: how something stands; set whenever it is known, also by a run that fails.
   */
  readonly kind: "result" | "status";
};

export type HistogramDefinition = Common & {
  readonly type: "histogram";
  /** Upper bounds, ascending, without `+Inf`. */
  readonly buckets: readonly number[];
};

/** Label values that a definition takes: an enumerated label is a union of its values. */
export type LabelsOf<D extends { readonly labels: Readonly<Record<string, LabelDomain>> }> = {
  readonly [Name in keyof D["labels"]]: D["labels"][Name] extends readonly string[]
    ? D["labels"][Name][number]
    : string;
};
