import { LedgerUnavailableError } from "../errors.ts";
import { formatGroupingKey, type GroupingKey } from "../grouping-key.ts";
import type { Lease, Ledger } from "../ledger/ledger.ts";

/**
 * Does something to a group that no publisher may do meanwhile, and releases its lease.
 *
 * @throws {LedgerUnavailableError} while somebody publishes the group.
 */
export async function withLease<T>(
  ledger: Ledger,
  group: GroupingKey,
  work: (lease: Lease) => Promise<T>,
): Promise<T> {
  const taken = await ledger.lease(group);
  if (taken.status === "held") {
    throw new LedgerUnavailableError(
      `${formatGroupingKey(group)} is being published by ${taken.holder}: try again when it is done`,
    );
  }
  try {
    return await work(taken.lease);
  } finally {
    await taken.lease.release();
  }
}
