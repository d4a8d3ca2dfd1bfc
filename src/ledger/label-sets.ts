import type { LabelSet } from "../metrics/exposition/family.ts";
import { compareText, labelKey } from "../record/record-family.ts";

/**
 * Label sets with a count that one family of a group may have, those of {@link OTHER} aside. Sets at 0,
 * which were born together with one that counts, take no room from them: there may be as many again.
 */
export const MAX_LABEL_SETS = 200;

/**
 * Label sets with {@link OTHER} that a family may have on top: the values of its other labels, e.g.
 * three actions. Without a limit of their own a free label beside `ticker` would have none.
 */
export const MAX_OTHER_SETS = 20;

/** Labels whose values have no end, and that may be merged into one when there are too many. */
const OVERFLOW_LABELS: readonly string[] = ["ticker", "feature_name", "rule_name", "model_name"];

/** Value of such a label for all that came too late. */
const OTHER = "other";

/** The samples of one family, by label set. Mutable: lives only while a fold computes. */
export type SampleDrafts<Sample extends Labelled> = {
  get(labels: LabelSet): Sample | undefined;
  set(sample: Sample): void;
  /**
   * The label set under which a sample is kept: its own when there is room or it is known, the one
   * with `other` when it can be merged, none when it must be left out.
   */
  place(labels: LabelSet, rules: PlaceRules): Placement;
  /** In the order of their label keys. */
  sorted(): readonly Sample[];
};

type Labelled = { readonly labels: LabelSet };

export type PlaceRules = {
  /** False when the group as a whole is full: then only known label sets, and `other`, are kept. */
  readonly admitNew: boolean;
  /** Whether values of several label sets can be merged: counts can, gauges cannot. */
  readonly mergeable: boolean;
  /** What comes is 0: nothing is lost when it is left out. */
  readonly isZero: boolean;
};

export type Placement = { readonly labels: LabelSet | undefined; readonly dropped: boolean };

export function sampleDrafts<Sample extends Labelled>(
  samples: readonly Sample[],
  isZero: (sample: Sample) => boolean,
): SampleDrafts<Sample> {
  const byKey = new Map(samples.map((sample) => [labelKey(sample.labels), sample]));
  const kindOf = (sample: Sample) =>
    isOther(sample.labels) ? "other" : isZero(sample) ? "zero" : "counting";
  const sizes = { other: 0, zero: 0, counting: 0 };
  for (const sample of samples) sizes[kindOf(sample)]++;

  return {
    get: (labels) => byKey.get(labelKey(labels)),
    set(sample) {
      const key = labelKey(sample.labels);
      const known = byKey.get(key);
      if (known !== undefined) sizes[kindOf(known)]--;
      sizes[kindOf(sample)]++;
      byKey.set(key, sample);
    },
    place(labels, { admitNew, mergeable, isZero: comesAtZero }) {
      const known = byKey.get(labelKey(labels));
      if (comesAtZero) {
        const fits = known !== undefined || (admitNew && sizes.zero < MAX_LABEL_SETS);
        return { labels: fits ? labels : undefined, dropped: false };
      }
      if (known !== undefined && kindOf(known) !== "zero") return { labels, dropped: false };
      const hasRoom = isOther(labels)
        ? sizes.other < MAX_OTHER_SETS
        : (admitNew || known !== undefined) && sizes.counting < MAX_LABEL_SETS;
      if (hasRoom) return { labels, dropped: false };
      const merged = mergeable ? withOther(labels) : undefined;
      const fits =
        merged !== undefined && (byKey.has(labelKey(merged)) || sizes.other < MAX_OTHER_SETS);
      return { labels: fits ? merged : undefined, dropped: true };
    },
    sorted() {
      const entries = [...byKey].sort(([a], [b]) => compareText(a, b));
      return entries.map(([, sample]) => sample);
    },
  };
}

function isOther(labels: LabelSet): boolean {
  return OVERFLOW_LABELS.some((name) => Object.hasOwn(labels, name) && labels[name] === OTHER);
}

function withOther(labels: LabelSet): LabelSet | undefined {
  const entries = Object.entries(labels);
  if (!entries.some(([name, value]) => OVERFLOW_LABELS.includes(name) && value !== OTHER)) {
    return undefined;
  }
  return Object.fromEntries(
    entries.map(([name, value]) => [name, OVERFLOW_LABELS.includes(name) ? OTHER : value]),
  );
}
