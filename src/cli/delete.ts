import { formatGroupingKey } from "../grouping-key.ts";
import type { Io } from "./io.ts";
import { clientOf, type GroupFlags, groupOf } from "./target.ts";

/** Deletes one group. A group that is not there is no error: it is gone either way. */
export async function deleteGroup(flags: GroupFlags, io: Io): Promise<void> {
  const key = groupOf(flags);
  const client = clientOf(flags, io);
  const receipt = await client.delete(key);
  client.close();
  if (flags.json) {
    io.out(`${JSON.stringify({ ...receipt, gateway: client.gateway, key })}\n`);
  } else if (!flags.quiet) {
    io.err(`closing-bell: deleted ${formatGroupingKey(key)} at ${client.gateway}\n`);
  }
}
