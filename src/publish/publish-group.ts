import type { Clock } from "../clock.ts";
import type { ClosingBellError, LedgerVersion } from "../errors.ts";
import type { GroupingKey } from "../grouping-key.ts";
import { foldGroup, readNewestSnapshot } from "../ledger/fold-round.ts";
import type { Lease, Ledger } from "../ledger/ledger.ts";
import { ledgerCatalogue } from "../ledger/own-families.ts";
import { areRemoved, type Snapshot } from "../ledger/snapshot.ts";
import { snapshotFamilies } from "../ledger/snapshot-families.ts";
import type { MetricFamily } from "../metrics/exposition/family.ts";
import { expositionOf } from "../push/body.ts";
import type { PushClient } from "../push/client.ts";
import type { Barrier } from "./barrier.ts";
import { births, dueTimes, learnShown } from "./births.ts";
import { type Look, look, showsAll } from "./look.ts";
import { requireOwnGroup } from "./own-group.ts";
import {
  openNotes,
  type PublishState,
  publishedVersion,
  stateOfTotals,
  withoutUnconfirmed,
} from "./publish-state.ts";
import { leavesNothing } from "./push-error.ts";

/** What came of publishing one group. */
export type GroupPublication = { readonly groupingKey: GroupingKey } & (
  | {
      /** The gateway confirmed these totals. */
      readonly status: "published";
      readonly gateway: string;
      readonly version: number;
      readonly series: number;
      readonly seconds: number;
      /** Values that are shown as 0 for now. */
      readonly held?: Held;
      /** The gateway runs without its consistency check: taken, but nobody looked at it. */
      readonly unchecked?: true;
    }
  /** The gateway shows the newest totals already. */
  | {
      readonly status: "current";
      readonly gateway: string;
      readonly version: number;
      readonly held?: Held;
    }
  /** Its totals were removed on purpose, nothing was recorded since, and the gateway shows none of them. */
  | { readonly status: "removed"; readonly gateway: string; readonly version: number }
  /** Somebody else publishes the group now, and takes what was recorded along. */
  | { readonly status: "busy"; readonly holder: string }
  /** Not sent, or answered with a refusal: trying again does not help. */
  | { readonly status: "refused"; readonly error: ClosingBellError }
  /** Tried and not confirmed; the next publisher goes on. */
  | { readonly status: "failed"; readonly error: Error }
);

export type Held = {
  /** Label sets whose value is not shown yet. */
  readonly series: number;
  /** When a publish may show the first of them, and the last. Unix seconds. */
  readonly first: number;
  readonly until: number;
};

export type PublishContext = {
  readonly ledger: Ledger;
  readonly client: PushClient;
  readonly holdSeconds: number;
  readonly clock: Clock;
  readonly barrier: Barrier;
};

type PublishOptions = {
  /** What the gateway showed of the group a moment ago, when that was read already. */
  readonly seen?: Look;
  readonly signal: AbortSignal;
};

/**
 * Largest body in bytes. Above the push client's own limit: the fold bounds a group's totals, and
 * what it has taken must be publishable.
 */
const MAX_BODY_BYTES = 16_000_000;

/**
 * Publishes a group, once, by whoever holds its lease.
 *
 * Why scraped counters never fall: one publisher at a time (the lease); it sends nothing while a push
 * of its predecessor may still be applied (barrier); it never replaces newer totals, or another
 * history's (look); every total is the newest that the ledger has (read back after the fold); and a
 * push is noted before it is sent, so that whoever comes after a crash knows of it.
 *
 * Throws what went wrong; nothing is outstanding then that is not noted.
 */
export async function publishUnderLease(
  { ledger, client, clock, holdSeconds, barrier }: PublishContext,
  group: GroupingKey,
  lease: Lease,
  { seen, signal }: PublishOptions,
): Promise<GroupPublication> {
  const { gateway } = client;
  const { state: before, note } = await openNotes(lease, gateway);
  const isOutstanding = before.unconfirmed !== undefined;
  if (isOutstanding) await barrier(client, signal);
  // What was read before the barrier tells nothing: the outstanding push may have come since.
  const known = isOutstanding ? undefined : seen;
  const shows = known ?? (await look(client, group, { signal }));
  // Before anything is folded: what is pending can then still be added to totals that are adopted.
  const { ledgerId } = await requireOwnGroup(ledger, group, { shows, state: before, gateway });

  await foldGroup(ledger, group, { signal });
  const snapshot = await readNewestSnapshot(ledger, group);
  const { since } = snapshot.totals;
  const ofTotals = stateOfTotals(before, since);
  const version = publishedVersion(snapshot, ofTotals);
  const current = { groupingKey: group, status: "current", gateway, version } as const;
  if (snapshot.version === 0) return current;
  if (areRemoved(snapshot.totals)) {
    // What no ledger made is somebody else's by now.
    const isShown = shows.version !== undefined;
    const gone = { version, state: ofTotals, note, clock, signal };
    if (isShown) await unpublish(client, group, gone);
    else if (before.acked?.version !== version) {
      await note(unpublished(ofTotals, version, clock.now()));
    }
    return { groupingKey: group, status: "removed", gateway, version };
  }
  const state = showsRemoved(shows, ledgerId, since, ofTotals)
    ? ofTotals
    : learnShown(ofTotals, shows.families, clock.now());
  const totals = totalFamilies(snapshot, { ledgerId, version });
  const composed = births(totals, state, { now: clock.now(), holdSeconds });
  // Somebody else's publish took this run's record along.
  const isCurrent = !isOutstanding && state.acked?.version === version && !composed.isNews;
  if (isCurrent && showsAll(shows, composed.families)) {
    return { ...current, ...heldOf(state, holdSeconds) };
  }
  const body = expositionOf(group, composed.families, { maxBytes: MAX_BODY_BYTES });

  signal.throwIfAborted();
  await note({ ...composed.state, unconfirmed: { version, at: clock.now() } });
  try {
    const receipt = await client.push(group, body, { signal, attempts: 1 });
    const at = clock.now();
    const { unconfirmed: _, ...confirmed } = composed.confirmed(at);
    const next: PublishState = { ...confirmed, acked: { version, at } };
    await note(next);
    return {
      groupingKey: group,
      status: "published",
      gateway,
      version,
      series: body.series,
      seconds: receipt.seconds,
      ...heldOf(next, holdSeconds),
      ...(receipt.status === "unchecked" ? { unchecked: true } : {}),
    };
  } catch (error) {
    if (leavesNothing(error)) await note(withoutUnconfirmed(composed.state));
    throw error;
  }
}

/** Whether a gateway shows totals of this ledger that were removed. */
function showsRemoved(
  { version: shown }: Look,
  ledgerId: string,
  since: number | undefined,
  { ahead = 0 }: PublishState,
): boolean {
  return since !== undefined && shown?.ledgerId === ledgerId && shown.version < since + ahead;
}

export type UnpublishOptions = {
  /** Of the totals that were removed. */
  readonly version: number;
  readonly state: PublishState;
  readonly note: (next: PublishState) => Promise<void>;
  readonly clock: Clock;
  readonly signal: AbortSignal;
};

/**
 * Deletes a group whose totals were removed, by whoever holds its lease. Noted and confirmed as a push
 * is: a delete that was not answered may come late, too.
 */
export async function unpublish(
  client: PushClient,
  group: GroupingKey,
  { version, state, note, clock, signal }: UnpublishOptions,
): Promise<void> {
  signal.throwIfAborted();
  await note({ ...state, unconfirmed: { version, at: clock.now() } });
  try {
    await client.delete(group, { signal, attempts: 1 });
  } catch (error) {
    if (leavesNothing(error)) await note(withoutUnconfirmed(state));
    throw error;
  }
  await note(unpublished(state, version, clock.now()));
}

function unpublished(state: PublishState, version: number, at: number): PublishState {
  const { hidden: _, ...others } = withoutUnconfirmed(state);
  return { ...others, settled: new Set(), held: new Map(), acked: { version, at } };
}

/** The part of a publication that tells what is shown as 0 for now. */
export function heldOf({ hidden }: PublishState, holdSeconds: number): { readonly held?: Held } {
  if (hidden === undefined) return {};
  const { first, last } = dueTimes(hidden, holdSeconds);
  return { held: { series: hidden.count, first, until: last } };
}

/** A group's totals as families, and whose totals they are. */
export function totalFamilies(
  snapshot: Snapshot,
  { ledgerId, version }: LedgerVersion,
): readonly MetricFamily[] {
  const { type, name, help } = ledgerCatalogue.ledgerVersion;
  const samples = [{ labels: { ledger_id: ledgerId }, value: version }];
  return [...snapshotFamilies(snapshot), { type, name, help, samples }];
}
