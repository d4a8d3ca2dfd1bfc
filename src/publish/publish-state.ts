import { LedgerFormatError } from "../errors.ts";
import type { Lease, StateItem } from "../ledger/ledger.ts";

/** What publishers noted about one group at one gateway. */
export type PublishState = {
  /** The newest version that the gateway confirmed, and when (Unix seconds). */
  readonly acked?: { readonly version: number; readonly at: number };
  /** A push of this version was sent and not answered: it may still be applied. */
  readonly unconfirmed?: { readonly version: number; readonly at: number };
  /** Label sets whose values may be shown. See `births.ts`. */
  readonly settled: ReadonlySet<SeriesId>;
  /** Label sets that were shown as 0, each with the time of the first confirmation. */
  readonly held: ReadonlyMap<SeriesId, number>;
  /** Of those, the ones whose value is not 0: what the gateway shows less of than the ledger has. */
  readonly hidden?: Hidden;
  /** Another ledger's history of the group that was taken over on purpose (`adopt.ts`). */
  readonly adopted?: { readonly ledgerId: string; readonly version: number };
  /**
   * What is added to the ledger's versions at this gateway: after a later history of this very ledger
   * was taken over, so that versions rise there, and whoever goes on with that history is behind.
   */
  readonly ahead?: number;
  /** Which totals `settled` and `held` are of: `Totals.since`. */
  readonly since?: number;
};

export type Hidden = {
  /** Label sets. */
  readonly count: number;
  /** When the first and the last of them were first confirmed as 0. Unix seconds. */
  readonly since: number;
  readonly latest: number;
};

/** Names a label set of a family: eight characters of a hash, so that thousands fit into an item. */
export type SeriesId = string;

export const SERIES_ID_LENGTH = 8;

export const NOTHING_PUBLISHED: PublishState = { settled: new Set(), held: new Map() };

/** Gateways that a group's item remembers: somebody who tries many does not make it grow. */
const MAX_GATEWAYS = 8;

type StoredState = Omit<PublishState, "settled" | "held"> & {
  readonly gateway: string;
  /** Series ids, one after the other. */
  readonly settled: string;
  readonly held: readonly (readonly [SeriesId, number])[];
};

type StoredItem = { readonly format: 1; readonly gateways: readonly StoredState[] };

/** The state of a gateway, by its base URL, in a group's item. */
export function publishStateOf(item: StateItem | undefined, gateway: string): PublishState {
  const stored = gatewaysOf(item).find((each) => each.gateway === gateway);
  return stored === undefined ? NOTHING_PUBLISHED : decode(stored);
}

/** Every gateway in a group's item, the one that was last written first. */
export function publishStates(
  item: StateItem | undefined,
): readonly { readonly gateway: string; readonly state: PublishState }[] {
  return gatewaysOf(item).map((stored) => ({ gateway: stored.gateway, state: decode(stored) }));
}

/** The item's next version, with another state of a gateway. */
export function withPublishState(
  item: StateItem | undefined,
  gateway: string,
  state: PublishState,
): StateItem {
  const others = gatewaysOf(item).filter((each) => each.gateway !== gateway);
  const gateways = [encode(gateway, state), ...others].slice(0, MAX_GATEWAYS);
  const value: StoredItem = { format: 1, gateways };
  return { version: (item?.version ?? 0) + 1, value };
}

/** The version under which totals are shown at a gateway. 0 before the first. */
export function publishedVersion(
  { version }: { readonly version: number },
  { ahead = 0 }: PublishState,
): number {
  return version === 0 ? 0 : version + ahead;
}

/** What is noted of a gateway, to be read and written by whoever has the group's lease. */
export async function openNotes(lease: Lease, gateway: string) {
  let item = await lease.readState();
  return {
    state: publishStateOf(item, gateway),
    async note(next: PublishState): Promise<void> {
      const written = withPublishState(item, gateway, next);
      await lease.writeState(written);
      item = written;
    },
  };
}

export function withoutUnconfirmed({ unconfirmed: _, ...state }: PublishState): PublishState {
  return state;
}

/**
 * What is known of these totals. When those before them were removed on purpose, what was shown of
 * those says nothing: label sets are born at 0 again.
 */
export function stateOfTotals(
  { hidden, ...state }: PublishState,
  since: number | undefined,
): PublishState {
  if (state.since === since) return hidden === undefined ? state : { ...state, hidden };
  const { since: _, ...others } = state;
  const nothing = { settled: new Set<SeriesId>(), held: new Map<SeriesId, number>() };
  return { ...others, ...nothing, ...(since === undefined ? {} : { since }) };
}

/** @throws {LedgerFormatError} for what a newer closing-bell wrote. */
function gatewaysOf(item: StateItem | undefined): readonly StoredState[] {
  if (item === undefined) return [];
  const { format, gateways } = item.value as Omit<StoredItem, "format"> & { format: number };
  if (format === 1) return gateways;
  throw new LedgerFormatError(
    `what was published of a group has format ${format}: a newer closing-bell wrote it; upgrade this one. Runs are still recorded`,
  );
}

function encode(gateway: string, { settled, held, ...others }: PublishState): StoredState {
  return { gateway, ...others, settled: joinIds(settled), held: [...held] };
}

function decode({ gateway: _, settled, held, ...others }: StoredState): PublishState {
  return { ...others, settled: splitIds(settled), held: new Map(held) };
}

/** Series ids, one after the other: thousands of them fit into an item. */
export function joinIds(ids: ReadonlySet<SeriesId>): string {
  return [...ids].join("");
}

export function splitIds(text: string): ReadonlySet<SeriesId> {
  return new Set(text.match(new RegExp(`.{${SERIES_ID_LENGTH}}`, "g")) ?? []);
}
