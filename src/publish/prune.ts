import type { Clock } from "../clock.ts";
import { asError, ClosingBellError, InvalidGroupingKeyError } from "../errors.ts";
import { type GroupingKey, groupingKey } from "../grouping-key.ts";
import { readNewestSnapshot } from "../ledger/fold-round.ts";
import type { Ledger } from "../ledger/ledger.ts";
import { snapshotFamilies } from "../ledger/snapshot-families.ts";
import { type MetricFamily, seriesCount } from "../metrics/exposition/family.ts";
import type { PushClient } from "../push/client.ts";
import { type GatewayGroup, keyOfGroup, readGroups, seriesOfGroup } from "../push/groups.ts";
import { type Look, lookAt } from "./look.ts";
import { type Ownership, ownershipIn } from "./ownership.ts";
import type { GroupPublication } from "./publish-group.ts";
import { bounded, GROUP_TIMEOUT_MS } from "./publisher.ts";
import { lastRunAt, type Removed, removeOldGroup } from "./remove-group.ts";

export type PruneOptions = {
  /** Without a gateway the ledger's groups are looked at. */
  readonly client: PushClient | undefined;
  /** Whose groups may go, besides those of no ledger. */
  readonly ledger: Ledger | undefined;
  readonly clock: Clock;
  readonly olderThanSeconds: number;
  /** Only these. Default all. */
  readonly jobs: readonly string[] | undefined;
  readonly signal?: AbortSignal;
};

/** A group that was last heard of longer ago than that. */
export type OldGroup = {
  readonly groupingKey: GroupingKey;
  readonly series: number;
  /** When it was last heard of, in Unix seconds, and how. */
  readonly lastAt: number;
  readonly by: "push" | "run";
} & (
  | { readonly status: "old"; readonly ownership: Ownership }
  /** No request can name it, or its totals cannot be read. */
  | { readonly status: "untouchable"; readonly error: ClosingBellError }
);

export type PruneFindings = {
  /** In no order. */
  readonly old: readonly OldGroup[];
  /** Groups that were looked at. */
  readonly examined: number;
};

/**
 * Finds the groups that nobody reports to any more. Changes nothing.
 *
 * A group's age is that of its last push, successful or not. Of a ledger's group it is that of its last
 * run: such a group is pushed again whenever a gateway is healed, however long its job is dead. Runs
 * that are not published yet count too.
 *
 * @throws {PushError} when the gateway cannot be read, and what the ledger throws.
 */
export async function findOldGroups({
  client,
  ledger,
  clock,
  olderThanSeconds,
  jobs,
  signal,
}: PruneOptions): Promise<PruneFindings> {
  const all = client === undefined ? await servedGroups(ledger) : await shownGroups(client, signal);
  const candidates = all.filter(({ groupingKey: { job } }) => jobs?.includes(job) ?? true);
  const before = clock.now() - olderThanSeconds;
  const ownershipOf = await ownershipIn(ledger);
  const old: OldGroup[] = [];
  for (const { groupingKey: key, series, shown, pushedAt } of candidates) {
    const pushed = { groupingKey: key, series, lastAt: pushedAt, by: "push" } as const;
    try {
      groupingKey(key.job, key.labels);
      const ownership = await ownershipOf(key, shown);
      // Removed before.
      if (client === undefined && ownership.status === "nobody") continue;
      const ranAt = latest(
        shown.version === undefined ? undefined : lastRunAt(shown.families),
        ownership.status === "ours" ? await recordedAt(ownership.ledger, key) : undefined,
      );
      const ran = ranAt === undefined ? pushed : ({ ...pushed, lastAt: ranAt, by: "run" } as const);
      // What somebody else pushed over a ledger's group was no healing.
      const last = shown.version === undefined && pushed.lastAt > ran.lastAt ? pushed : ran;
      if (last.lastAt < before) old.push({ ...last, status: "old", ownership });
    } catch (error) {
      if (!(error instanceof ClosingBellError)) throw error;
      if (pushedAt < before) old.push({ ...pushed, status: "untouchable", error });
    }
  }
  return { old, examined: candidates.length };
}

type Candidate = {
  readonly groupingKey: GroupingKey;
  readonly series: number;
  readonly shown: Pick<Look, "version" | "families">;
  /** The last push that was tried. */
  readonly pushedAt: number;
};

async function shownGroups(
  client: PushClient,
  signal: AbortSignal | undefined,
): Promise<readonly Candidate[]> {
  const groups = await readGroups(client, signal === undefined ? {} : { signal });
  return groups.map((group: GatewayGroup): Candidate => {
    const { pushTimeSeconds, pushFailureTimeSeconds } = group;
    const key = keyOfGroup(group);
    return {
      groupingKey: key,
      series: seriesOfGroup(group),
      shown: lookAt([group], key),
      pushedAt: Math.max(pushTimeSeconds, pushFailureTimeSeconds),
    };
  });
}

/** As a server of the ledger shows them. */
async function servedGroups(ledger: Ledger | undefined): Promise<readonly Candidate[]> {
  const candidates: Candidate[] = [];
  for (const key of (await ledger?.groups()) ?? []) {
    const families = await totalsOf(ledger, key);
    const series = families.reduce((lines, family) => lines + seriesCount(family), 0);
    candidates.push({ groupingKey: key, series, shown: { families: [] }, pushedAt: 0 });
  }
  return candidates;
}

/** None for totals that cannot be read: that is told when they are judged. */
async function totalsOf(
  ledger: Ledger | undefined,
  key: GroupingKey,
): Promise<readonly MetricFamily[]> {
  try {
    return ledger === undefined ? [] : snapshotFamilies(await readNewestSnapshot(ledger, key));
  } catch (error) {
    if (error instanceof ClosingBellError) return [];
    throw error;
  }
}

/** When the last run was that a ledger knows of. */
async function recordedAt(ledger: Ledger, key: GroupingKey): Promise<number | undefined> {
  let ranAt = lastRunAt(snapshotFamilies(await readNewestSnapshot(ledger, key)));
  for await (const item of ledger.pending(key)) {
    if (item.status === "record") ranAt = latest(ranAt, item.record.time);
  }
  return ranAt;
}

function latest(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? (a ?? b) : Math.max(a, b);
}

/** What became of an old group that was to be removed. */
export type Pruned =
  | {
      readonly status: "removed";
      readonly removal?: Removed;
      readonly publication?: GroupPublication;
    }
  /** Another ledger publishes it, or it ran again since. */
  | { readonly status: "left"; readonly why: string }
  | { readonly status: "failed"; readonly error: Error };

export type PruneGroupOptions = Pick<PruneOptions, "client" | "clock" | "olderThanSeconds"> & {
  /** Publishes what was recorded in a ledger's group while it was removed. */
  readonly publish: (ledger: Ledger, group: GroupingKey) => Promise<GroupPublication>;
  readonly signal?: AbortSignal;
};

/**
 * Removes an old group, if it may be. Never rejects for what a gateway or a ledger does, and that it
 * took too long is one of these.
 */
export async function pruneGroup(
  old: OldGroup,
  { client, clock, olderThanSeconds, publish, signal: outer }: PruneGroupOptions,
): Promise<Pruned> {
  if (old.status === "untouchable") {
    // No request can name it.
    if (old.error instanceof InvalidGroupingKeyError) {
      return { status: "left", why: old.error.message };
    }
    return { status: "failed", error: old.error };
  }
  const { ownership, groupingKey: key } = old;
  let inTime: AbortSignal | undefined;
  try {
    switch (ownership.status) {
      case "another":
        return { status: "left", why: `ledger ${ownership.version.ledgerId} publishes it` };
      case "nobody":
        await client?.delete(key, outer === undefined ? {} : { signal: outer });
        return { status: "removed" };
      case "ours": {
        const { ledger } = ownership;
        const before = clock.now() - olderThanSeconds;
        const removal = await bounded(GROUP_TIMEOUT_MS, outer, async (signal) => {
          inTime = signal;
          return removeOldGroup({ ledger, client, clock, signal, before }, key);
        });
        if (removal.status === "alive") return { status: "left", why: "it has just run again" };
        if (!removal.returns || client === undefined) return { status: "removed", removal };
        return { status: "removed", removal, publication: await publish(ledger, key) };
      }
      default:
        return ownership satisfies never;
    }
  } catch (error) {
    const isFault = !(error instanceof ClosingBellError) && inTime?.aborted !== true;
    if (isFault) throw error;
    return { status: "failed", error: asError(error) };
  }
}
