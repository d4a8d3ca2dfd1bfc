import { seriesNames } from "../record/check-families.ts";
import {
  type CounterDeltas,
  compareText,
  type GaugeValues,
  type HistogramDeltas,
  type RecordFamily,
} from "../record/record-family.ts";
import type { RunRecord } from "../record/run-record.ts";
import { type FamilyDraft, familyDraft, isZero } from "./family-draft.ts";
import { MAX_LABEL_SETS } from "./label-sets.ts";
import type { StoredSnapshot } from "./ledger.ts";
import {
  encodeSnapshot,
  type FoldedRecord,
  type Rejection,
  type ResultSet,
  type Snapshot,
  type Stamp,
} from "./snapshot.ts";

/** Largest snapshot in bytes, gzipped. Above it, label sets that are new go to `other` or are left out. */
export const MAX_SNAPSHOT_BYTES = 300_000;

/** From here on a record that does not fit is taken without its new label sets. */
const NEARLY_FULL_BYTES = (MAX_SNAPSHOT_BYTES * 2) / 3;

/** Rejected records whose reasons a snapshot remembers. All are counted. */
const REMEMBERED_REJECTIONS = 20;

/** Characters of a histogram's bounds in the reason of a rejection. */
const MAX_BOUNDS_TEXT = 200;

/**
 * Adds records to a snapshot: the next version of it. Pure. (The file is over 250 lines: one computation.)
 *
 * Counters and buckets add up; `*_timestamp_seconds` take the maximum; a status gauge, and a help
 * text, is that of the record with the greatest (time, id); the results are those of the successful
 * completion with the greatest (time, id), as a whole.
 *
 * **What holds of order.** Whatever the order of `records` in one call, the result has the same
 * bytes: they are added in the order of their ids. Divided into several calls in any way and order,
 * `totals` have the same bytes too, as long as no limit is reached and no two records disagree about
 * a family's type or buckets. Where they do, first come stays: *which* label sets went to `other`
 * and *which* records were rejected then depend on the division, and so does
 * `droppedLabelSets`. Even then the sum of a family over its label sets does not, if its label sets
 * can be merged into `other` and need fewer than 20 of these.
 *
 * @param records each id once, and none that an earlier version holds: what to leave out is decided
 * by the caller (`fold-round.ts`).
 */
export function fold(
  snapshot: Snapshot,
  records: readonly RunRecord[],
  { admitNew = true }: { readonly admitNew?: boolean } = {},
): Snapshot {
  const draft = startDraft(snapshot, admitNew);
  const last = records
    .toSorted((a, b) => compareText(a.id, b.id))
    .map((record) => addRecord(draft, record));
  const { group, version } = snapshot;
  return { group, version: version + 1, last, totals: finish(draft) };
}

export type BoundedFold = {
  readonly snapshot: Snapshot;
  readonly stored: StoredSnapshot;
  /** Records that it took: all of them, or as many as were needed to stay within the limit. */
  readonly taken: readonly RunRecord[];
};

/**
 * The same, kept below {@link MAX_SNAPSHOT_BYTES}. A group that is nearly full takes no new label
 * sets any more; one that has room takes fewer records at a time, so that a backlog of large ones
 * does not lose label sets for which there is room.
 *
 * @param baseBytes size of `snapshot` as it is stored.
 */
export function foldWithinLimits(
  snapshot: Snapshot,
  baseBytes: number,
  records: readonly RunRecord[],
): BoundedFold {
  const isNearlyFull = baseBytes > NEARLY_FULL_BYTES;
  let taken = records.toSorted((a, b) => compareText(a.id, b.id));
  for (;;) {
    const next = fold(snapshot, taken);
    const stored = encodeSnapshot(next);
    if (stored.bytes.length <= MAX_SNAPSHOT_BYTES) return { snapshot: next, stored, taken };
    if (isNearlyFull || taken.length === 1) {
      const bounded = fold(snapshot, taken, { admitNew: false });
      return { snapshot: bounded, stored: encodeSnapshot(bounded), taken };
    }
    taken = taken.slice(0, Math.ceil(taken.length / 2));
  }
}

/** The later of two by time, then by id. */
export function isLater(a: Stamp, b: Stamp): boolean {
  return a.at > b.at || (a.at === b.at && a.id > b.id);
}

type Draft = {
  readonly admitNew: boolean;
  readonly families: Map<string, FamilyDraft>;
  /** Which family has a series of this name. */
  readonly owners: Map<string, string>;
  results: ResultSet | undefined;
  records: number;
  rejected: number;
  rejections: readonly Rejection[];
  droppedLabelSets: number;
  readonly since: number | undefined;
};

function startDraft({ totals }: Snapshot, admitNew: boolean): Draft {
  const { records, rejected, rejections, droppedLabelSets, results, since } = totals;
  const families = new Map(totals.families.map((family) => [family.name, familyDraft(family)]));
  const owners = new Map(
    totals.families.flatMap((family) => seriesNames(family).map((name) => [name, family.name])),
  );
  const counts = { records, rejected, rejections, droppedLabelSets };
  return { admitNew, families, owners, results, since, ...counts };
}

function addRecord(draft: Draft, record: RunRecord): FoldedRecord {
  const { id, time: at } = record;
  const families = record.families.filter(({ samples }) => samples.length > 0);
  const reason = families.map((family) => conflict(draft, family)).find((text) => text !== "");
  if (reason !== undefined) {
    draft.rejected++;
    draft.rejections = [...draft.rejections, { id, at, reason }]
      .sort((a, b) => (isLater(a, b) ? -1 : 1))
      .slice(0, REMEMBERED_REJECTIONS);
    return { id, rejected: reason };
  }
  draft.records++;
  const stamp = { at, id };
  for (const family of families) {
    switch (family.type) {
      case "counter":
      case "histogram":
        addCounts(draft, family, stamp);
        break;
      default:
        if (family.kind === "status" || isPointInTime(family)) setGauges(draft, family, stamp);
    }
  }
  if (record.outcome === "succeeded") replaceResults(draft, families, stamp);
  return { id };
}

/** Why a family cannot be added, or nothing. */
function conflict({ families, owners }: Draft, family: RecordFamily): string {
  const { name, type } = family;
  const known = families.get(name);
  if (known === undefined) {
    const taken = seriesNames(family).find((series) => owners.has(series));
    if (taken === undefined) return "";
    return `metric ${name}: its series ${taken} is also one of ${owners.get(taken)}`;
  }
  if (known.type !== type) return `metric ${name}: it is a ${type} here and a ${known.type} before`;
  if (family.type === "histogram" && `${family.bounds}` !== `${known.bounds}`) {
    const [ours, theirs] = [family.bounds, known.bounds ?? []].map(boundsText);
    return `metric ${name}: its buckets are ${ours} here and ${theirs} before`;
  }
  return "";
}

/** Short: reasons are kept in snapshots, and a record may have thousands of buckets. */
function boundsText(bounds: readonly number[]): string {
  const text = `${bounds}`;
  return text.length > MAX_BOUNDS_TEXT
    ? `${text.slice(0, MAX_BOUNDS_TEXT)}... (${bounds.length} bounds)`
    : text;
}

function addCounts(draft: Draft, family: CounterDeltas | HistogramDeltas, stamp: Stamp): void {
  for (const sample of family.samples) {
    const target = draft.families.get(family.name) ?? familyDraft(family);
    const rules = { admitNew: draft.admitNew, mergeable: true, isZero: isZero(sample) };
    const { labels, dropped } = target.place(sample.labels, rules);
    if (dropped) draft.droppedLabelSets++;
    if (labels === undefined) continue;
    keep(draft, target, family, stamp);
    target.add(labels, sample);
  }
}

function setGauges(draft: Draft, family: GaugeValues, stamp: Stamp): void {
  for (const sample of family.samples) {
    const target = draft.families.get(family.name) ?? familyDraft(family);
    const rules = { admitNew: draft.admitNew, mergeable: false, isZero: false };
    const { labels, dropped } = target.place(sample.labels, rules);
    if (dropped) draft.droppedLabelSets++;
    if (labels === undefined) continue;
    keep(draft, target, family, stamp);
    const next = { labels, value: sample.value, ...stamp };
    const known = target.gauge(labels);
    const stands =
      known === undefined ||
      (isPointInTime(family)
        ? next.value > known.value || (next.value === known.value && isLater(next, known))
        : isLater(next, known));
    if (stands) target.setGauge(next);
  }
}

function replaceResults(draft: Draft, families: readonly RecordFamily[], stamp: Stamp): void {
  const results = families.filter(
    (family): family is GaugeValues =>
      "kind" in family && family.kind === "result" && !isPointInTime(family),
  );
  const known = new Map(draft.results?.families.map(({ name, samples }) => [name, samples]));
  const kept = results.flatMap((family) => {
    // A group that is full takes no more gauges than it had.
    const room = draft.admitNew ? MAX_LABEL_SETS : (known.get(family.name)?.length ?? 0);
    const samples = family.samples.slice(0, room);
    draft.droppedLabelSets += family.samples.length - samples.length;
    if (samples.length === 0) return [];
    // Also of a set that is not the newest, so that names are known whatever the order.
    keep(draft, draft.families.get(family.name) ?? familyDraft(family), family, stamp);
    return [{ name: family.name, samples }];
  });
  if (draft.results === undefined || isLater(stamp, draft.results)) {
    draft.results = { ...stamp, families: kept };
  }
}

/** A point in time never goes back, whichever run says it. */
function isPointInTime({ name }: RecordFamily): boolean {
  return name.endsWith("_timestamp_seconds");
}

/** Registers a family that has something to keep, and its help text if it is the newest. */
function keep(draft: Draft, target: FamilyDraft, { help, ...family }: RecordFamily, stamp: Stamp) {
  if (!draft.families.has(family.name)) {
    draft.families.set(family.name, target);
    for (const series of seriesNames(family)) draft.owners.set(series, family.name);
  }
  if (help !== undefined && isLater(stamp, target.stamp())) target.setHelp(help, stamp);
}

function finish(draft: Draft): Snapshot["totals"] {
  const { records, rejected, rejections, droppedLabelSets, results, since } = draft;
  const families = [...draft.families.values()]
    .sort((a, b) => compareText(a.name, b.name))
    .map((family) => family.finish());
  const counts = { records, rejected, rejections, droppedLabelSets };
  const begin = since === undefined ? {} : { since };
  return { ...counts, ...begin, ...(results === undefined ? {} : { results }), families };
}
