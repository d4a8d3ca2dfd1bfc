import { LedgerCorruptError, LedgerFormatError, messageOf } from "../errors.ts";
import { formatGroupingKey, type GroupingKey } from "../grouping-key.ts";
import type { LabelSet } from "../metrics/exposition/family.ts";
import type { Amount } from "../record/amount.ts";
import type { HistogramDelta } from "../record/record-family.ts";
import type { StoredSnapshot } from "./ledger.ts";

/** One version of a group's totals. Immutable; made by `fold`. */
export type Snapshot = {
  readonly group: GroupingKey;
  /** 0 before the first fold, then 1, 2, 3 and so on. */
  readonly version: number;
  /** The records that this version took in, in the order of their ids. */
  readonly last: readonly FoldedRecord[];
  readonly totals: Totals;
};

export type FoldedRecord = {
  readonly id: string;
  /** Why it was not added, when it was not. */
  readonly rejected?: string;
};

/** Does not depend on the order in which records came (`fold` says exactly when). */
export type Totals = {
  /** Records added in all versions, rejected ones not among them. */
  readonly records: number;
  /** Records that could not be added. */
  readonly rejected: number;
  /** The newest of those, newest first. */
  readonly rejections: readonly Rejection[];
  /** Label sets beyond the limits, counted at each record that brought one. */
  readonly droppedLabelSets: number;
  /** Every name that was ever taken, in their order: a name keeps its type for good. */
  readonly families: readonly FamilyTotals[];
  /** Gauges of the newest successful run. */
  readonly results?: ResultSet;
  /**
   * Version that these totals began with, when there were others before: those were removed on purpose,
   * and every label set begins at 0 again. Absent: they began with the group.
   */
  readonly since?: number;
};

export type Rejection = { readonly id: string; readonly at: number; readonly reason: string };

/** Who said it and when: the greater one, by time and then by id, is the one that stands. */
export type Stamp = { readonly at: number; readonly id: string };

export type FamilyTotals = CounterTotals | HistogramTotals | GaugeTotals;

type Head = {
  readonly name: string;
  readonly help?: string;
  /** Whose help text it is: the newest run's. */
  readonly stamp: Stamp;
};

export type CounterTotals = Head & {
  readonly type: "counter";
  readonly samples: readonly { readonly labels: LabelSet; readonly value: Amount }[];
};

export type HistogramTotals = Head & {
  readonly type: "histogram";
  readonly bounds: readonly number[];
  readonly samples: readonly HistogramDelta[];
};

export type GaugeTotals = Head & {
  readonly type: "gauge" | "untyped";
  /** Status gauges and points in time; results are in the result set. */
  readonly samples: readonly GaugeTotal[];
};

export type GaugeTotal = { readonly labels: LabelSet; readonly value: number } & Stamp;

export type ResultSet = Stamp & {
  readonly families: readonly {
    readonly name: string;
    readonly samples: readonly { readonly labels: LabelSet; readonly value: number }[];
  }[];
};

const SNAPSHOT_FORMAT = 1;

const NO_TOTALS: Totals = {
  records: 0,
  rejected: 0,
  rejections: [],
  droppedLabelSets: 0,
  families: [],
};

/** The state of a group before its first fold. */
export function emptySnapshot(group: GroupingKey): Snapshot {
  return { group, version: 0, last: [], totals: NO_TOTALS };
}

/** What a group has left when its totals are removed with this version. */
export function removedTotals(version: number): Totals {
  return { ...NO_TOTALS, since: version };
}

/** Whether totals were removed, and nothing was recorded since: no gateway shall show the group. */
export function areRemoved({ since, records, rejected, families }: Totals): boolean {
  return since !== undefined && records === 0 && rejected === 0 && families.length === 0;
}

/** Gzipped JSON, amounts as decimal strings. The same content gives the same JSON. */
export function encodeSnapshot(snapshot: Snapshot): StoredSnapshot {
  const { group, version, last } = snapshot;
  const totals = encodeTotals(snapshot.totals);
  const json = `{"format":${SNAPSHOT_FORMAT},"group":${JSON.stringify(group)},"version":${version},"last":${JSON.stringify(last)},"totals":${totals}}`;
  const { gzipSync } = process.getBuiltinModule("node:zlib");
  return { version, bytes: gzipSync(json) };
}

/** Totals as JSON: equal texts say equal totals. */
export function encodeTotals({ families, ...others }: Totals): string {
  return JSON.stringify({
    ...others,
    families: families.map((family) => {
      switch (family.type) {
        case "counter": {
          const samples = family.samples.map(({ labels, value }) => [labels, `${value}`]);
          return { ...family, samples };
        }
        case "histogram": {
          const samples = family.samples.map(({ labels, counts, sum }) => {
            return [labels, `${sum}`, ...counts.map(String)];
          });
          return { ...family, samples };
        }
        default:
          return family;
      }
    }),
  });
}

/**
 * @throws {LedgerCorruptError} for bytes that are no snapshot of this group and version, and
 * {LedgerFormatError} for one that a newer closing-bell wrote. Nothing is ever made up for either.
 */
export function decodeSnapshot(group: GroupingKey, stored: StoredSnapshot): Snapshot {
  const where = `version ${stored.version} of the totals of ${formatGroupingKey(group)}${
    stored.place === undefined ? "" : ` (${stored.place})`
  }`;
  const { format, ...snapshot } = parse(stored.bytes, where);
  if (format !== SNAPSHOT_FORMAT) {
    throw new LedgerFormatError(
      `${where} has format ${format}: a newer closing-bell wrote it; upgrade this one. Runs are still recorded`,
    );
  }
  const fits =
    snapshot.version === stored.version &&
    formatGroupingKey(snapshot.group) === formatGroupingKey(group);
  if (!fits) throw corrupt(where, "it belongs to another group or version");
  return snapshot;
}

function parse(bytes: Buffer, where: string): Snapshot & { readonly format: unknown } {
  try {
    const { gunzipSync } = process.getBuiltinModule("node:zlib");
    // gzip carries a checksum: what unpacks is what was packed.
    const parsed = JSON.parse(gunzipSync(bytes).toString("utf8"));
    if (parsed.format !== SNAPSHOT_FORMAT) return { ...parsed };
    const families = parsed.totals.families.map(familyFrom);
    return { ...parsed, totals: { ...parsed.totals, families } };
  } catch (error) {
    throw corrupt(where, messageOf(error), error);
  }
}

// biome-ignore lint/suspicious/noExplicitAny: as it comes out of JSON.parse; a surprise throws
function familyFrom(plain: any): FamilyTotals {
  switch (plain.type) {
    case "counter": {
      const samples = plain.samples.map(([labels, value]: [LabelSet, string]) => {
        return { labels, value: BigInt(value) };
      });
      return { ...plain, samples };
    }
    case "histogram": {
      const samples = plain.samples.map(([labels, sum, ...counts]: [LabelSet, ...string[]]) => {
        return { labels, counts: counts.map(BigInt), sum: BigInt(sum ?? "") };
      });
      return { ...plain, samples };
    }
    default:
      return plain;
  }
}

function corrupt(where: string, problem: string, cause?: unknown): LedgerCorruptError {
  return new LedgerCorruptError(
    `${where} cannot be read: ${problem}. Nothing is lost and runs are still recorded, but this ` +
      "group's totals stand still until `closing-bell ledger repair` has rebuilt them",
    { cause },
  );
}
