import type { LedgerVersion } from "../errors.ts";
import type { GroupingKey } from "../grouping-key.ts";
import type { Ledger } from "../ledger/ledger.ts";
import { type Look, requireOwnHistory } from "./look.ts";
import { type PublishState, publishedVersion } from "./publish-state.ts";

/**
 * The newest totals of a ledger's group, as a gateway is told of them. Totals are not decoded for it.
 *
 * @throws {LedgerMismatchError} when the gateway shows what these must not replace.
 */
export async function requireOwnGroup(
  ledger: Ledger,
  group: GroupingKey,
  {
    shows,
    state,
    gateway,
  }: { readonly shows: Look; readonly state: PublishState; readonly gateway: string },
): Promise<LedgerVersion> {
  const stored = (await ledger.readSnapshot(group)) ?? { version: 0 };
  const ours = { ledgerId: await ledger.ledgerId(), version: publishedVersion(stored, state) };
  const { adopted } = state;
  requireOwnHistory(shows, { group, ours, adopted, gateway, place: ledger.place });
  return ours;
}
