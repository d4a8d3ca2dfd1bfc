import { formatGroupingKey, type GroupingKey } from "../../grouping-key.ts";
import { sha256 } from "../../record/run-record.ts";

/**
 * Where things are. The partition of a group begins with `{`, all others with a letter, so no group can
 * have one of those.
 *
 *     {job="nightly"}  S          the totals, gzipped
 *                      P#<id>     a pending record
 *                      D#<id>     a done mark, for 30 days
 *                      L          the lease and the publish state
 *     GROUPS           {job=...}  a group that ever had a record
 *     LEDGER           ID         the ledger's own id
 *     STATE            N#<name>   a small item
 */
export type ItemKey = { readonly pk: string; readonly sk: string };

/** Sort keys of a group's items. */
export const SNAPSHOT = "S";
export const LEASE = "L";
export const PENDING = "P#";
export const DONE = "D#";

export const GROUPS = "GROUPS";

export const LEDGER_ID: ItemKey = { pk: "LEDGER", sk: "ID" };

/** Longest text that a key is made of, in bytes. A sort key has 1024. */
const LONGEST = 900;

/** The partition of a group: its canonical text, so that people and stream filters can read it. */
export function partitionOf(group: GroupingKey): string {
  const text = formatGroupingKey(group);
  // No grouping key's text begins so: after the brace comes `job`.
  return isShort(text) ? text : `{#${sha256(text)}}`;
}

export function groupKey(group: GroupingKey, sk: string): ItemKey {
  return { pk: partitionOf(group), sk };
}

/** Ids of records are short: letters, digits and `-_`. */
export function pendingKey(group: GroupingKey, id: string): ItemKey {
  return groupKey(group, `${PENDING}${id}`);
}

export function doneKey(group: GroupingKey, id: string): ItemKey {
  return groupKey(group, `${DONE}${id}`);
}

/** Where it is written that there is such a group. */
export function registrationKey(group: GroupingKey): ItemKey {
  return { pk: GROUPS, sk: partitionOf(group) };
}

export function stateKey(name: string): ItemKey {
  return { pk: "STATE", sk: isShort(name) ? `N#${name}` : `H#${sha256(name)}` };
}

function isShort(text: string): boolean {
  return Buffer.byteLength(text) <= LONGEST;
}
