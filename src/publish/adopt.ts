import type { Clock } from "../clock.ts";
import { InvalidOptionError } from "../errors.ts";
import { formatGroupingKey, type GroupingKey } from "../grouping-key.ts";
import { adoptedTotals } from "../ledger/adopted-totals.ts";
import { readNewestSnapshot, replaceTotals } from "../ledger/fold-round.ts";
import type { Ledger } from "../ledger/ledger.ts";
import { runCatalogue } from "../metrics/catalogue.ts";
import { gaugeValue } from "../metrics/exposition/family.ts";
import type { PushClient } from "../push/client.ts";
import { learnShown } from "./births.ts";
import { countPending } from "./current.ts";
import { isOwnHistory, type Look, look } from "./look.ts";
import { openNotes, type PublishState, publishedVersion, stateOfTotals } from "./publish-state.ts";
import { withLease } from "./with-lease.ts";

export type AdoptOptions = {
  readonly ledger: Ledger;
  readonly client: PushClient;
  readonly clock: Clock;
  /**
   * What becomes of pending records that the gateway's totals may hold already: those of a restored
   * ledger that ended before the gateway's last push. Needed only where there are such.
   */
  readonly pending?: "count" | "drop";
};

export type Adoption =
  | {
      readonly status: "adopted";
      /** The version under which the gateway will show the totals. */
      readonly version: number;
      /** Whose history goes on here. */
      readonly from: { readonly ledgerId: string; readonly version: number };
      /** Records that wait to be added to it, and those that were dropped because of `pending`. */
      readonly pending: number;
      readonly dropped: number;
    }
  /** The gateway shows nothing that stands in the way. */
  | { readonly status: "not needed" }
  /** Neither the gateway nor this ledger knows the group. */
  | { readonly status: "unknown group" };

/**
 * Takes over a group, on purpose: its totals begin with what the gateway shows, and what is pending
 * here is added to them. What this ledger had counted before and no longer shows is left behind.
 *
 * For a lost or replaced state directory, a restored backup, or a group that moves to this host.
 * Whoever published the group before must have stopped: afterwards it is refused there.
 *
 * @throws {InvalidOptionError} when `pending` has to be said; {LedgerUnavailableError} while somebody
 * publishes the group; {PushError} when the gateway cannot be read; what the ledger throws.
 */
export function adoptGroup(
  { ledger, client, clock, pending }: AdoptOptions,
  group: GroupingKey,
): Promise<Adoption> {
  return withLease(ledger, group, async (lease): Promise<Adoption> => {
    const shows = await look(client, group);
    const { version: from } = shows;
    const ledgerId = await ledger.ledgerId();
    const { state, note } = await openNotes(lease, client.gateway);
    const ours = {
      ledgerId,
      version: publishedVersion(await readNewestSnapshot(ledger, group), state),
    };
    if (from === undefined && ours.version === 0 && (await countPending(ledger, group)) === 0) {
      return { status: "unknown group" };
    }
    if (from === undefined || isOwnHistory(from, ours, state.adopted)) {
      return { status: "not needed" };
    }

    const dropped = await settlePending(ledger, group, { shows, ledgerId, pending });
    // In this order: until the state says so, nothing is pushed, and adopting again is safe.
    const next = await replaceTotals(ledger, group, adoptedTotals(shows.families));
    const ofTotals = stateOfTotals(state, next.totals.since);
    const learned = learnShown(ofTotals, shows.families, clock.now());
    const isOwnId = from.ledgerId === ledgerId;
    const adopted: PublishState = isOwnId
      ? { ...learned, ahead: from.version + 1 - next.version }
      : { ...learned, adopted: from };
    await note(adopted);
    const version = publishedVersion(next, adopted);
    const waiting = await countPending(ledger, group);
    return { status: "adopted", version, from, pending: waiting, dropped };
  });
}

/** Drops, or keeps, pending records that may be in the gateway's totals already. */
async function settlePending(
  ledger: Ledger,
  group: GroupingKey,
  {
    shows,
    ledgerId,
    pending,
  }: {
    readonly shows: Look;
    readonly ledgerId: string;
    readonly pending: AdoptOptions["pending"];
  },
): Promise<number> {
  // Another ledger's totals hold nothing of ours.
  if (shows.version?.ledgerId !== ledgerId) return 0;
  const { name } = runCatalogue.lastCompletionTimestampSeconds;
  // By the gateway's clock, and by that of those who ran what it shows.
  const latest = Math.max(shows.pushedAt, gaugeValue(shows.families, name) ?? 0);
  const doubtful: string[] = [];
  for await (const item of ledger.pending(group)) {
    if (item.status === "record" && item.record.time <= latest) doubtful.push(item.record.id);
  }
  if (doubtful.length === 0 || pending === "count") return 0;
  if (pending === "drop") {
    await ledger.deletePending(group, doubtful);
    return doubtful.length;
  }
  throw new InvalidOptionError(
    `${formatGroupingKey(group)} has ${doubtful.length} pending runs that ended before the gateway's last push: ` +
      "a backup was restored, and nobody can tell whether they were counted before. " +
      "Say --pending drop when they were, --pending count when they were not",
  );
}
