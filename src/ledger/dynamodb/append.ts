import { LedgerConflictError } from "../../errors.ts";
import { formatGroupingKey } from "../../grouping-key.ts";
import { isUnitId, type RunRecord } from "../../record/run-record.ts";
import type { AppendResult } from "../ledger.ts";
import type { Expression } from "./expressions.ts";
import { hashOf, pendingItem } from "./items.ts";
import type { Table } from "./table.ts";

export const IF_ABSENT: Expression = { expression: "attribute_not_exists(#pk)" };

const WHAT = "the run could not be recorded";

/**
 * Puts a record into P, with PutItem and no other right: jobs have none.
 *
 * One request, when nothing is there. If something is, the service says what. Where it does not (an
 * emulator), a second put tells: of the same item over itself, on the condition that its hash is there.
 * It changes nothing, and makes nothing of an item that is gone. When it is refused too, there is
 * another record, or none any more, because it was folded in between: which of them, the first put
 * tells when it is repeated.
 */
export async function appendRecord(table: Table, record: RunRecord): Promise<AppendResult> {
  const item = pendingItem(record);
  const hash = hashOf(record);
  const ifSame: Expression = { expression: "#hash = :hash", values: { ":hash": { S: hash } } };
  for (let attempt = 0; attempt < 2; attempt++) {
    const put = await table.put(WHAT, item, IF_ABSENT);
    if (put.status === "written") return { status: "appended" };
    if (put.found?.["hash"]?.S === hash) return { status: "present" };
    if (put.found !== undefined) break;
    const repeated = await table.put(WHAT, item, ifSame);
    if (repeated.status === "written") return { status: "present" };
  }
  if (isUnitId(record.id)) return { status: "already_counted" };
  throw new LedgerConflictError(
    `the execution ${record.executionId} of ${formatGroupingKey(record.group)} was recorded before ` +
      `with other content (${record.id}); the first record stands. An execution id names one execution: make a new one each time`,
  );
}
