import type { LedgerVersion } from "../errors.ts";
import { formatGroupingKey, type GroupingKey } from "../grouping-key.ts";
import { readNewestSnapshot } from "../ledger/fold-round.ts";
import type { Ledger } from "../ledger/ledger.ts";
import { areRemoved } from "../ledger/snapshot.ts";
import { hasPending } from "./current.ts";
import type { Look } from "./look.ts";

/** Who would bring a group back that is deleted at the gateway. */
export type Ownership =
  /** The ledger that was asked. */
  | { readonly status: "ours"; readonly ledger: Ledger }
  /** Another one, going by what the gateway shows. */
  | { readonly status: "another"; readonly version: LedgerVersion }
  /** No ledger: whoever pushed it. */
  | { readonly status: "nobody" };

/** Says it of one gateway's groups. Lists the ledger's own once. */
export async function ownershipIn(
  ledger: Ledger | undefined,
): Promise<(group: GroupingKey, shown: Pick<Look, "version">) => Promise<Ownership>> {
  const known = new Set((await ledger?.groups())?.map(formatGroupingKey));
  const ledgerId = await ledger?.ledgerId();
  return async (group, { version }) => {
    const isKnown = ledger !== undefined && known.has(formatGroupingKey(group));
    if (version !== undefined && !(isKnown && version.ledgerId === ledgerId)) {
      return { status: "another", version };
    }
    const isOurs = isKnown && (version !== undefined || (await isPublished(ledger, group)));
    return isOurs ? { status: "ours", ledger } : { status: "nobody" };
  };
}

/** Whether there is something to publish: totals that were not removed, or records to be added. */
async function isPublished(ledger: Ledger, group: GroupingKey): Promise<boolean> {
  const { version, totals } = await readNewestSnapshot(ledger, group);
  return (version > 0 && !areRemoved(totals)) || hasPending(ledger, group);
}
