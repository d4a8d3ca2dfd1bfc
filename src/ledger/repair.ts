import { LedgerCorruptError } from "../errors.ts";
import { formatGroupingKey, type GroupingKey } from "../grouping-key.ts";
import type { RunRecord } from "../record/run-record.ts";
import { fold } from "./fold.ts";
import type { DoneMark, RecordStore, StoredSnapshot } from "./ledger.ts";
import { decodeSnapshot, emptySnapshot, encodeSnapshot, type Snapshot } from "./snapshot.ts";

/** What a repair needs of a store beside the ledger's own operations. */
export type Repairable = Pick<RecordStore, "writeSnapshot" | "pending"> & {
  /** The versions that are kept, ascending. */
  versions(group: GroupingKey): Promise<readonly StoredSnapshot[]>;
  /** Every done mark of a group. Slow: for repairs only. */
  doneMarks(group: GroupingKey): AsyncIterable<DoneMark>;
};

export type RepairResult = {
  /** `intact`: the newest version can be read, nothing was done. */
  readonly status: "intact" | "repaired";
  /** The newest version, after a repair a new one. */
  readonly version: number;
  /** The version that the repair started from. */
  readonly from: number;
  /** Records of later versions that were added again. */
  readonly records: number;
};

/**
 * Rebuilds a group's totals when the newest snapshot cannot be read: from the newest one that can,
 * and the records whose done marks name a later version. The result is written as a version of its
 * own; the unreadable one stays where it is. Records of the unreadable version that have no mark yet
 * are still pending, and the next fold takes them.
 *
 * Nobody may be folding the group who had won the unreadable version and is still marking records.
 *
 * @param acceptGaps rebuild even when no done mark names one of the versions in between. Every fold
 * takes a record, so the marks were pruned (30 days) and the totals will be lower than they were; but
 * a version that an earlier repair wrote has no record either.
 * @throws {LedgerCorruptError} when no kept version can be read and the first one is not among them,
 * so that there is nothing to start from, or for such a gap; {LedgerFormatError}.
 */
export async function repairGroup(
  store: Repairable,
  group: GroupingKey,
  { acceptGaps = false }: { readonly acceptGaps?: boolean } = {},
): Promise<RepairResult> {
  const versions = await store.versions(group);
  const newest = versions.at(-1)?.version ?? 0;
  const base = newestReadable(group, versions);
  if (base.version === newest) {
    return { status: "intact", version: newest, from: newest, records: 0 };
  }

  const byVersion = new Map<number, RunRecord[]>();
  let records = 0;
  for await (const { version, record } of store.doneMarks(group)) {
    if (version <= base.version) continue;
    byVersion.set(version, [...(byVersion.get(version) ?? []), record]);
    records++;
  }
  const gaps = await unmarkedVersions(store, group, base.version, newest, byVersion);
  if (gaps.length > 0 && !acceptGaps) {
    throw new LedgerCorruptError(
      `no done mark names version ${gaps.join(", ")} of the totals of ${formatGroupingKey(group)}: ` +
        "rebuilt without them the totals would be too low. Restore the state directory from a backup, " +
        "or take what is left with: closing-bell ledger repair --accept-gaps",
    );
  }
  // Version by version, as they were added, so that the same records are rejected again.
  const rebuilt = [...byVersion.keys()]
    .sort((a, b) => a - b)
    .reduce((totals: Snapshot, version) => fold(totals, byVersion.get(version) ?? []), base);
  const version = newest + 1;
  const written = await store.writeSnapshot(
    group,
    encodeSnapshot({ ...rebuilt, version, last: [] }),
  );
  if (written === "lost") return repairGroup(store, group, { acceptGaps });
  return { status: "repaired", version, from: base.version, records };
}

/** The newest one may have none yet: whoever won it was killed, and its records are still pending. */
async function unmarkedVersions(
  store: Repairable,
  group: GroupingKey,
  base: number,
  newest: number,
  marked: ReadonlyMap<number, unknown>,
): Promise<readonly number[]> {
  const between = Array.from({ length: newest - base }, (_, index) => base + 1 + index);
  const gaps = between.filter((version) => !marked.has(version));
  if (gaps.at(-1) !== newest) return gaps;
  for await (const _ of store.pending(group)) return gaps.slice(0, -1);
  return gaps;
}

function newestReadable(group: GroupingKey, versions: readonly StoredSnapshot[]): Snapshot {
  for (const stored of versions.toReversed()) {
    try {
      return decodeSnapshot(group, stored);
    } catch (error) {
      if (!(error instanceof LedgerCorruptError)) throw error;
    }
  }
  if ((versions[0]?.version ?? 1) === 1) return emptySnapshot(group);
  throw new LedgerCorruptError(
    `none of the ${versions.length} kept versions of the totals of ${formatGroupingKey(group)} can be read: ` +
      "restore the state directory from a backup",
  );
}
