import type { Clock } from "../clock.ts";
import { asError } from "../errors.ts";
import type { GroupingKey } from "../grouping-key.ts";
import type { Ledger } from "../ledger/ledger.ts";
import { findOldGroups, type Pruned, pruneGroup } from "../publish/prune.ts";
import type { Publisher } from "../publish/publisher.ts";
import type { PushClient } from "../push/client.ts";

/** Removes what is dead, now and then; says what became of it. Never rejects. */
export type Pruner = (signal: AbortSignal) => Promise<readonly GroupPruning[]>;

export type GroupPruning =
  | { readonly groupingKey: GroupingKey; readonly pruned: Pruned }
  /** Nothing could be looked at, or it was told to stop. */
  | { readonly groupingKey?: undefined; readonly error: Error };

export type PrunerOptions = {
  readonly client: PushClient;
  readonly ledger: Ledger;
  readonly publisher: Publisher;
  readonly clock: Clock;
  readonly olderThanSeconds: number;
  /** Only these jobs' groups. */
  readonly jobs: readonly string[];
};

/** How often it is looked for dead groups: each time the whole gateway is read. Seconds. */
const EVERY_SECONDS = 3600;

/** Removes groups of the listed jobs to which nobody has reported for so long. */
export function createPruner(options: PrunerOptions): Pruner {
  const { client, ledger, publisher, clock, olderThanSeconds, jobs } = options;
  let lookedAt = Number.NEGATIVE_INFINITY;
  return async (signal) => {
    const now = clock.monotonic();
    if (now - lookedAt < EVERY_SECONDS || signal.aborted) return [];
    lookedAt = now;
    const pruned: GroupPruning[] = [];
    try {
      const { old } = await findOldGroups({
        client,
        ledger,
        clock,
        olderThanSeconds,
        jobs,
        signal,
      });
      for (const each of old) {
        signal.throwIfAborted();
        const fate = await pruneGroup(each, {
          client,
          clock,
          olderThanSeconds,
          signal,
          publish: (_, group) => publisher.publish(group, { signal }),
        });
        pruned.push({ groupingKey: each.groupingKey, pruned: fate });
      }
      return pruned;
    } catch (error) {
      // What went before it stays told.
      return [...pruned, { error: asError(error) }];
    }
  };
}
