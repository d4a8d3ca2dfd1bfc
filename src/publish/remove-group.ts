import type { Clock } from "../clock.ts";
import type { GroupingKey } from "../grouping-key.ts";
import { foldGroup, removeTotals } from "../ledger/fold-round.ts";
import type { Lease, Ledger } from "../ledger/ledger.ts";
import { areRemoved, type Snapshot } from "../ledger/snapshot.ts";
import { snapshotFamilies } from "../ledger/snapshot-families.ts";
import { runCatalogue } from "../metrics/catalogue.ts";
import type { MetricFamily } from "../metrics/exposition/family.ts";
import type { PushClient } from "../push/client.ts";
import { type Barrier, barrier as realBarrier } from "./barrier.ts";
import { hasPending } from "./current.ts";
import { look } from "./look.ts";
import { requireOwnGroup } from "./own-group.ts";
import { unpublish } from "./publish-group.ts";
import { openNotes, publishedVersion, stateOfTotals } from "./publish-state.ts";
import { withLease } from "./with-lease.ts";

export type RemoveOptions = {
  readonly ledger: Ledger;
  /** Undefined where there is no gateway: one that comes later is told by its publisher. */
  readonly client: PushClient | undefined;
  readonly clock: Clock;
  /** Ends it early. A delete that is under way may be applied all the same. */
  readonly signal: AbortSignal;
  /** For proofs that it is needed. */
  readonly barrier?: Barrier;
};

export type Removed = {
  readonly status: "removed";
  /** The version with which the totals are empty. */
  readonly version: number;
  /** Records that were in the totals: of runs, announced starts and the like. */
  readonly records: number;
  /** Of those, the ones that nobody had added yet. */
  readonly pending: number;
  /** Whether something was recorded meanwhile: it is to be published, and begins at 0. */
  readonly returns: boolean;
  /** Why the gateway shows the group still, or may: the next publish deletes it there. */
  readonly untold?: Error;
};

/** Nothing was removed: it ran again. Unix seconds. */
export type Alive = { readonly status: "alive"; readonly lastRunAt: number };

/**
 * Removes a ledger's group on purpose: its totals become empty, and the gateway forgets it. When its
 * job runs again the group comes back, and begins at 0 as a new one does.
 *
 * What was recorded before goes, published or not; what is recorded later stays. Empty totals are only
 * ever written in place of those that were looked at, so that no run that somebody else adds meanwhile
 * is removed unseen; and what is pending then is not touched. Killed before the gateway was told, it is
 * told by the next publish, for which empty totals mean that the group shall not be there.
 *
 * @throws {LedgerUnavailableError} while somebody publishes the group; {LedgerMismatchError} when the
 * gateway shows another ledger's totals, or newer ones; {PushError} when it cannot be read; what the
 * ledger throws. Nothing is removed then.
 */
export function removeGroup(options: RemoveOptions, group: GroupingKey): Promise<Removed> {
  return removeUnless<never>(options, group, () => undefined);
}

/** The same, unless a run of the group began or ended since: looked at last of all. */
export function removeOldGroup(
  options: RemoveOptions & {
    /** Unix seconds. */
    readonly before: number;
  },
  group: GroupingKey,
): Promise<Removed | Alive> {
  return removeUnless<Alive>(options, group, (snapshot) => {
    const ranAt = lastRunAt(snapshotFamilies(snapshot)) ?? Number.NEGATIVE_INFINITY;
    return ranAt < options.before ? undefined : { status: "alive", lastRunAt: ranAt };
  });
}

/** What was in the way. */
type Stopped<Stays> = { readonly stays: Stays };

/** @param judge says what is in the way, of the totals with all that is recorded. */
async function removeUnless<Stays>(
  { ledger, client, clock, signal, barrier = realBarrier }: RemoveOptions,
  group: GroupingKey,
  judge: (snapshot: Snapshot) => Stays | undefined,
): Promise<Removed | Stays> {
  const removed = await withLease(
    ledger,
    group,
    async (lease): Promise<Removed | Stopped<Stays>> => {
      const shown = client && (await atGateway(ledger, client, group, lease, { barrier, signal }));
      const emptied = await emptyTotals(ledger, group, signal, judge);
      if ("stays" in emptied) return emptied;
      const { snapshot, ...counts } = emptied;
      const told = await Promise.resolve(shown?.remove(snapshot, clock)).then(
        () => ({}),
        (error: Error) => ({ untold: error }),
      );
      const { version } = snapshot;
      return { status: "removed", version, ...counts, returns: false, ...told };
    },
  );
  if ("stays" in removed) return removed.stays;
  // After the release: whoever found the lease taken has left his record to us.
  return { ...removed, returns: await hasPending(ledger, group) };
}

/** The group at the gateway, if it is this ledger's to delete and nothing is outstanding. */
async function atGateway(
  ledger: Ledger,
  client: PushClient,
  group: GroupingKey,
  lease: Lease,
  { barrier, signal }: { readonly barrier: Barrier; readonly signal: AbortSignal },
) {
  const { gateway } = client;
  const { state, note } = await openNotes(lease, gateway);
  // Or it would come back with the push that is still under way.
  if (state.unconfirmed !== undefined) await barrier(client, signal);
  const shows = await look(client, group, { signal });
  await requireOwnGroup(ledger, group, { shows, state, gateway });
  return {
    remove(empty: Snapshot, clock: Clock): Promise<void> {
      const next = stateOfTotals(state, empty.totals.since);
      const removed = publishedVersion(empty, next);
      return unpublish(client, group, { version: removed, state: next, note, clock, signal });
    },
  };
}

async function emptyTotals<Stays>(
  ledger: Ledger,
  group: GroupingKey,
  signal: AbortSignal,
  judge: (snapshot: Snapshot) => Stays | undefined,
): Promise<
  | { readonly snapshot: Snapshot; readonly records: number; readonly pending: number }
  | Stopped<Stays>
> {
  let pending = 0;
  for (;;) {
    const { status, snapshot, taken } = await foldGroup(ledger, group, { signal });
    signal.throwIfAborted();
    pending += taken;
    if (status !== "settled") continue;
    const { totals, version } = snapshot;
    if (version === 0 || areRemoved(totals)) return { snapshot, records: 0, pending: 0 };
    const stays = judge(snapshot);
    if (stays !== undefined) return { stays };
    const empty = await removeTotals(ledger, snapshot);
    if (empty !== undefined) return { snapshot: empty, records: totals.records, pending };
  }
}

/** When a run of the group last ended, or started. Unix seconds; undefined when nothing says so. */
export function lastRunAt(families: readonly MetricFamily[]): number | undefined {
  const { lastStartTimestampSeconds, lastCompletionTimestampSeconds } = runCatalogue;
  const names: readonly string[] = [
    lastStartTimestampSeconds.name,
    lastCompletionTimestampSeconds.name,
  ];
  const times = families.flatMap((family) =>
    names.includes(family.name) && family.type === "gauge"
      ? family.samples.map(({ value }) => value)
      : [],
  );
  return times.length === 0 ? undefined : times.reduce((a, b) => Math.max(a, b));
}
