/**
 * The ledger, an entry of its own (`closing-bell/ledger`): a job that has none does not load it.
 * `docs/ledger.md` tells what it is.
 */
export {
  describeLedger,
  type GroupDescription,
  type LedgerDescription,
} from "./ledger/describe.ts";
export { createDynamodbLedger, type DynamodbLedgerOptions } from "./ledger/dynamodb-ledger.ts";
export { createFileLedger, type FileLedger, type FileLedgerOptions } from "./ledger/file-ledger.ts";
export { type FoldReport, foldGroup } from "./ledger/fold-round.ts";
export type { Ledger } from "./ledger/ledger.ts";
export { type RepairResult, repairGroup } from "./ledger/repair.ts";
export { type ReplayReport, replay } from "./ledger/replay.ts";
export { snapshotFamilies } from "./ledger/snapshot-families.ts";
export { createLedgerDelivery, type LedgerDeliveryOptions } from "./publish/ledger-delivery.ts";
