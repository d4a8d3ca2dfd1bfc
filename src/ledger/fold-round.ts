import type { GroupingKey } from "../grouping-key.ts";
import type { RunRecord } from "../record/run-record.ts";
import { foldWithinLimits } from "./fold.ts";
import type { DoneMark, PendingItem, RecordStore } from "./ledger.ts";
import {
  decodeSnapshot,
  emptySnapshot,
  encodeSnapshot,
  removedTotals,
  type Snapshot,
  type Totals,
} from "./snapshot.ts";

/** Records that one round takes: bounds what is lost when somebody else is faster. */
export const MAX_ROUND_RECORDS = 100;

/** Rounds lost in a row after which a fold leaves the work to those who win. */
const MAX_LOST_ROUNDS = 100;

/** What folding needs of a store. */
export type FoldStore = Omit<RecordStore, "append">;

/** What is in P and nobody here can read. */
export type SkippedItem = Exclude<PendingItem, { readonly status: "record" }>;

export type RoundResult = {
  /**
   * `folded`: a new version is written, or duplicates were cleared; there may be more to do. `idle`:
   * nothing is left to do. `lost`: somebody else wrote the next version; start over.
   */
  readonly status: "folded" | "idle" | "lost";
  /** The newest version that this round knows. */
  readonly snapshot: Snapshot;
  readonly taken: number;
  readonly duplicates: number;
  readonly skipped: readonly SkippedItem[];
};

/**
 * One round of folding a group: the next version of its totals, from what is pending. Anyone may
 * call it, any number at once, and be killed anywhere in it.
 *
 * Why each id ends up in exactly one version, by its four guards:
 *
 * 1. *Compare-and-swap*: version v+1 is written once, and only by one who had read v.
 * 2. *Finishing `last` first*: before v+1 is written, every id of version v has its done mark. So
 *    when v+1 exists, every id of the versions up to v has one.
 * 3. *Done check*: an id that has a done mark is not taken. It is made after v was read; with (2),
 *    v+1 takes no id of an older version, and none of v's because `last` names these.
 * 4. *A win is certain*: only then are the records moved out of P. One who wrongly believed it
 *    would remove records that no version holds.
 *
 * A record leaves P only with a done mark in place (or as a duplicate of one that has), and gets its
 * mark only once a version that holds it is written.
 *
 * @throws {LedgerCorruptError} or {LedgerFormatError} when the newest snapshot cannot be read, and
 * whatever the store rejects with. Everything is then as it was, or finished by the next round.
 */
export async function foldRound(store: FoldStore, group: GroupingKey): Promise<RoundResult> {
  const stored = await store.readSnapshot(group);
  const base = stored === undefined ? emptySnapshot(group) : decodeSnapshot(group, stored);
  await finishLast(store, base);

  const { candidates, counted, skipped } = await listPending(store, base);
  const ids = candidates.map(({ id }) => id);
  const done: ReadonlySet<string> = ids.length === 0 ? new Set() : await store.done(group, ids);
  const duplicates = [...counted, ...ids.filter((id) => done.has(id))];
  if (duplicates.length > 0) await store.deletePending(group, duplicates);

  const records = candidates.filter(({ id }) => !done.has(id));
  const result = { duplicates: duplicates.length, skipped };
  if (records.length === 0) {
    const status = duplicates.length === 0 ? "idle" : "folded";
    return { ...result, status, snapshot: base, taken: 0 };
  }

  const next = foldWithinLimits(base, stored?.bytes.length ?? 0, records);
  if ((await store.writeSnapshot(group, next.stored)) === "lost") {
    return { ...result, status: "lost", snapshot: base, taken: 0 };
  }
  await finish(store, next.snapshot, next.taken);
  return { ...result, status: "folded", snapshot: next.snapshot, taken: next.taken.length };
}

export type FoldReport = {
  /**
   * `settled`: everything that was pending at the start is counted. `contended`: others kept
   * winning, and do the work. `stopped`: the signal aborted; the rest stays pending.
   */
  readonly status: "settled" | "contended" | "stopped";
  readonly snapshot: Snapshot;
  /** Records added or rejected by this call. */
  readonly taken: number;
  /** Repetitions of records that were counted before, dropped by this call. */
  readonly duplicates: number;
  readonly skipped: readonly SkippedItem[];
};

/** Folds a group until nothing is pending. Throws as {@link foldRound} does. */
export async function foldGroup(
  store: FoldStore,
  group: GroupingKey,
  { signal }: { readonly signal?: AbortSignal } = {},
): Promise<FoldReport> {
  let taken = 0;
  let duplicates = 0;
  let lost = 0;
  for (;;) {
    const round = await foldRound(store, group);
    taken += round.taken;
    duplicates += round.duplicates;
    lost = round.status === "lost" ? lost + 1 : 0;
    const { snapshot, skipped } = round;
    const report = { snapshot, taken, duplicates, skipped };
    if (round.status === "idle") {
      await store.prune(group, snapshot.version);
      return { status: "settled", ...report };
    }
    if (lost > MAX_LOST_ROUNDS) return { status: "contended", ...report };
    if (signal?.aborted === true) return { status: "stopped", ...report };
  }
}

/**
 * Writes other totals as the next version of a group, in place of what it had. What is pending is
 * added to them by the next fold.
 *
 * @throws as {@link foldRound} does.
 */
export async function replaceTotals(
  store: FoldStore,
  group: GroupingKey,
  totals: Totals,
): Promise<Snapshot> {
  for (;;) {
    const base = await readNewestSnapshot(store, group);
    const { since } = base.totals;
    // What was shown of the totals before is still shown: they are the same life's.
    const next = await replaceVersion(
      store,
      base,
      since === undefined ? totals : { ...totals, since },
    );
    if (next !== undefined) return next;
  }
}

/**
 * Writes empty totals as the next version of a group, if `base` still is the newest. What is pending
 * then, or is recorded later, counts from 0.
 *
 * @returns undefined when others were faster: what they folded is not in `base`.
 * @throws as {@link foldRound} does.
 */
export function removeTotals(store: FoldStore, base: Snapshot): Promise<Snapshot | undefined> {
  return replaceVersion(store, base, removedTotals(base.version + 1));
}

async function replaceVersion(
  store: FoldStore,
  base: Snapshot,
  totals: Totals,
): Promise<Snapshot | undefined> {
  // The second guard: the next version must not be there before the records of this one are marked.
  await finishLast(store, base);
  const { group } = base;
  const next: Snapshot = { group, version: base.version + 1, last: [], totals };
  return (await store.writeSnapshot(group, encodeSnapshot(next))) === "won" ? next : undefined;
}

/** The newest totals, empty ones before the first fold. Throws as {@link foldRound} does. */
export async function readNewestSnapshot(
  store: Pick<FoldStore, "readSnapshot">,
  group: GroupingKey,
): Promise<Snapshot> {
  const stored = await store.readSnapshot(group);
  return stored === undefined ? emptySnapshot(group) : decodeSnapshot(group, stored);
}

/**
 * Marks the records of a version that its writer had no time to mark. One that is neither marked nor
 * pending was finished so long ago that its mark has been forgotten.
 */
async function finishLast(store: FoldStore, snapshot: Snapshot): Promise<void> {
  const { group, last } = snapshot;
  if (last.length === 0) return;
  const ids = last.map(({ id }) => id);
  const done = await store.done(group, ids);
  const unmarked = ids.filter((id) => !done.has(id));
  if (unmarked.length === 0) return;
  await finish(store, snapshot, await store.readPending(group, unmarked));
}

async function finish(
  store: FoldStore,
  { group, version, last }: Snapshot,
  records: readonly RunRecord[],
): Promise<void> {
  if (records.length === 0) return;
  const reasons = new Map(last.map(({ id, rejected }) => [id, rejected]));
  const marks = records.map((record): DoneMark => {
    const rejected = reasons.get(record.id);
    return { version, record, ...(rejected === undefined ? {} : { rejected }) };
  });
  await store.putDone(group, marks);
  await store.deletePending(
    group,
    records.map(({ id }) => id),
  );
}

async function listPending(store: FoldStore, { group, last }: Snapshot) {
  const inLast = new Set(last.map(({ id }) => id));
  const candidates: RunRecord[] = [];
  const counted: string[] = [];
  const skipped: SkippedItem[] = [];
  for await (const item of store.pending(group)) {
    if (item.status !== "record") skipped.push(item);
    else if (inLast.has(item.record.id)) counted.push(item.record.id);
    else candidates.push(item.record);
    if (candidates.length === MAX_ROUND_RECORDS) break;
  }
  return { candidates, counted, skipped };
}
