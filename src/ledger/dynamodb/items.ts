import { LedgerCorruptError, LedgerFormatError, messageOf, RecordError } from "../../errors.ts";
import { formatGroupingKey, type GroupingKey, groupingKey } from "../../grouping-key.ts";
import { decodeRecord, encodeRecord, MAX_RECORD_BYTES } from "../../record/encoding.ts";
import { type RunRecord, sha256 } from "../../record/run-record.ts";
import {
  DONE_MARK_DAYS,
  type DoneMark,
  type PendingItem,
  type StateItem,
  type StoredSnapshot,
} from "../ledger.ts";
import type { Item } from "./expressions.ts";
import {
  doneKey,
  groupKey,
  type ItemKey,
  LEDGER_ID,
  PENDING,
  partitionOf,
  pendingKey,
  registrationKey,
  SNAPSHOT,
  stateKey,
} from "./keys.ts";

/** Of every item: what those do not know who came before a change of what items hold. */
const ITEM_FORMAT = "1";

/**
 * Largest record, gzipped, in bytes. An item has 400 KB; the rest is for keys and for what is noted of
 * the record once it is counted.
 */
export const MAX_PACKED_RECORD_BYTES = 380_000;

/** Longest reason of a rejection that is kept with a done mark, in characters. */
const MAX_REASON_LENGTH = 2000;

const DAY_SECONDS = 86_400;

export function itemAt({ pk, sk }: ItemKey, attributes: Item): Item {
  return { pk: { S: pk }, sk: { S: sk }, ...FORMAT, ...attributes };
}

/** The attribute that every item has, and a value in conditions. */
export const FORMAT: Item = { format: { N: ITEM_FORMAT } };

/** @throws {RecordError} for a record that no item has room for. */
export function pendingItem(record: RunRecord): Item {
  return itemAt(pendingKey(record.group, record.id), packed(record));
}

/** @param now Unix seconds. DynamoDB removes the mark some time after it has expired. */
export function doneItem(group: GroupingKey, mark: DoneMark, now: number): Item {
  const { version, rejected, record } = mark;
  const reason = rejected?.slice(0, MAX_REASON_LENGTH);
  return itemAt(doneKey(group, record.id), {
    ...packed(record),
    version: { N: `${version}` },
    expires: { N: `${Math.ceil(now) + DONE_MARK_DAYS * DAY_SECONDS}` },
    ...(reason === undefined ? {} : { rejected: { S: reason } }),
  });
}

/** What identifies the content of a record's item. */
export function hashOf(record: RunRecord): string {
  return sha256(encodeRecord(record));
}

function packed(record: RunRecord): Item {
  const bytes = encodeRecord(record);
  const { gzipSync } = process.getBuiltinModule("node:zlib");
  const gzipped = gzipSync(bytes);
  if (gzipped.length > MAX_PACKED_RECORD_BYTES) {
    const largest = record.families.reduce((a, b) => (b.samples.length > a.samples.length ? b : a));
    throw new RecordError(
      `the record has ${gzipped.length} bytes when gzipped, more than the ${MAX_PACKED_RECORD_BYTES} that an item of DynamoDB has room for; ` +
        `its largest family is ${largest.name} with ${largest.samples.length} label sets`,
    );
  }
  return { hash: { S: sha256(bytes) }, record: { B: gzipped } };
}

export function readPendingItem(table: string, group: GroupingKey, item: Item): PendingItem {
  const sk = item["sk"]?.S ?? "";
  const place = placeOf(table, { pk: partitionOf(group), sk });
  const { N: format } = item["format"] ?? {};
  if (format !== ITEM_FORMAT) return { status: "unknown_format", place, problem: newer(format) };
  try {
    const { gunzipSync } = process.getBuiltinModule("node:zlib");
    const gzipped = item["record"]?.B ?? new Uint8Array();
    const bytes = gunzipSync(gzipped, { maxOutputLength: MAX_RECORD_BYTES });
    const decoded = decodeRecord(bytes);
    if (decoded.status === "unknown_format") {
      return { status: decoded.status, place, problem: newer(decoded.format) };
    }
    const { record } = decoded;
    const isItsOwn =
      sk === `${PENDING}${record.id}` &&
      formatGroupingKey(record.group) === formatGroupingKey(group);
    if (!isItsOwn) throw new Error("it is another item's record");
    return decoded;
  } catch (error) {
    return { status: "unreadable", place, problem: messageOf(error) };
  }
}

/** @param write a name of this very write, told by {@link wasWrittenBy}. */
export function snapshotItem(
  group: GroupingKey,
  { version, bytes }: StoredSnapshot,
  write: string,
): Item {
  return itemAt(groupKey(group, SNAPSHOT), {
    version: { N: `${version}` },
    snapshot: { B: bytes },
    write: { S: write },
  });
}

export function readSnapshotItem(table: string, key: ItemKey, item: Item): StoredSnapshot {
  const place = placeOf(table, key);
  requireFormat(item, place);
  const bytes = Buffer.from(item["snapshot"]?.B ?? []);
  return { version: Number(item["version"]?.N), bytes, place };
}

export function stateItem(name: string, state: StateItem, write: string): Item {
  return itemAt(stateKey(name), stateAttributes(state, write));
}

export function stateAttributes({ version, value }: StateItem, write: string): Item {
  return {
    version: { N: `${version}` },
    value: { S: JSON.stringify(value) },
    write: { S: write },
  };
}

/** The state in an item, undefined when it holds none. */
export function readStateItem(
  table: string,
  key: ItemKey,
  item: Item | undefined,
): StateItem | undefined {
  if (item === undefined) return undefined;
  const place = placeOf(table, key);
  requireFormat(item, place);
  const { version, value } = item;
  if (version === undefined) return undefined;
  try {
    return { version: Number(version.N), value: JSON.parse(value?.S ?? "") };
  } catch (error) {
    throw unreadable(place, error);
  }
}

export function registrationItem(group: GroupingKey): Item {
  return itemAt(registrationKey(group), { group: { S: JSON.stringify(group) } });
}

export function readRegistration(table: string, item: Item): GroupingKey {
  const place = placeOf(table, { pk: item["pk"]?.S ?? "", sk: item["sk"]?.S ?? "" });
  requireFormat(item, place);
  try {
    const { job, labels } = JSON.parse(item["group"]?.S ?? "");
    return groupingKey(job, labels);
  } catch (error) {
    throw unreadable(place, error);
  }
}

export function identityItem(id: string): Item {
  return itemAt(LEDGER_ID, { ledgerId: { S: id } });
}

export function readIdentity(table: string, item: Item): string {
  const place = placeOf(table, LEDGER_ID);
  requireFormat(item, place);
  const id = item["ledgerId"]?.S;
  if (id !== undefined) return id;
  throw unreadable(place, new Error("it names no ledger"));
}

/** Whether an item is what a write of this name left. */
export function wasWrittenBy(item: Item | undefined, write: string): boolean {
  return item?.["write"]?.S === write;
}

/** @throws {LedgerFormatError} for an item that a newer closing-bell wrote. */
export function requireFormat(item: Item, place: string): void {
  const { N: format } = item["format"] ?? {};
  if (format === ITEM_FORMAT) return;
  throw new LedgerFormatError(
    `${place}: ${newer(format)}; upgrade this one. Runs are still recorded`,
  );
}

/** An item, for people. */
export function placeOf(table: string, { pk, sk }: ItemKey): string {
  return `item ${pk} ${sk} of table ${table}`;
}

function newer(format: unknown): string {
  return `it has format ${format}: a newer closing-bell wrote it`;
}

function unreadable(place: string, error: unknown): LedgerCorruptError {
  return new LedgerCorruptError(
    `${place} cannot be read: ${messageOf(error)}. Remove it if it is not needed, or restore the table to a point in time before`,
    { cause: error },
  );
}
