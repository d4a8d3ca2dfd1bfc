import { systemClock } from "../clock.ts";
import { ClosingBellError } from "../errors.ts";
import { formatGroupingKey, type GroupingKey } from "../grouping-key.ts";
import { describeLedger, type GroupDescription } from "../ledger/describe.ts";
import { createFileLedger } from "../ledger/file-ledger.ts";
import { repairGroup } from "../ledger/repair.ts";
import { type Adoption, adoptGroup } from "../publish/adopt.ts";
import { holdSecondsOf } from "../publish/births.ts";
import { type Held, heldOf } from "../publish/publish-group.ts";
import { type PublishState, publishStates } from "../publish/publish-state.ts";
import { EXIT, type Io, UsageError } from "./io.ts";
import {
  counted,
  describeHeld,
  describePublication,
  plainPublication,
  timeText,
} from "./publish.ts";
import {
  clientOf,
  type GatewayFlags,
  type GroupFlags,
  groupOf,
  ledgerOf,
  publisherOf,
} from "./target.ts";

export type ShowFlags = Pick<GatewayFlags, "config" | "json">;

export type RepairFlags = ShowFlags & { readonly acceptGaps?: boolean };

/** What one gateway was told about a group. Plain values, fit for JSON. */
type GatewayView = {
  readonly gateway: string;
  /** The newest version that it confirmed. Times are Unix seconds. */
  readonly acked?: PublishState["acked"];
  /** A push of this version was not answered. */
  readonly unconfirmed?: PublishState["unconfirmed"];
  readonly held?: Held;
  readonly adopted?: PublishState["adopted"];
};

type GroupView = GroupDescription & { readonly gateways: readonly GatewayView[] };

/**
 * Shows what the ledger holds: totals, what waits, what was rejected and why, and what gateways were
 * told. 1 for trouble in it.
 */
export async function showLedger(flags: ShowFlags, io: Io): Promise<number> {
  const { config, ledger } = await ledgerOf(flags, io);
  const holdSeconds = holdSecondsOf(config.scrapeIntervalSeconds);
  const description = await describeLedger(ledger);
  const groups: GroupView[] = [];
  for (const group of description.groups) {
    const item = await ledger.readPublishState(group.groupingKey);
    const gateways = publishStates(item).map(({ gateway, state }): GatewayView => {
      const { acked, unconfirmed, adopted } = state;
      return { gateway, ...given({ acked, unconfirmed, adopted }), ...heldOf(state, holdSeconds) };
    });
    groups.push({ ...group, gateways });
  }
  if (flags.json) io.out(`${JSON.stringify({ ...description, groups })}\n`);
  else {
    const { place, ledgerId } = description;
    io.out(`ledger ${ledgerId} in ${place}, ${counted(groups.length, "group")}\n`);
    for (const group of groups) io.out(describeGroup(group));
  }
  return groups.some(({ problem }) => problem !== undefined) ? EXIT.failed : EXIT.done;
}

function describeGroup(group: GroupView): string {
  const { groupingKey, version, counted, removed, pending, rejected, droppedLabelSets, skipped } =
    group;
  const facts = [
    ...(version === undefined ? [] : [`version ${version}`]),
    ...(counted === undefined ? [] : [`${counted} records counted`]),
    ...(removed ? ["removed on purpose"] : []),
    `${pending} pending`,
    ...(rejected?.count ? [`${rejected.count} rejected`] : []),
    ...(droppedLabelSets ? [`${droppedLabelSets} label sets dropped`] : []),
    ...(skipped.length > 0 ? [`${skipped.length} unreadable`] : []),
  ];
  const lines = [`${formatGroupingKey(groupingKey)}  ${facts.join(", ")}`];
  for (const view of group.gateways) lines.push(`  ${describeGateway(view)}`);
  for (const { id, reason } of rejected?.newest ?? []) lines.push(`  rejected ${id}: ${reason}`);
  if (group.problem !== undefined) lines.push(`  ${group.problem.code}: ${group.problem.message}`);
  return `${lines.join("\n")}\n`;
}

function describeGateway({ gateway, acked, unconfirmed, held, adopted }: GatewayView): string {
  const facts = [
    acked === undefined
      ? "never confirmed"
      : `version ${acked.version} confirmed at ${timeText(acked.at)}`,
    ...(unconfirmed === undefined
      ? []
      : [`version ${unconfirmed.version} unconfirmed since ${timeText(unconfirmed.at)}`]),
    ...(adopted === undefined
      ? []
      : [`took over version ${adopted.version} of ledger ${adopted.ledgerId}`]),
  ];
  return `${gateway}: ${facts.join(", ")}${describeHeld(held)}`;
}

/** Rebuilds the totals that cannot be read; leaves all others alone. 1 when one could not be rebuilt. */
export async function repairLedger(flags: RepairFlags, io: Io): Promise<number> {
  const { config, ledger: named } = await ledgerOf(flags, io);
  const { ledger: place } = config;
  if (place.type !== "files") {
    throw new UsageError(
      `ledger repair rebuilds a ledger of files, and this one is ${named.place}: it keeps one version of its totals. ` +
        "Restore the table to a point in time at which they could be read",
    );
  }
  const ledger = createFileLedger({ directory: place.directory });
  const results: { readonly groupingKey: GroupingKey; readonly said: string }[] = [];
  let failures = 0;
  for (const groupingKey of await ledger.groups()) {
    try {
      const { acceptGaps = false } = flags;
      const result = await repairGroup(ledger, groupingKey, { acceptGaps });
      const { status, version, from, records } = result;
      const rebuilt = `repaired: version ${version} from version ${from} and ${records} records`;
      results.push({ groupingKey, said: status === "intact" ? "intact" : rebuilt });
    } catch (error) {
      if (!(error instanceof ClosingBellError)) throw error;
      failures++;
      results.push({ groupingKey, said: `${error.code}: ${error.message}` });
    }
  }
  if (flags.json) io.out(`${JSON.stringify(results)}\n`);
  else
    for (const { groupingKey, said } of results) {
      io.out(`${formatGroupingKey(groupingKey)}  ${said}\n`);
    }
  return failures === 0 ? EXIT.done : EXIT.failed;
}

export type AdoptFlags = GroupFlags & { readonly pending?: "count" | "drop" };

/** Takes over a group from what the gateway shows, and publishes what was waiting. */
export async function adoptLedgerGroup(flags: AdoptFlags, io: Io): Promise<number> {
  const group = groupOf(flags);
  const { config, ledger } = await ledgerOf(flags, io);
  const client = await clientOf(flags, io);
  const { pending } = flags;
  const adoption = await adoptGroup(
    { ledger, client, clock: systemClock, ...given({ pending }) },
    group,
  );
  if (adoption.status === "unknown group") {
    throw new UsageError(
      `neither ${client.gateway} nor ${ledger.place} knows ${formatGroupingKey(group)}: check -j and -g`,
    );
  }
  const publication = await (await publisherOf(config, ledger)).publish(group);
  if (flags.json) {
    io.out(`${JSON.stringify({ ...adoption, publication: plainPublication(publication) })}\n`);
  } else if (!flags.quiet) {
    io.err(`closing-bell: ${formatGroupingKey(group)}  ${describeAdoption(adoption)}\n`);
    io.err(`closing-bell: ${formatGroupingKey(group)}  ${describePublication(publication)}\n`);
  }
  return ["published", "current", "removed"].includes(publication.status) ? EXIT.done : EXIT.failed;
}

function describeAdoption(
  adoption: Exclude<Adoption, { readonly status: "unknown group" }>,
): string {
  if (adoption.status === "not needed") return "needs no adoption: the gateway shows nothing newer";
  const { version, from, pending, dropped } = adoption;
  const lost = dropped === 0 ? "" : `, ${dropped} dropped as counted before`;
  return `taken over from version ${from.version} of ledger ${from.ledgerId}, as version ${version}; ${pending} records to add${lost}`;
}

/** Without the entries that are undefined. */
function given<T extends object>(facts: T): { readonly [Name in keyof T]?: NonNullable<T[Name]> } {
  const known = Object.entries(facts).filter(([, value]) => value !== undefined);
  return Object.fromEntries(known) as { readonly [Name in keyof T]?: NonNullable<T[Name]> };
}
