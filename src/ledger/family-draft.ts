import type { LabelSet } from "../metrics/exposition/family.ts";
import type { Amount } from "../record/amount.ts";
import type { HistogramDelta, RecordFamily } from "../record/record-family.ts";
import { type Placement, type PlaceRules, type SampleDrafts, sampleDrafts } from "./label-sets.ts";
import type { FamilyTotals, GaugeTotal, Stamp } from "./snapshot.ts";

/**
 * A family's totals while a fold computes: the only mutable thing in it, and it never leaves. What is
 * not touched is not taken apart, so a fold costs what its records cost, not what the group holds.
 */
export type FamilyDraft = {
  readonly name: string;
  readonly type: FamilyTotals["type"];
  /** Of a histogram. */
  readonly bounds: readonly number[] | undefined;
  place(labels: LabelSet, rules: PlaceRules): Placement;
  /** Adds counts under a label set that {@link FamilyDraft.place} gave. */
  add(labels: LabelSet, delta: CounterDelta | HistogramDelta): void;
  gauge(labels: LabelSet): GaugeTotal | undefined;
  setGauge(total: GaugeTotal): void;
  stamp(): Stamp;
  setHelp(help: string, stamp: Stamp): void;
  finish(): FamilyTotals;
};

type CounterDelta = { readonly labels: LabelSet; readonly value: Amount };

type Sample = CounterDelta | HistogramDelta | GaugeTotal;

/** Earlier than every record: the help text that nobody has given yet. */
const NEVER: Stamp = { at: 0, id: "" };

/** Of a family that has totals, or of one that is new and takes its shape from a record. */
export function familyDraft(from: FamilyTotals | RecordFamily): FamilyDraft {
  const { name, type } = from;
  const bounds = from.type === "histogram" ? from.bounds : undefined;
  const known = "stamp" in from ? from : undefined;
  let help = known?.help;
  let stamp = known?.stamp ?? NEVER;
  let samples: SampleDrafts<Sample> | undefined;
  let touched = known === undefined;

  function drafts(): SampleDrafts<Sample> {
    samples ??= sampleDrafts<Sample>(known?.samples ?? [], isZero);
    return samples;
  }

  return {
    name,
    type,
    bounds,
    place: (labels, rules) => drafts().place(labels, rules),
    add(labels, delta) {
      touched = true;
      const before = drafts().get(labels);
      drafts().set(before === undefined ? { ...delta, labels } : sum(before, delta));
    },
    gauge: (labels) => drafts().get(labels) as GaugeTotal | undefined,
    setGauge(total) {
      touched = true;
      drafts().set(total);
    },
    stamp: () => stamp,
    setHelp(text, by) {
      touched = true;
      help = text;
      stamp = by;
    },
    finish() {
      if (!touched && known !== undefined) return known;
      const head = { type, name, ...(help === undefined ? {} : { help }), stamp };
      const shape = bounds === undefined ? {} : { bounds };
      // The type decides what its samples are, and only matching ones are ever added.
      return { ...head, ...shape, samples: drafts().sorted() } as FamilyTotals;
    },
  };
}

/** Whether counts add nothing. A gauge at 0 says as much as any other. */
export function isZero(sample: Sample): boolean {
  if ("counts" in sample) return sample.counts.every((count) => count === 0n);
  return sample.value === 0n;
}

function sum(before: Sample, delta: CounterDelta | HistogramDelta): Sample {
  if ("counts" in delta && "counts" in before) {
    const counts = before.counts.map((count, bucket) => count + (delta.counts[bucket] ?? 0n));
    return { labels: before.labels, counts, sum: before.sum + delta.sum };
  }
  const { labels, value } = before as CounterDelta;
  return { labels, value: value + (delta as CounterDelta).value };
}
