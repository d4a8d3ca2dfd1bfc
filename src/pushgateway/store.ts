import type { LabelSet, MetricFamily } from "../metrics/exposition/family.ts";

/**
 * What the gateway holds: groups of families, as values. A change gives a new store and leaves the
 * old one as it was, so that a push is tried on a copy before it counts.
 */
export type Store = ReadonlyMap<string, Group>;

export type Group = {
  /** The labels of the path, `job` among them. */
  readonly labels: LabelSet;
  /** By family name; always with the two bookkeeping gauges. */
  readonly families: ReadonlyMap<string, StoredFamily>;
};

export type StoredFamily = {
  /** Every sample carries the group's labels and an `instance`, its labels in order of name. */
  readonly family: MetricFamily;
  /** When it was pushed, seconds since the Unix epoch. */
  readonly pushedAt: number;
};

/** A request to change the store. Times are seconds since the Unix epoch. */
export type Change =
  /** PUT: the whole group becomes `families`. POST: the families of the same names are replaced. */
  | {
      readonly kind: "replace" | "merge";
      readonly labels: LabelSet;
      readonly families: readonly MetricFamily[];
      readonly at: number;
    }
  /** A push that was refused: the data stays, the group says when it happened. */
  | { readonly kind: "failed"; readonly labels: LabelSet; readonly at: number }
  | { readonly kind: "delete"; readonly labels: LabelSet };

export const PUSH_TIME = "push_time_seconds";
export const PUSH_FAILURE_TIME = "push_failure_time_seconds";

const HELP = {
  [PUSH_TIME]: "Last Unix time when changing this group in the Pushgateway succeeded.",
  [PUSH_FAILURE_TIME]: "Last Unix time when changing this group in the Pushgateway failed.",
};

export const emptyStore: Store = new Map();

/** Two label sets that differ only in their order name the same group. */
export function groupId(labels: LabelSet): string {
  return JSON.stringify(sortedEntries(labels));
}

/** Applies a change as the gateway does, without asking whether the result is consistent. */
export function changed(store: Store, change: Change): Store {
  const id = groupId(change.labels);
  const next = new Map(store);
  if (change.kind === "delete") next.delete(id);
  else next.set(id, changedGroup(store.get(id), change));
  return next;
}

/** Whether the last push of a group succeeded, as the API reports it. */
export function lastPushSucceeded(group: Group): boolean {
  return bookkept(group, PUSH_FAILURE_TIME) <= bookkept(group, PUSH_TIME);
}

function changedGroup(before: Group | undefined, change: Exclude<Change, { kind: "delete" }>) {
  const { labels, at } = change;
  const families = new Map(change.kind === "replace" ? bookkeeping(before) : before?.families);
  const store = (family: MetricFamily) =>
    families.set(family.name, { family: withGroupLabels(family, labels), pushedAt: at });

  if (change.kind === "failed") {
    store(timeGauge(PUSH_FAILURE_TIME, at));
    if (!families.has(PUSH_TIME)) store(timeGauge(PUSH_TIME, 0));
  } else {
    for (const family of change.families) store(family);
    store(timeGauge(PUSH_TIME, at));
    // Only where there is none yet: a success does not wipe out when the last failure was.
    if (!before?.families.has(PUSH_FAILURE_TIME)) store(timeGauge(PUSH_FAILURE_TIME, 0));
  }
  return { labels: before?.labels ?? labels, families };
}

/** The two gauges survive a replacement of the group. */
function bookkeeping(group: Group | undefined): [string, StoredFamily][] {
  return [...(group?.families ?? [])].filter(
    ([name]) => name === PUSH_TIME || name === PUSH_FAILURE_TIME,
  );
}

function timeGauge(name: keyof typeof HELP, value: number): MetricFamily {
  return { type: "gauge", name, help: HELP[name], samples: [{ labels: {}, value }] };
}

function bookkept(group: Group, name: keyof typeof HELP): number {
  const family = group.families.get(name)?.family;
  return family?.type === "gauge" ? (family.samples[0]?.value ?? 0) : 0;
}

/**
 * Path labels win over labels of the body. Without an `instance` an empty one is added, so that
 * Prometheus does not put the gateway's own address there.
 */
function withGroupLabels(family: MetricFamily, group: LabelSet): MetricFamily {
  function labelled<S extends { readonly labels: LabelSet }>(sample: S): S {
    const entries = sortedEntries({ instance: "", ...sample.labels, ...group });
    return { ...sample, labels: Object.fromEntries(entries) };
  }
  switch (family.type) {
    case "histogram":
      return {
        ...family,
        samples: family.samples.map((sample) => ({
          ...labelled(sample),
          count: unsigned(sample.count),
          buckets: sample.buckets.map(({ upperBound, cumulativeCount }) => ({
            upperBound,
            cumulativeCount: unsigned(cumulativeCount),
          })),
        })),
      };
    case "summary":
      return {
        ...family,
        samples: family.samples.map((sample) => ({
          ...labelled(sample),
          count: unsigned(sample.count),
        })),
      };
    default:
      return { ...family, samples: family.samples.map(labelled) };
  }
}

/**
 * Counts are unsigned 64-bit integers in the gateway. What is none becomes what Go makes of it on
 * amd64: a negative count wraps around, and a value out of range is 2^63.
 */
function unsigned(count: number): number {
  if (count > -(2 ** 63) && count < 2 ** 64) return count < 0 ? 2 ** 64 + count : count;
  return 2 ** 63;
}

function sortedEntries(labels: LabelSet): [string, string][] {
  return Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1));
}
