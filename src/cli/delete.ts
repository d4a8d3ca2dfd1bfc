import { ClosingBellError } from "../errors.ts";
import { formatGroupingKey, type GroupingKey } from "../grouping-key.ts";
import { ownershipIn } from "../publish/ownership.ts";
import { confirm, isAtTerminal } from "./confirm.ts";
import { existingLedger } from "./existing-ledger.ts";
import { EXIT, type Io } from "./io.ts";
import { clientOf, type GroupFlags, groupOf } from "./target.ts";

export type DeleteFlags = GroupFlags & { readonly yes?: boolean };

/**
 * Deletes one group. A group that is not there is no error: it is gone either way.
 *
 * A script that names it means it. A person may have mistyped it, and is asked.
 */
export async function deleteGroup(flags: DeleteFlags, io: Io): Promise<number> {
  const key = groupOf(flags);
  const client = await clientOf(flags, io);
  const what = `${formatGroupingKey(key)} at ${client.gateway}`;
  if (!flags.yes && isAtTerminal() && !(await confirm(`Delete ${what}?`, io))) {
    io.err("closing-bell: nothing was deleted\n");
    return EXIT.failed;
  }
  const receipt = await client.delete(key);
  client.close();
  if (flags.json) {
    io.out(`${JSON.stringify({ ...receipt, gateway: client.gateway, key })}\n`);
  } else if (!flags.quiet) {
    io.err(`closing-bell: deleted ${what}\n`);
    const place = await publishedFrom(key, flags, io);
    if (place !== undefined) {
      io.err(
        `closing-bell: ${formatGroupingKey(key)} is published from ${place} and will be back; closing-bell groups rm --forget ends that\n`,
      );
    }
  }
  return EXIT.done;
}

/** The ledger that brings a group back. One that cannot be read is no reason to fail: it is deleted. */
async function publishedFrom(
  key: GroupingKey,
  flags: DeleteFlags,
  io: Io,
): Promise<string | undefined> {
  try {
    const { ledger } = await existingLedger(flags, io);
    const ownership = await (await ownershipIn(ledger))(key, {});
    return ownership.status === "ours" ? ownership.ledger.place : undefined;
  } catch (error) {
    if (error instanceof ClosingBellError) return undefined;
    throw error;
  }
}
