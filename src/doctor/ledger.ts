import { LedgerMismatchError } from "../errors.ts";
import { formatGroupingKey, type GroupingKey } from "../grouping-key.ts";
import { describeLedger, type GroupDescription } from "../ledger/describe.ts";
import { createDynamodbLedger } from "../ledger/dynamodb-ledger.ts";
import { createFileLedger } from "../ledger/file-ledger.ts";
import type { Ledger } from "../ledger/ledger.ts";
import { barrier } from "../publish/barrier.ts";
import { holdSecondsOf } from "../publish/births.ts";
import { publicationIfCurrent } from "../publish/current.ts";
import { lookAt } from "../publish/look.ts";
import { heldOf } from "../publish/publish-group.ts";
import { publishStateOf } from "../publish/publish-state.ts";
import type { Check, Finding } from "./check.ts";
import { ageText, type DoctorContext, failed, ok, skipped, warning } from "./context.ts";
import { type GatewayGroups, listText } from "./gateway-facts.ts";
import type { LedgerAt } from "./ledger-place.ts";

/** A ledger that something was recorded in. */
type ReadLedger = { readonly ledger: Ledger; readonly groups: readonly GroupDescription[] };

/** The line that publishes on a schedule. */
const CRON_LINE = "* * * * *  closing-bell publish --quiet";

/** What waits for longer is not on its way: a schedule of a minute has been missed ten times. Seconds. */
const STALE = 600;

const NOTHING_RECORDED = "nothing was ever recorded";

/** What is in the ledger, whether the gateway shows it, and whether anybody publishes it. */
export function checkLedger(
  context: DoctorContext,
  place: Check<LedgerAt>,
  gateway: Check<GatewayGroups>,
): void {
  const { check, fs, clock, deadline } = context;
  const read = check(
    "ledger.totals",
    { place },
    async ({ place }): Promise<Finding<ReadLedger>> => {
      const nothing: Finding<ReadLedger> = { ...ok(NOTHING_RECORDED), without: NOTHING_RECORDED };
      if (place.type === "files" && place.identity === undefined) return nothing;
      const ledger: Ledger =
        place.type === "files"
          ? createFileLedger({ directory: place.directory, clock, fs })
          : createDynamodbLedger({ table: place.table, clock });
      // Whoever asks a table for its ledger's id makes one.
      if (place.type === "dynamodb" && (await ledger.groups()).length === 0) return nothing;
      const { groups } = await describeLedger(ledger, deadline);
      return checkTotals({ ledger, groups });
    },
  );
  check("ledger.groups", { read, gateway }, ({ read, gateway }) =>
    checkGroups(context, read, gateway),
  );
  check("publish.schedule", { read }, ({ read }) => checkSchedule(context, read));
}

function checkTotals(read: ReadLedger): Finding<ReadLedger> {
  const { groups } = read;
  const problems = groups.flatMap(({ groupingKey, problem }) =>
    problem === undefined
      ? []
      : [`${formatGroupingKey(groupingKey)}: ${problem.code}: ${problem.message}`],
  );
  const sum = (of: (group: GroupDescription) => number) =>
    groups.reduce((total, group) => total + of(group), 0);
  const counted = sum(({ counted = 0 }) => counted);
  const rejected = sum(({ rejected }) => rejected?.count ?? 0);
  const unreadable = sum(({ skipped }) => skipped.length);
  if (problems.length > 0) {
    return { status: "failed", message: problems.join("; "), value: read };
  }
  const facts = `${groups.length} groups, ${counted} records counted${rejected === 0 ? "" : `, ${rejected} rejected`}`;
  return unreadable === 0
    ? ok(facts, read)
    : warning(
        `${facts}, ${unreadable} more that this version cannot read; closing-bell ledger show says which and why`,
        read,
      );
}

/** Whether the gateway shows this ledger's totals, and nobody else's under their names. */
async function checkGroups(
  { clock, settings, deadline }: DoctorContext,
  { ledger, groups }: ReadLedger,
  gateway: GatewayGroups,
): Promise<Finding> {
  const { scrapeIntervalSeconds } = settings;
  if (scrapeIntervalSeconds === undefined) return skipped("needs config");
  const { client } = gateway;
  const holdSeconds = holdSecondsOf(scrapeIntervalSeconds.value);
  const publishing = { ledger, client, clock, barrier, holdSeconds };
  const mismatches: string[] = [];
  const behind: GroupingKey[] = [];
  for (const group of groups.filter(({ problem }) => problem === undefined)) {
    deadline.throwIfAborted();
    const { groupingKey } = group;
    try {
      const seen = lookAt(gateway.groups, groupingKey);
      const current = await publicationIfCurrent(publishing, groupingKey, seen);
      if (current !== undefined) continue;
      const waiting = await waitingSince(ledger, group, { gateway: client.gateway, holdSeconds });
      // What is due is on its way, or the check of the schedule says that it is not.
      if (!waiting.some(({ since }) => since <= clock.now())) behind.push(groupingKey);
    } catch (error) {
      if (!(error instanceof LedgerMismatchError)) throw error;
      mismatches.push(error.message);
    }
  }
  if (mismatches.length > 0) return failed(mismatches.join("; "));
  if (behind.length > 0) {
    return warning(
      `${client.gateway} shows nothing, or older totals than this ledger has, of ${listText(behind)}: it restarted, ` +
        "perhaps; closing-bell publish brings them back",
    );
  }
  return ok(`${groups.length} groups are this ledger's at ${client.gateway}`);
}

type Waiting = { readonly what: string; readonly since: number };

/** What a group's next publish is to bring to an end, and since when it could. Unix seconds. */
async function waitingSince(
  ledger: Ledger,
  { groupingKey, pending, oldestPendingAt }: GroupDescription,
  { gateway, holdSeconds }: { readonly gateway: string; readonly holdSeconds: number },
): Promise<readonly Waiting[]> {
  const state = publishStateOf(await ledger.readPublishState(groupingKey), gateway);
  const { held } = heldOf(state, holdSeconds);
  const name = formatGroupingKey(groupingKey);
  return [
    ...(oldestPendingAt === undefined
      ? []
      : [{ what: `${pending} records of ${name} wait to be published`, since: oldestPendingAt }]),
    ...(state.unconfirmed === undefined
      ? []
      : [{ what: `a push of ${name} was not confirmed`, since: state.unconfirmed.at }]),
    ...(held === undefined
      ? []
      : [{ what: `new series of ${name} show 0 without need`, since: held.until }]),
  ];
}

/** Nobody can see into every crontab: what has waited for long tells that there is none. */
async function checkSchedule(
  { clock, settings }: DoctorContext,
  { ledger, groups }: ReadLedger,
): Promise<Finding> {
  const { gateway, scrapeIntervalSeconds } = settings;
  if (gateway === undefined || scrapeIntervalSeconds === undefined) return skipped("needs config");
  const options = {
    gateway: gateway.base.value ?? "",
    holdSeconds: holdSecondsOf(scrapeIntervalSeconds.value),
  };
  const waiting: Waiting[] = [];
  for (const group of groups) waiting.push(...(await waitingSince(ledger, group, options)));
  const now = clock.now();
  const late = waiting.filter(({ since }) => now - since > STALE);
  if (late.length > 0) {
    const said = late.map(({ what, since }) => `${what} for ${ageText(now - since)}`);
    return warning(
      `${said.slice(0, LISTED).join("; ")}: nobody publishes, or it fails each time; ` +
        `add the cron line "${CRON_LINE}", or see with closing-bell publish why it fails`,
    );
  }
  const pending = groups.reduce((sum, group) => sum + group.pending, 0);
  return ok(
    `${pending} records wait, none for long; see that a crontab has "${CRON_LINE}", which heals a gateway that was restarted`,
  );
}

/** Longest list in a message. */
const LISTED = 3;
