import { ClosingBellError } from "../errors.ts";
import type { GroupingKey } from "../grouping-key.ts";
import type { MetricFamily } from "../metrics/exposition/family.ts";
import type { SkippedItem } from "./fold-round.ts";
import type { Ledger } from "./ledger.ts";
import {
  areRemoved,
  decodeSnapshot,
  emptySnapshot,
  type Rejection,
  type Snapshot,
} from "./snapshot.ts";
import { snapshotFamilies } from "./snapshot-families.ts";

/** What `closing-bell ledger show` tells. Plain values, fit for JSON. */
export type LedgerDescription = {
  readonly place: string;
  readonly ledgerId: string;
  /** In the order of their jobs and labels. */
  readonly groups: readonly GroupDescription[];
};

export type GroupDescription = {
  readonly groupingKey: GroupingKey;
  /** Of the newest totals; 0 before the first fold. Absent when they cannot be read. */
  readonly version?: number;
  /** Records in these totals. Absent when they cannot be read. */
  readonly counted?: number;
  /** The totals were removed on purpose, and nothing was added since. */
  readonly removed?: true;
  /** Records that wait for the next fold. */
  readonly pending: number;
  /** Unix seconds of the oldest of those. */
  readonly oldestPendingAt?: number;
  readonly rejected?: { readonly count: number; readonly newest: readonly Rejection[] };
  readonly droppedLabelSets?: number;
  /** Pending items that this version cannot read; left alone. */
  readonly skipped: readonly SkippedItem[];
  /** Why the totals cannot be read. */
  readonly problem?: { readonly code: string; readonly message: string };
  /** The totals, as they would be published. */
  readonly families: readonly MetricFamily[];
};

/**
 * Reads a whole ledger and changes nothing in it. A group that cannot be read does not hide others.
 *
 * @param signal ends it early: rejects with its reason.
 */
export async function describeLedger(
  ledger: Ledger,
  signal?: AbortSignal,
): Promise<LedgerDescription> {
  const keys = [...(await ledger.groups())].sort((a, b) =>
    JSON.stringify(a) < JSON.stringify(b) ? -1 : 1,
  );
  const groups: GroupDescription[] = [];
  for (const key of keys) {
    signal?.throwIfAborted();
    groups.push(await describeGroup(ledger, key, signal));
  }
  return { place: ledger.place, ledgerId: await ledger.ledgerId(), groups };
}

async function describeGroup(
  ledger: Ledger,
  group: GroupingKey,
  signal: AbortSignal | undefined,
): Promise<GroupDescription> {
  let snapshot: Snapshot | undefined;
  let problem: GroupDescription["problem"];
  try {
    const stored = await ledger.readSnapshot(group);
    snapshot = stored === undefined ? emptySnapshot(group) : decodeSnapshot(group, stored);
  } catch (error) {
    if (!(error instanceof ClosingBellError)) throw error;
    problem = { code: error.code, message: error.message };
  }

  const { times, skipped } = await listWaiting(ledger, group, snapshot, signal);
  const oldest = times.reduce((least, time) => Math.min(least, time), Number.POSITIVE_INFINITY);
  return {
    groupingKey: group,
    ...(snapshot === undefined ? {} : totalsOf(snapshot)),
    pending: times.length,
    ...(times.length === 0 ? {} : { oldestPendingAt: oldest }),
    skipped,
    ...(problem === undefined ? {} : { problem }),
    families: snapshot === undefined ? [] : snapshotFamilies(snapshot),
  };
}

function totalsOf({ version, totals }: Snapshot) {
  const { records, rejected, rejections, droppedLabelSets } = totals;
  return {
    version,
    counted: records,
    ...(areRemoved(totals) ? { removed: true as const } : {}),
    rejected: { count: rejected, newest: rejections },
    droppedLabelSets,
  };
}

/** Times of the records that are pending and not counted yet: some are counted and not yet cleared. */
async function listWaiting(
  ledger: Ledger,
  group: GroupingKey,
  snapshot: Snapshot | undefined,
  signal: AbortSignal | undefined,
) {
  const waiting = new Map<string, number>();
  const skipped: SkippedItem[] = [];
  for await (const item of ledger.pending(group)) {
    signal?.throwIfAborted();
    if (item.status === "record") waiting.set(item.record.id, item.record.time);
    else skipped.push(item);
  }
  const ids = [...waiting.keys()];
  const done = ids.length === 0 ? new Set() : await ledger.done(group, ids);
  const counted = new Set(snapshot?.last.map(({ id }) => id));
  const times = [...waiting]
    .filter(([id]) => !done.has(id) && !counted.has(id))
    .map(([, time]) => time);
  return { times, skipped };
}
