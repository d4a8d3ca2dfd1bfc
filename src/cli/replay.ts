import { formatGroupingKey } from "../grouping-key.ts";
import { replay } from "../ledger/replay.ts";
import { EXIT, type Io, readInput } from "./io.ts";
import { type GatewayFlags, ledgerOf } from "./target.ts";

export type ReplayFlags = Pick<GatewayFlags, "config" | "json" | "quiet">;

/** Commits the records that a log holds. 1 when one of them could not be. */
export async function replayLog(file: string, flags: ReplayFlags, io: Io): Promise<number> {
  const text = await readInput(file);
  const { ledger } = await ledgerOf(flags, io);
  const report = await replay(text.split("\n"), ledger);
  const { records, problems } = report;
  if (flags.json) io.out(`${JSON.stringify(report)}\n`);
  else {
    for (const { id, groupingKey, status, problem } of records) {
      const said = problem === undefined ? status.replace("_", " ") : `${status}: ${problem}`;
      if (!flags.quiet || problem !== undefined) {
        io.err(`closing-bell: ${formatGroupingKey(groupingKey)} ${id} ${said}\n`);
      }
    }
    for (const problem of problems) io.err(`closing-bell: ${problem}\n`);
    if (!flags.quiet) io.err(`closing-bell: ${records.length} records in the log\n`);
  }
  const refused = records.some(({ status }) => status === "refused");
  return refused || problems.length > 0 ? EXIT.failed : EXIT.done;
}
