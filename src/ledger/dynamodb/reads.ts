import type { Item } from "./expressions.ts";
import type { ItemKey } from "./keys.ts";
import type { Table } from "./table.ts";

type Wanted = {
  readonly key: ItemKey;
  readonly resolve: (item: Item | undefined) => void;
  readonly reject: (error: unknown) => void;
};

/**
 * Reads single items; those that are asked for in one turn of the event loop come with one request. It
 * is sent after all of them were asked for, so that each sees what was written before.
 */
export function createReads(
  table: Table,
): (what: string, key: ItemKey) => Promise<Item | undefined> {
  let batch: Wanted[] = [];

  async function flush(what: string): Promise<void> {
    const wanted = batch;
    batch = [];
    const keys = new Map(wanted.map(({ key }) => [nameOf(key), key]));
    try {
      const items = await table.read(what, [...keys.values()]);
      const found = new Map(items.map((item) => [nameOf(keyOf(item)), item]));
      for (const { key, resolve } of wanted) resolve(found.get(nameOf(key)));
    } catch (error) {
      for (const { reject } of wanted) reject(error);
    }
  }

  return (what, key) =>
    new Promise((resolve, reject) => {
      // Not a microtask: whoever asks for two things may not ask for both in one.
      if (batch.length === 0) setImmediate(() => void flush(what));
      batch.push({ key, resolve, reject });
    });
}

export function keyOf(item: Item): ItemKey {
  return { pk: item["pk"]?.S ?? "", sk: item["sk"]?.S ?? "" };
}

/** Without a line break: neither grouping keys nor ids have one. */
function nameOf({ pk, sk }: ItemKey): string {
  return `${pk}\n${sk}`;
}
