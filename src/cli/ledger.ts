import { ledgerPlace } from "../config/ledger-place.ts";
import { ClosingBellError } from "../errors.ts";
import { formatGroupingKey, type GroupingKey } from "../grouping-key.ts";
import { describeLedger, type GroupDescription } from "../ledger/describe.ts";
import { createFileLedger, type FileLedger } from "../ledger/file-ledger.ts";
import { repairGroup } from "../ledger/repair.ts";
import { EXIT, type Io, UsageError } from "./io.ts";

export type ShowFlags = { readonly json?: boolean };

export type RepairFlags = ShowFlags & { readonly acceptGaps?: boolean };

/** The ledger that the environment names. */
export function openLedger({ env }: Io): FileLedger {
  const place = ledgerPlace(env, env["HOME"] || undefined);
  if (place.type === "none")
    throw new UsageError("CLOSING_BELL_LEDGER is none: there is no ledger");
  return createFileLedger({ directory: place.directory });
}

/** Shows what the ledger holds: totals, what waits, what was rejected and why. 1 for trouble in it. */
export async function showLedger(flags: ShowFlags, io: Io): Promise<number> {
  const description = await describeLedger(openLedger(io));
  const { place, ledgerId, groups } = description;
  if (flags.json) io.out(`${JSON.stringify(description)}\n`);
  else {
    io.out(`ledger ${ledgerId} in ${place}, ${groups.length} groups\n`);
    for (const group of groups) io.out(describeGroup(group));
  }
  return groups.some(({ problem }) => problem !== undefined) ? EXIT.failed : EXIT.done;
}

function describeGroup(group: GroupDescription): string {
  const { groupingKey, version, counted, pending, rejected, droppedLabelSets, skipped } = group;
  const facts = [
    ...(version === undefined ? [] : [`version ${version}`]),
    ...(counted === undefined ? [] : [`${counted} records counted`]),
    `${pending} pending`,
    ...(rejected?.count ? [`${rejected.count} rejected`] : []),
    ...(droppedLabelSets ? [`${droppedLabelSets} label sets dropped`] : []),
    ...(skipped.length > 0 ? [`${skipped.length} unreadable`] : []),
  ];
  const lines = [`${formatGroupingKey(groupingKey)}  ${facts.join(", ")}`];
  for (const { id, reason } of rejected?.newest ?? []) lines.push(`  rejected ${id}: ${reason}`);
  if (group.problem !== undefined) lines.push(`  ${group.problem.code}: ${group.problem.message}`);
  return `${lines.join("\n")}\n`;
}

/** Rebuilds the totals that cannot be read; leaves all others alone. 1 when one could not be rebuilt. */
export async function repairLedger(flags: RepairFlags, io: Io): Promise<number> {
  const ledger = openLedger(io);
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
