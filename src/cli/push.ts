import { formatGroupingKey } from "../grouping-key.ts";
import { expositionOfText } from "../push/body.ts";
import { type Io, readInput, UsageError } from "./io.ts";
import { clientOf, type GroupFlags, groupOf } from "./target.ts";

export type PushFlags = GroupFlags & { readonly method: string };

/** Pushes exposition text as it is, once it is known to be good. */
export async function push(file: string, flags: PushFlags, io: Io): Promise<void> {
  const { method } = flags;
  if (method !== "put" && method !== "post") {
    throw new UsageError(`--method ${method}: expected put or post`);
  }
  const key = groupOf(flags);
  const client = await clientOf(flags, io);
  const body = expositionOfText(key, await readInput(file));
  // A producer that broke in front of a pipe: to push nothing would empty the group.
  if (body.series === 0) {
    throw new UsageError("the input holds no metrics; to remove a group, use closing-bell delete");
  }
  const counters = body.families.filter(({ type }) => type === "counter" || type === "histogram");
  if (counters.length > 0 && !flags.quiet) {
    const names = counters.map(({ name }) => name).join(", ");
    io.err(
      `closing-bell: ${names}: a pushed counter is stored as given, not added; increase() over it counts wrong unless it is a running total\n`,
    );
  }
  const receipt = method === "put" ? await client.push(key, body) : await client.pushAdd(key, body);
  client.close();
  if (flags.json) {
    const { gateway } = client;
    io.out(`${JSON.stringify({ ...receipt, method, gateway, key, series: body.series })}\n`);
  } else if (!flags.quiet) {
    const doubt = receipt.status === "unchecked" ? " (unchecked)" : "";
    io.err(
      `closing-bell: ${body.series} series ${receipt.status} for ${formatGroupingKey(key)} at ${client.gateway}${doubt}\n`,
    );
  }
}
