import { systemClock } from "../clock.ts";
import { formatGroupingKey, type GroupingKey } from "../grouping-key.ts";
import type { Ledger } from "../ledger/ledger.ts";
import { findOldGroups, type OldGroup, pruneGroup } from "../publish/prune.ts";
import type { GroupPublication } from "../publish/publish-group.ts";
import type { PushClient } from "../push/client.ts";
import { parseDuration } from "./duration.ts";
import { existingLedger } from "./existing-ledger.ts";
import { ageText, byKey } from "./groups.ts";
import { EXIT, type Io, UsageError } from "./io.ts";
import { timeText } from "./publish.ts";
import { describeRemoval, removalFacts } from "./remove.ts";
import { clientOf, type GatewayFlags, publisherOf } from "./target.ts";

export type PruneFlags = GatewayFlags & {
  readonly olderThan: string;
  readonly job?: readonly string[];
  readonly yes?: boolean;
};

/** What became of an old group. */
type Fate = {
  readonly action: "would remove" | "removed" | "left" | "failed";
  /** For a person, where the action does not say it all. */
  readonly said?: string;
  readonly facts?: object;
};

type PruneContext = {
  /** Undefined where there is no gateway, and only the ledger's groups are removed. */
  readonly client: PushClient | undefined;
  /** Without it nothing is removed. */
  readonly isMeant: boolean;
  readonly olderThanSeconds: number;
  readonly publish: (ledger: Ledger, group: GroupingKey) => Promise<GroupPublication>;
};

/**
 * Removes the groups that nobody reports to any more, or says which these are. Never asks: without
 * `--yes` nothing is removed, at a terminal or not. 1 when one could not be removed.
 */
export async function prune(flags: PruneFlags, io: Io): Promise<number> {
  const olderThanSeconds = parseDuration(flags.olderThan, "--older-than") / 1000;
  if (olderThanSeconds === 0) {
    throw new UsageError("--older-than 0 is every group: name an age, such as 7d");
  }
  const { yes: isMeant = false, job: jobs } = flags;
  const { config, ledger } = await existingLedger(flags, io);
  const hasGateway = config.gateway !== undefined || ledger === undefined;
  const client = hasGateway ? await clientOf(flags, io) : undefined;
  try {
    const options = { client, ledger, clock: systemClock, olderThanSeconds, jobs };
    const { old, examined } = await findOldGroups(options);
    const context: PruneContext = {
      client,
      isMeant,
      olderThanSeconds,
      publish: async (from, group) => (await publisherOf(config, from)).publish(group),
    };
    const results: Result[] = [];
    for (const each of old.toSorted(byKey)) {
      const fate = await settle(each, context);
      results.push({ old: each, fate });
      if (!flags.json) print({ old: each, fate }, flags, io);
    }
    const found = results.filter(({ fate }) => fate.action !== "left").length;
    if (flags.json) {
      const groups = results.map(plain);
      io.out(`${JSON.stringify({ dryRun: !isMeant, olderThanSeconds, examined, groups })}\n`);
    } else if (!flags.quiet) {
      const dry = isMeant || found === 0 ? "" : "; nothing was removed, --yes removes them";
      io.err(
        `closing-bell: ${found} of ${examined} groups ${client === undefined ? "of" : "at"} ${client?.gateway ?? ledger?.place} are older than ${flags.olderThan}${dry}\n`,
      );
    }
    return results.some(({ fate }) => fate.action === "failed") ? EXIT.failed : EXIT.done;
  } finally {
    client?.close();
  }
}

type Result = { readonly old: OldGroup; readonly fate: Fate };

/** Removes an old group, if that is meant and may be. */
async function settle(old: OldGroup, context: PruneContext): Promise<Fate> {
  if (!context.isMeant && mayGo(old)) return { action: "would remove" };
  const pruned = await pruneGroup(old, { ...context, clock: systemClock });
  switch (pruned.status) {
    case "left":
      return { action: "left", said: pruned.why };
    case "failed":
      return { action: "failed", said: pruned.error.message };
    case "removed": {
      const { removal, publication } = pruned;
      if (removal === undefined) return { action: "removed" };
      return {
        action: removal.untold === undefined ? "removed" : "failed",
        said: describeRemoval(removal, context.client?.gateway, publication),
        facts: removalFacts(removal, publication),
      };
    }
    default:
      return pruned satisfies never;
  }
}

/** What is not removed in any case is said without being meant, too. */
function mayGo(old: OldGroup): boolean {
  return old.status === "old" && old.ownership.status !== "another";
}

/** Standard output has what goes or went, standard error the rest. */
function print({ old, fate }: Result, flags: PruneFlags, io: Io): void {
  const { action, said } = fate;
  const name = formatGroupingKey(old.groupingKey);
  const age = `last ${old.by} ${timeText(old.lastAt)}, ${ageText(systemClock.now() - old.lastAt)}`;
  const more = said === undefined ? "" : `; ${said}`;
  switch (action) {
    case "would remove":
    case "removed":
      if (!flags.quiet) {
        io.out(`${action} ${name}  ${old.series} series, ${age}${more}\n`);
      }
      break;
    case "left":
      if (!flags.quiet) io.err(`closing-bell: ${name}  left alone, ${age}${more}\n`);
      break;
    case "failed":
      io.err(`closing-bell: ${name}  not removed, ${age}${more}\n`);
      break;
    default:
      action satisfies never;
  }
}

function plain({ old, fate }: Result): object {
  const { groupingKey, series, lastAt, by } = old;
  const { action, said, facts } = fate;
  const reason = said === undefined || facts !== undefined ? {} : { reason: said };
  return { groupingKey, series, lastAt, by, action, ...reason, ...facts };
}
