import { type Clock, systemClock } from "../clock.ts";
import { LedgerConflictError } from "../errors.ts";
import type { GroupingKey } from "../grouping-key.ts";
import { readLogLines } from "../record/log-lines.ts";
import { type AppendResult, DONE_MARK_DAYS, type Ledger } from "./ledger.ts";

export type ReplayReport = {
  readonly records: readonly ReplayedRecord[];
  /** Lines of records that give none: some are missing, or damaged. One sentence each. */
  readonly problems: readonly string[];
};

export type ReplayedRecord = {
  readonly id: string;
  readonly groupingKey: GroupingKey;
  /** `refused`: nothing was written, `problem` says why. */
  readonly status: AppendResult["status"] | "refused";
  readonly problem?: string;
};

const DAY_SECONDS = 86_400;

/**
 * Commits the records that a log holds (`recordLogLines`) under the ids they had: however often it is
 * replayed, each counts once. Older ones than a done mark lives are refused, since nobody could tell
 * any more whether they were counted.
 *
 * @throws what the ledger throws when it cannot be written. What was committed until then stays.
 */
export async function replay(
  lines: Iterable<string> | AsyncIterable<string>,
  ledger: Ledger,
  { clock = systemClock }: { readonly clock?: Clock } = {},
): Promise<ReplayReport> {
  const { records, problems } = await readLogLines(lines);
  const replayed: ReplayedRecord[] = [];
  for (const record of records) {
    const head = { id: record.id, groupingKey: record.group };
    if (record.time < clock.now() - DONE_MARK_DAYS * DAY_SECONDS) {
      const problem = `it is older than ${DONE_MARK_DAYS} days: it may have been counted, and no mark would tell`;
      replayed.push({ ...head, status: "refused", problem });
      continue;
    }
    try {
      replayed.push({ ...head, ...(await ledger.append(record)) });
    } catch (error) {
      if (!(error instanceof LedgerConflictError)) throw error;
      replayed.push({ ...head, status: "refused", problem: error.message });
    }
  }
  return { records: replayed, problems };
}
