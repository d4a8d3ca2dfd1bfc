import { LedgerCorruptError } from "../errors.ts";
import { formatGroupingKey, type GroupingKey } from "../grouping-key.ts";
import type { RunRecord } from "../record/run-record.ts";
import { fold } from "./fold.ts";
import type { DoneMark, RecordStore, StoredSnapshot } from "./ledger.ts";
import { decodeSnapshot, emptySnapshot, encodeSnapshot, type Snapshot } from "./snapshot.ts";

/** What a repair needs of a store beside the ledger's own operations. */
export type Repairable = Pick<RecordStore, "writeSnapshot"> & {
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
 * @throws {LedgerCorruptError} when no kept version can be read and the first one is not among them,
 * so that there is nothing to start from; {LedgerFormatError}.
 */
export async function repairGroup(store: Repairable, group: GroupingKey): Promise<RepairResult> {
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
  // Version by version, as they were added, so that the same records are rejected again.
  const rebuilt = [...byVersion.keys()]
    .sort((a, b) => a - b)
    .reduce((totals: Snapshot, version) => fold(totals, byVersion.get(version) ?? []), base);
  const version = newest + 1;
  const written = await store.writeSnapshot(
    group,
    encodeSnapshot({ ...rebuilt, version, last: [] }),
  );
  if (written === "lost") return repairGroup(store, group);
  return { status: "repaired", version, from: base.version, records };
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
