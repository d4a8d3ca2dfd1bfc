import type { GroupingKey } from "../grouping-key.ts";
import { readNewestSnapshot } from "../ledger/fold-round.ts";
import type { Ledger } from "../ledger/ledger.ts";
import { areRemoved } from "../ledger/snapshot.ts";
import { births } from "./births.ts";
import { type Look, requireOwnHistory, showsAll } from "./look.ts";
import {
  type GroupPublication,
  heldOf,
  type PublishContext,
  totalFamilies,
} from "./publish-group.ts";
import { publishedVersion, publishStateOf, stateOfTotals } from "./publish-state.ts";

/**
 * Says that a group needs no publishing; undefined when it does. Compares what the gateway shows with
 * what would be pushed, series by series: so a gateway that lost its memory, came back with an old
 * file or was written to by others is told from one that is up to date. Reads only, without a lease.
 *
 * @throws {LedgerMismatchError}, and what reading the ledger throws.
 */
export async function publicationIfCurrent(
  { ledger, client, clock, holdSeconds }: PublishContext,
  group: GroupingKey,
  seen: Look,
): Promise<GroupPublication | undefined> {
  // At once: a store may read both with one request.
  const [item, snapshot] = await Promise.all([
    ledger.readPublishState(group),
    readNewestSnapshot(ledger, group),
  ]);
  const noted = publishStateOf(item, client.gateway);
  const { totals } = snapshot;
  const state = stateOfTotals(noted, totals.since);
  const ledgerId = await ledger.ledgerId();
  const version = publishedVersion(snapshot, state);
  const isIdle = state.unconfirmed === undefined && !(await hasPending(ledger, group));
  if (areRemoved(totals) && isIdle) {
    const shown = seen.version?.ledgerId;
    // Another ledger may have it by now: a job that moved to another host.
    const isDone = shown === undefined ? state.acked?.version === version : shown !== ledgerId;
    if (isDone) return { groupingKey: group, status: "removed", gateway: client.gateway, version };
  }
  requireOwnHistory(seen, {
    group,
    ours: { ledgerId, version },
    adopted: state.adopted,
    gateway: client.gateway,
    place: ledger.place,
  });
  if (!isIdle || areRemoved(totals)) return undefined;
  const current = {
    groupingKey: group,
    status: "current",
    gateway: client.gateway,
    version,
  } as const;
  if (version === 0) return current;

  const rules = { now: clock.now(), holdSeconds };
  const { families, isNews } = births(totalFamilies(snapshot, { ledgerId, version }), state, rules);
  const isShown = state.acked?.version === version && showsAll(seen, families);
  if (isNews || !isShown) return undefined;
  return { ...current, ...heldOf(state, holdSeconds) };
}

/** Records that wait to be folded and can be. */
export async function countPending(ledger: Ledger, group: GroupingKey): Promise<number> {
  let records = 0;
  for await (const item of ledger.pending(group)) if (item.status === "record") records++;
  return records;
}

/** Whether a record waits to be folded that can be. */
export async function hasPending(ledger: Ledger, group: GroupingKey): Promise<boolean> {
  for await (const item of ledger.pending(group)) if (item.status === "record") return true;
  return false;
}
