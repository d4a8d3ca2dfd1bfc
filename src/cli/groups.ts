import { systemClock } from "../clock.ts";
import { formatGroupingKey, type GroupingKey } from "../grouping-key.ts";
import { renderFamilies } from "../metrics/exposition/render.ts";
import { lookAt } from "../publish/look.ts";
import {
  type GatewayGroup,
  isGroup,
  keyOfGroup,
  pushedFamilies,
  readGroups,
  seriesOfGroup,
} from "../push/groups.ts";
import { existingLedger } from "./existing-ledger.ts";
import { EXIT, type Io } from "./io.ts";
import { timeText } from "./publish.ts";
import { clientOf, type GatewayFlags, type GroupFlags, groupOf } from "./target.ts";

/** One group of a gateway. Plain values, fit for JSON. Times are Unix seconds. */
type GroupView = {
  readonly groupingKey: GroupingKey;
  readonly families: number;
  readonly series: number;
  /** The last push that succeeded; absent when none did. */
  readonly pushedAt?: number;
  readonly ageSeconds?: number;
  /** The last push, when it failed. */
  readonly failedAt?: number;
  /** Whose totals it shows, and whether that is the configured ledger. */
  readonly ledger?: { readonly id: string; readonly version: number; readonly own: boolean };
};

/** Lists every group of the gateway. */
export async function listGroups(flags: GatewayFlags, io: Io): Promise<void> {
  const client = await clientOf(flags, io);
  const { ledger } = await existingLedger(flags, io);
  const ownId = await ledger?.ledgerId();
  const shown = await readGroups(client);
  client.close();
  const groups = shown.map((group) => viewOf(group, ownId, systemClock.now())).sort(byKey);
  if (flags.json) io.out(`${JSON.stringify({ gateway: client.gateway, groups })}\n`);
  else for (const group of groups) io.out(`${describeGroup(group)}\n`);
  if (groups.length === 0 && !flags.quiet && !flags.json) {
    io.err(`closing-bell: ${client.gateway} has no groups\n`);
  }
}

function viewOf(group: GatewayGroup, ownId: string | undefined, now: number): GroupView {
  const { lastPushSuccessful, pushTimeSeconds, pushFailureTimeSeconds } = group;
  const groupingKey = keyOfGroup(group);
  const { version: shown } = lookAt([group], groupingKey);
  const { ledgerId: id = "", version = 0 } = shown ?? {};
  return {
    groupingKey,
    families: group.families.size,
    series: seriesOfGroup(group),
    ...(pushTimeSeconds === 0
      ? {}
      : { pushedAt: pushTimeSeconds, ageSeconds: Math.round(now - pushTimeSeconds) }),
    ...(lastPushSuccessful ? {} : { failedAt: pushFailureTimeSeconds }),
    ...(shown === undefined ? {} : { ledger: { id, version, own: id === ownId } }),
  };
}

function describeGroup(group: GroupView): string {
  const { groupingKey, families, series, pushedAt, ageSeconds = 0, failedAt, ledger } = group;
  const facts = [
    `${families} ${families === 1 ? "family" : "families"}, ${series} series`,
    pushedAt === undefined
      ? "no push succeeded"
      : `pushed ${timeText(pushedAt)}, ${ageText(ageSeconds)}`,
    ...(failedAt === undefined ? [] : [`the last push failed at ${timeText(failedAt)}`]),
    ...(ledger === undefined
      ? []
      : [`version ${ledger.version} of ${ledger.own ? "this" : "another"} ledger, ${ledger.id}`]),
  ];
  return `${formatGroupingKey(groupingKey)}  ${facts.join("; ")}`;
}

/** Prints what was pushed to one group, as text exposition format. 1 when there is no such group. */
export async function showGroup(flags: GroupFlags, io: Io): Promise<number> {
  const key = groupOf(flags);
  const client = await clientOf(flags, io);
  const group = (await readGroups(client)).find((each) => isGroup(each, key));
  client.close();
  if (group === undefined) {
    io.err(`closing-bell: ${client.gateway} has no group ${formatGroupingKey(key)}\n`);
    return EXIT.failed;
  }
  const families = pushedFamilies(group).filter(({ samples }) => samples.length > 0);
  if (flags.json) io.out(`${JSON.stringify({ groupingKey: key, families })}\n`);
  else io.out(renderFamilies(families).toString("utf8"));
  return EXIT.done;
}

/** By job, then by the other labels. */
export function byKey(
  { groupingKey: a }: { readonly groupingKey: GroupingKey },
  { groupingKey: b }: { readonly groupingKey: GroupingKey },
): number {
  return formatGroupingKey(a) < formatGroupingKey(b) ? -1 : 1;
}

/** Units of an age, each with its seconds and up to how many of it are said. */
const UNITS = [
  { unit: "s", seconds: 1, upTo: 120 },
  { unit: "m", seconds: 60, upTo: 120 },
  { unit: "h", seconds: 3600, upTo: 48 },
  { unit: "d", seconds: 86_400, upTo: Number.POSITIVE_INFINITY },
] as const;

/** How long ago, e.g. `5m ago`. */
export function ageText(seconds: number): string {
  // A few seconds are a clock that is a little off.
  if (seconds < -60) return "in the future";
  const whole = Math.max(0, seconds);
  const { unit, seconds: of } = UNITS.find((each) => whole < each.seconds * each.upTo) ?? UNITS[3];
  return `${Math.floor(whole / of)}${unit} ago`;
}
