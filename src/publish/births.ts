import type { LabelSet, MetricFamily } from "../metrics/exposition/family.ts";
import { labelKey } from "../record/record-family.ts";
import {
  type Hidden,
  type PublishState,
  SERIES_ID_LENGTH,
  type SeriesId,
} from "./publish-state.ts";

/**
 * Why: a counter that Prometheus first sees at 7 has an `increase()` of 0. So a label set that the
 * gateway has not shown is shown as 0 first, and with its value once Prometheus has had the time to
 * scrape the 0: two scrape intervals after the gateway confirmed it.
 *
 * A label set's way, which it never goes back: unknown, *held* (its 0 is confirmed), *settled* (its
 * value may be shown; noted before the push that first shows it is sent). A histogram's label set is
 * one unit. Gauges are not held: they have no increase.
 */
export type Births = {
  /** What to push: the families, with 0 for the label sets that are not settled. */
  readonly families: readonly MetricFamily[];
  /** Whether a push shows a label set, or a value, that none showed before, or a hold begins anew. */
  readonly isNews: boolean;
  /** The state to note before the push is sent. */
  readonly state: PublishState;
  /** The state once the gateway has confirmed it. `at`: Unix seconds. */
  readonly confirmed: (at: number) => PublishState;
};

export type BirthRules = {
  /** Unix seconds. */
  readonly now: number;
  /** How long a 0 is shown, in seconds. 0: values are shown at once. */
  readonly holdSeconds: number;
};

/** What is shown of a group's families, and how that changes its state. Pure. */
export function births(
  families: readonly MetricFamily[],
  before: PublishState,
  { now, holdSeconds }: BirthRules,
): Births {
  const settled = new Set(before.settled);
  const held = new Map(before.held);
  const born: { readonly id: SeriesId; readonly hides: boolean }[] = [];
  const hidden: number[] = [];
  let isReset = false;

  /** Whether a label set's value is shown. */
  function isShown(id: SeriesId, hasValue: boolean): boolean {
    if (settled.has(id)) return true;
    const confirmedAt = held.get(id);
    // A clock that was ahead and was set back: start over, or it could be held for years.
    const since = confirmedAt === undefined ? undefined : Math.min(confirmedAt, now);
    const isDue = since !== undefined && now - since >= holdSeconds;
    if (holdSeconds === 0 || isDue) {
      held.delete(id);
      settled.add(id);
      return true;
    }
    if (since === undefined) born.push({ id, hides: hasValue });
    else {
      isReset ||= since !== confirmedAt;
      held.set(id, since);
      if (hasValue) hidden.push(since);
    }
    return false;
  }

  const shown = hideValues(families, isShown);

  const { hidden: _, ...rest } = before;
  const state = { ...rest, settled, held, ...hiddenOf(hidden) };
  return {
    families: shown,
    isNews: isReset || born.length > 0 || settled.size > before.settled.size,
    state,
    confirmed(at) {
      const all = new Map(held);
      for (const { id } of born) all.set(id, at);
      const hiding = born.filter(({ hides }) => hides).map(() => at);
      return { ...rest, settled, held: all, ...hiddenOf([...hidden, ...hiding]) };
    },
  };
}

/** The same families, with 0 for the label sets of counters and histograms that are not shown yet. */
export function hideValues(
  families: readonly MetricFamily[],
  isShown: (id: SeriesId, hasValue: boolean) => boolean,
): readonly MetricFamily[] {
  return families.map((family): MetricFamily => {
    const { type, name } = family;
    switch (type) {
      case "counter": {
        const samples = family.samples.map((sample) =>
          isShown(seriesId(name, sample.labels), sample.value !== 0)
            ? sample
            : { ...sample, value: 0 },
        );
        return { ...family, samples };
      }
      case "histogram": {
        const samples = family.samples.map((sample) => {
          if (isShown(seriesId(name, sample.labels), sample.count !== 0)) return sample;
          const buckets = sample.buckets.map((bucket) => ({ ...bucket, cumulativeCount: 0 }));
          return { ...sample, buckets, count: 0, sum: 0 };
        });
        return { ...family, samples };
      }
      default:
        return family;
    }
  });
}

/**
 * What is known, after looking at what a gateway shows. A label set with a value was born before,
 * whoever noted it; one at 0 is held from now. One that was held and is gone must be born again: the
 * gateway lost its memory, perhaps before Prometheus came by.
 */
export function learnShown(
  state: PublishState,
  families: readonly MetricFamily[],
  now: number,
): PublishState {
  const shown = new Map(families.flatMap(countingSeries));
  const settled = new Set(state.settled);
  const held = new Map([...state.held].filter(([id]) => shown.has(id)));
  for (const [id, hasValue] of shown) {
    if (settled.has(id)) continue;
    if (hasValue) {
      held.delete(id);
      settled.add(id);
    } else if (!held.has(id)) held.set(id, now);
  }
  return { ...state, settled, held };
}

/** Label sets of what adds up, each with whether it has counted anything. */
function countingSeries(family: MetricFamily): readonly (readonly [SeriesId, boolean])[] {
  const { name, type } = family;
  switch (type) {
    case "counter":
      return family.samples.map(({ labels, value }) => [seriesId(name, labels), value !== 0]);
    case "histogram":
      return family.samples.map(({ labels, count }) => [seriesId(name, labels), count !== 0]);
    default:
      return [];
  }
}

/** Scrapes that a 0 is shown for: the first one may have begun before it was there. */
const HOLD_SCRAPES = 2;

/** How long the 0 of a new label set is shown, in seconds. */
export function holdSecondsOf(scrapeIntervalSeconds: number): number {
  return HOLD_SCRAPES * scrapeIntervalSeconds;
}

/** When the first, and the last, of the hidden values may be shown. Unix seconds. */
export function dueTimes({ since, latest }: Hidden, holdSeconds: number) {
  return { first: since + holdSeconds, last: latest + holdSeconds };
}

function hiddenOf(since: readonly number[]): { readonly hidden?: Hidden } {
  if (since.length === 0) return {};
  const least = since.reduce((a, b) => Math.min(a, b));
  const latest = since.reduce((a, b) => Math.max(a, b));
  return { hidden: { count: since.length, since: least, latest } };
}

function seriesId(name: string, labels: LabelSet): SeriesId {
  const { createHash } = process.getBuiltinModule("node:crypto");
  const sorted = Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1));
  const text = `${name}${labelKey(Object.fromEntries(sorted))}`;
  return createHash("sha256").update(text).digest("base64url").slice(0, SERIES_ID_LENGTH);
}
