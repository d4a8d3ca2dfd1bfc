import { LedgerMismatchError, type LedgerVersion } from "../errors.ts";
import { formatGroupingKey, type GroupingKey } from "../grouping-key.ts";
import { ledgerCatalogue } from "../ledger/own-families.ts";
import type { LabelSet, MetricFamily } from "../metrics/exposition/family.ts";
import type { CallOptions, PushClient } from "../push/client.ts";
import { type GatewayGroup, isGroup, pushedFamilies, readGroups } from "../push/groups.ts";
import type { PublishState } from "./publish-state.ts";

/** What a gateway shows of a group. */
export type Look = {
  /** Whose totals, and how new; absent when the group is not there or no ledger made it. */
  readonly version?: LedgerVersion;
  /** As they were pushed; none when the group is not there. */
  readonly families: readonly MetricFamily[];
  /** Unix seconds of the last push; 0 when there was none. */
  readonly pushedAt: number;
};

/** Reads a group. The gateway cannot be asked for a single one. */
export async function look(
  client: PushClient,
  key: GroupingKey,
  options?: CallOptions,
): Promise<Look> {
  return lookAt(await readGroups(client, options), key);
}

/** The same, in what was read of the whole gateway. */
export function lookAt(groups: readonly GatewayGroup[], key: GroupingKey): Look {
  const group = groups.find((each) => isGroup(each, key));
  if (group === undefined) return { families: [], pushedAt: 0 };
  // No totals are summaries: one was added by somebody else.
  const families = pushedFamilies(group).filter(({ type }) => type !== "summary");
  const { name } = ledgerCatalogue.ledgerVersion;
  const family = families.find((each) => each.name === name);
  const sample = family?.type === "gauge" ? family.samples[0] : undefined;
  const { value: version, labels: { ledger_id: ledgerId = "" } = {} } = sample ?? {};
  const seen = { families, pushedAt: group.pushTimeSeconds };
  return version === undefined ? seen : { ...seen, version: { ledgerId, version } };
}

/** Whether a gateway shows every series of these families, with the same values. */
export function showsAll({ families: shown }: Look, families: readonly MetricFamily[]): boolean {
  const seen = new Set(shown.flatMap(seriesTexts));
  return families.flatMap(seriesTexts).every((text) => seen.has(text));
}

/** One text for each label set of a family, which says all about it. */
function seriesTexts(family: MetricFamily): readonly string[] {
  const { name } = family;
  const key = (labels: LabelSet) =>
    `${name}${JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)))}`;
  switch (family.type) {
    case "histogram":
      return family.samples.map(({ labels, buckets, count, sum }) => {
        const finite = buckets.filter(({ upperBound }) => Number.isFinite(upperBound));
        const counts = finite.map(({ upperBound, cumulativeCount }) => [
          upperBound,
          cumulativeCount,
        ]);
        return `${key(labels)} ${JSON.stringify([counts, count, sum])}`;
      });
    case "summary":
      return [];
    default:
      return family.samples.map(({ labels, value }) => `${key(labels)} ${value}`);
  }
}

export type LookRules = {
  readonly group: GroupingKey;
  /** The newest totals that this ledger has. */
  readonly ours: LedgerVersion;
  readonly adopted: PublishState["adopted"];
  /** For the message. */
  readonly gateway: string;
  readonly place: string;
};

/**
 * Whether these totals may replace what the gateway shows: only where it shows none, or older ones of
 * the same history. Anything else would be taken for a counter reset, and the total would be added
 * a second time.
 *
 * @throws {LedgerMismatchError}
 */
export function requireOwnHistory(
  { version: theirs }: Look,
  { group, ours, adopted, gateway, place }: LookRules,
): void {
  if (theirs === undefined || isOwnHistory(theirs, ours, adopted)) return;
  const why =
    theirs.ledgerId === ours.ledgerId
      ? "this ledger is older than what it published: it was restored from a backup, or copied"
      : "two ledgers report one group, or a state directory was lost or replaced";
  throw new LedgerMismatchError(
    `${gateway} shows ${formatGroupingKey(group)} at version ${theirs.version} of ledger ${theirs.ledgerId}, ` +
      `and here is version ${ours.version} of ledger ${ours.ledgerId} (${place}): ${why}. Nothing was pushed; ` +
      "runs stay recorded. Report the group from one state directory, or take it over from what the gateway " +
      `shows: closing-bell ledger adopt ${flagsOf(group)}`,
    { ours, theirs },
  );
}

/** Whether what a gateway shows may be replaced by totals of this ledger. */
export function isOwnHistory(
  theirs: LedgerVersion,
  ours: LedgerVersion,
  adopted: LedgerVersion | undefined,
): boolean {
  const goesOn = ({ ledgerId, version }: LedgerVersion) =>
    theirs.ledgerId === ledgerId && theirs.version <= version;
  return goesOn(ours) || (adopted !== undefined && goesOn(adopted));
}

/** A group as flags of the command line. */
function flagsOf({ job, labels }: GroupingKey): string {
  const pairs = Object.entries(labels).map(([name, value]) => `-g ${quote(`${name}=${value}`)}`);
  return [`-j ${quote(job)}`, ...pairs].join(" ");
}

function quote(text: string): string {
  return /^[\w=.:/@-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
