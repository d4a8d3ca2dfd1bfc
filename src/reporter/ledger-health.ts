import { LedgerMismatchError } from "../errors.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { MetricSet } from "../metrics/metric-set.ts";
import { reporterCatalogue } from "../metrics/reporter-catalogue.ts";
import type { GroupPublication } from "../publish/publish-group.ts";
import { publishStateOf } from "../publish/publish-state.ts";

export type LedgerHealth = {
  readonly ledger: Ledger;
  /** Base URL of the gateway whose pushes are looked at. */
  readonly gateway: string;
  /** What came of publishing; undefined when nothing could be, and nobody knows of conflicts. */
  readonly publications: readonly GroupPublication[] | undefined;
  /** Unix seconds. */
  readonly now: number;
};

/**
 * Sets what the ledger is behind with, after everything was published that could be.
 *
 * Of a time the ledger keeps the latest for ever. So where nothing waits, nothing older than now does;
 * a time that is left out would be that of the last backlog.
 *
 * @throws what the ledger throws: then nothing is set.
 */
export async function reportLedgerHealth(
  set: MetricSet,
  { ledger, gateway, publications, now }: LedgerHealth,
): Promise<void> {
  let pending = 0;
  let oldest = now;
  let unconfirmed = 0;
  for (const group of await ledger.groups()) {
    for await (const item of ledger.pending(group)) {
      pending++;
      if (item.status === "record") oldest = Math.min(oldest, item.record.time);
    }
    const state = publishStateOf(await ledger.readPublishState(group), gateway);
    if (state.unconfirmed !== undefined) unconfirmed++;
  }
  const conflicting = publications?.filter(
    (each) => each.status === "refused" && each.error instanceof LedgerMismatchError,
  );
  set.get(reporterCatalogue.ledgerPendingRecords).set(pending);
  set.get(reporterCatalogue.ledgerOldestPendingTimestampSeconds).set(oldest);
  set.get(reporterCatalogue.ledgerUnconfirmedGroups).set(unconfirmed);
  if (conflicting !== undefined) {
    set.get(reporterCatalogue.ledgerConflictingGroups).set(conflicting.length);
  }
}
