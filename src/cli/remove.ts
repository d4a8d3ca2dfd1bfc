import { systemClock } from "../clock.ts";
import { LedgerGroupError } from "../errors.ts";
import { formatGroupingKey, type GroupingKey } from "../grouping-key.ts";
import { readNewestSnapshot } from "../ledger/fold-round.ts";
import type { Ledger } from "../ledger/ledger.ts";
import { countPending } from "../publish/current.ts";
import { lookAt } from "../publish/look.ts";
import { ownershipIn } from "../publish/ownership.ts";
import type { GroupPublication } from "../publish/publish-group.ts";
import { bounded, GROUP_TIMEOUT_MS } from "../publish/publisher.ts";
import { type Removed, removeGroup } from "../publish/remove-group.ts";
import type { PushClient } from "../push/client.ts";
import { isGroup, readGroups, seriesOfGroup } from "../push/groups.ts";
import { confirm, isAtTerminal } from "./confirm.ts";
import { existingLedger } from "./existing-ledger.ts";
import { EXIT, type Io, UsageError } from "./io.ts";
import { describePublication, plainPublication } from "./publish.ts";
import { clientOf, type GroupFlags, groupOf, publisherOf } from "./target.ts";

export type RemoveFlags = GroupFlags & { readonly yes?: boolean; readonly forget?: boolean };

type Result = {
  readonly status: "removed" | "absent" | "declined" | "untold";
  /** For a person. */
  readonly said: string;
  readonly facts?: object;
};

/**
 * Removes one group for good. One that the ledger publishes would be back with the next publish: it is
 * removed only together with its totals, and only when that was said.
 */
export async function removeFromGateway(flags: RemoveFlags, io: Io): Promise<number> {
  const key = groupOf(flags);
  if (!flags.yes && !isAtTerminal()) {
    throw new UsageError("groups rm removes for good: say --yes where nobody can be asked");
  }
  const { status, said, facts } = await remove(key, flags, io);
  if (flags.json) io.out(`${JSON.stringify({ groupingKey: key, status, ...facts })}\n`);
  const isDone = status === "removed" || status === "absent";
  if (!isDone || !(flags.quiet || flags.json)) {
    io.err(`closing-bell: ${formatGroupingKey(key)}  ${said}\n`);
  }
  return isDone ? EXIT.done : EXIT.failed;
}

async function remove(key: GroupingKey, flags: RemoveFlags, io: Io): Promise<Result> {
  const name = formatGroupingKey(key);
  const { config, ledger } = await existingLedger(flags, io);
  const hasGateway = config.gateway !== undefined || ledger === undefined;
  const client = hasGateway ? await clientOf(flags, io) : undefined;
  const where = client === undefined ? "" : ` at ${client.gateway}`;
  const mayGo = async (what: string) =>
    flags.yes === true || confirm(`Remove ${name}${where}${what}?`, io);
  try {
    const shown = client === undefined ? [] : await readGroups(client);
    const group = shown.find((each) => isGroup(each, key));
    const ownershipOf = await ownershipIn(ledger);
    const ownership = await ownershipOf(key, lookAt(shown, key));
    switch (ownership.status) {
      case "another": {
        const { ledgerId, version } = ownership.version;
        throw new LedgerGroupError(
          `${name}${where} is at version ${version} of ledger ${ledgerId}, which is not the one configured here: ` +
            "remove it where that ledger is. When that ledger is gone for good: closing-bell delete",
        );
      }
      case "nobody": {
        if (client === undefined || group === undefined) {
          const who = client?.gateway ?? ledger?.place;
          return { status: "absent", said: `${who} has no such group` };
        }
        if (!(await mayGo(` (${seriesOfGroup(group)} series)`))) return DECLINED;
        await client.delete(key);
        return { status: "removed", said: `removed${where}` };
      }
      case "ours": {
        if (!flags.forget) {
          throw new LedgerGroupError(
            `${name} is published from ${ownership.ledger.place}: deleted at the gateway alone it would be back with the next publish. ` +
              "With --forget its totals are removed too, and it begins at 0 when its job runs again",
          );
        }
        const totals = await describeTotals(ownership.ledger, key);
        if (!(await mayGo(`, and its totals in ${totals}`))) return DECLINED;
        return await forget(ownership.ledger, client, key, async () =>
          (await publisherOf(config, ownership.ledger)).publish(key),
        );
      }
      default:
        return ownership satisfies never;
    }
  } finally {
    client?.close();
  }
}

const DECLINED: Result = { status: "declined", said: "nothing was removed" };

async function describeTotals(ledger: Ledger, key: GroupingKey): Promise<string> {
  const { totals } = await readNewestSnapshot(ledger, key);
  const pending = await countPending(ledger, key);
  return `${ledger.place} (${totals.records} records, and ${pending} pending)`;
}

async function forget(
  ledger: Ledger,
  client: PushClient | undefined,
  key: GroupingKey,
  publish: () => Promise<GroupPublication>,
): Promise<Result> {
  const removal = await bounded(GROUP_TIMEOUT_MS, undefined, (signal) =>
    removeGroup({ ledger, client, clock: systemClock, signal }, key),
  );
  const publication = removal.returns && client !== undefined ? await publish() : undefined;
  return {
    status: removal.untold === undefined ? "removed" : "untold",
    said: describeRemoval(removal, client?.gateway, publication),
    facts: removalFacts(removal, publication),
  };
}

/** What became of a ledger's group, for a person. */
export function describeRemoval(
  { records, pending, version, untold }: Removed,
  gateway: string | undefined,
  publication?: GroupPublication,
): string {
  const unseen = pending === 0 ? "" : `, ${pending} of them not published before`;
  const totals = `totals of ${records} records removed${unseen}, as version ${version}`;
  const told = describeTold(gateway, untold);
  const back = publication === undefined ? "" : `; ran again: ${describePublication(publication)}`;
  return `${totals}${told}${back}`;
}

function describeTold(gateway: string | undefined, untold: Error | undefined): string {
  if (gateway === undefined) return "";
  if (untold === undefined) return `; deleted at ${gateway}`;
  return `; not deleted yet at ${gateway}, the next publish does it: ${untold.message}`;
}

/** The same as JSON. */
export function removalFacts(
  { records, pending, version, untold }: Removed,
  publication?: GroupPublication,
): object {
  return {
    version,
    records,
    pending,
    ...(untold === undefined ? {} : { error: untold.message }),
    ...(publication === undefined ? {} : { publication: plainPublication(publication) }),
  };
}
