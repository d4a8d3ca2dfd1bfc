import { describe, expect, test } from "@jest/globals";
import { type GroupingKey, groupingKey } from "../../../src/grouping-key.ts";
import { createDynamodbLedger } from "../../../src/ledger/dynamodb-ledger.ts";
import { foldGroup } from "../../../src/ledger/fold-round.ts";
import type { Ledger, PendingItem } from "../../../src/ledger/ledger.ts";
import { manualClock } from "../../support/manual-clock.ts";
import { GROUP, NIGHT, runsTotal, success } from "../../support/run-records.ts";
import { useDynamodb } from "./bench.ts";

const { server, startBench } = useDynamodb();

const PARTITION = '{job="nightly",mode="backtest"}';

describe("a table", () => {
  test("holds a group's items together, and everything else apart", async () => {
    const place = await server().createTable();
    const ledger = createDynamodbLedger({ ...place, clock: manualClock(NIGHT + 0.5) });
    await ledger.append(success("a"));
    await foldGroup(ledger, GROUP);
    await ledger.append(success("b"));
    await ledger.lease(GROUP);
    await ledger.writeState("peak", { version: 1, value: 7 });
    const id = await ledger.ledgerId();
    const items = await server().items(place.table);
    const keys = items.map(({ pk, sk }) => [pk?.["S"], sk?.["S"]]).sort();
    expect(keys).toEqual([
      ["GROUPS", PARTITION],
      ["LEDGER", "ID"],
      ["STATE", "N#peak"],
      [PARTITION, "D#run-a"],
      [PARTITION, "L"],
      [PARTITION, "P#run-b"],
      [PARTITION, "S"],
    ]);
    for (const item of items) expect(item["format"]).toEqual({ N: "1" });
    const itemAt = (key: string) => items.find(({ sk }) => sk?.["S"] === key);
    expect(itemAt("ID")).toMatchObject({ ledgerId: { S: id } });
    expect(itemAt("S")).toMatchObject({ version: { N: "1" }, snapshot: { B: expect.any(String) } });
    // 30 days, in whole seconds, and on nothing else: what has expired is removed.
    const mark = { version: { N: "1" }, expires: { N: `${NIGHT + 1 + 30 * 86_400}` } };
    expect(itemAt("D#run-a")).toMatchObject(mark);
    expect(items.filter(({ expires }) => expires !== undefined)).toHaveLength(1);
  });

  test("has room for groups and names of any length, each its own", async () => {
    const ledger = createDynamodbLedger(await server().createTable());
    const long = (end: string): GroupingKey => {
      const labels = Array.from({ length: 8 }, (_, n) => [`label_${n}`, "é".repeat(500)]);
      return groupingKey(`nightly ${end}`, Object.fromEntries(labels));
    };
    const keys = [GROUP, groupingKey("GROUPS"), groupingKey('{"#'), long("a"), long("b")];
    for (const [index, key] of keys.entries()) {
      await ledger.append(success("a", [runsTotal(index + 1)], { groupingKey: key }));
    }
    expect(new Set(await ledger.groups())).toEqual(new Set(keys));
    for (const key of keys) {
      expect((await foldGroup(ledger, key)).snapshot.totals.records).toBe(1);
    }
    const names = ["", "P#", "x".repeat(5000), `${"x".repeat(5000)}y`, "Größe"];
    for (const name of names) {
      expect(await ledger.writeState(name, { version: 1, value: name })).toBe("won");
    }
    for (const name of names) expect((await ledger.readState(name))?.value).toBe(name);
  });

  test("is listed to its end, however many pages that takes", async () => {
    const { ledger, place, seen } = await startBench();
    const records = Array.from({ length: 230 }, (_, index) => success(`r${index}`));
    await inTens(records, (record) => ledger.append(record));
    seen();
    expect(await pendingOf(ledger)).toHaveLength(230);
    expect(seen()).toEqual(["Query", "Query", "Query"]);
    const groups = Array.from({ length: 120 }, (_, index) => groupingKey(`job-${index}`));
    await inTens(groups, (key) => ledger.append(success("a", [runsTotal()], { groupingKey: key })));
    expect(await createDynamodbLedger(place).groups()).toHaveLength(121);
    const ids = records.map(({ id }) => id);
    await foldGroup(ledger, GROUP);
    expect(await ledger.done(GROUP, [...ids, "run-x"])).toEqual(new Set(ids));
  }, 60_000);
});

test("every read is strongly consistent", async () => {
  const bodies: string[] = [];
  const { ledger } = await startBench((operation, _, body) => {
    if (operation === "Query" || operation === "BatchGetItem") bodies.push(body);
    return undefined;
  });
  await ledger.append(success("a"));
  await foldGroup(ledger, GROUP);
  await ledger.readPending(GROUP, ["run-a"]);
  await ledger.readState("peak");
  await ledger.readPublishState(GROUP);
  await ledger.ledgerId();
  await ledger.groups();
  expect(bodies.length).toBeGreaterThan(8);
  for (const body of bodies) expect(body).toContain('"ConsistentRead":true');
});

describe("an item that a newer closing-bell wrote", () => {
  test("is left alone among pending records, and reported", async () => {
    const place = await server().createTable();
    const ledger = createDynamodbLedger(place);
    await ledger.append(success("a"));
    const [item] = (await server().items(place.table)).filter(({ sk }) => sk?.["S"] === "P#run-a");
    const put = (id: string, change: object) =>
      server().put(place.table, { ...item, sk: { S: `P#run-${id}` }, ...change });
    await put("b", { format: { N: "2" } });
    await put("c", { record: { B: Buffer.from("nothing").toString("base64") } });
    await put("d", {});
    const { snapshot, skipped } = await foldGroup(ledger, GROUP);
    expect(snapshot.totals.records).toBe(1);
    expect(skipped).toEqual([
      {
        status: "unknown_format",
        place: `item ${PARTITION} P#run-b of table ${place.table}`,
        problem: "it has format 2: a newer closing-bell wrote it",
      },
      expect.objectContaining({ status: "unreadable" }),
      expect.objectContaining({ status: "unreadable", problem: "it is another item's record" }),
    ]);
    expect(await pendingOf(ledger)).toHaveLength(3);
  });

  test.each<{ what: string; pk: string; sk: string; read: (ledger: Ledger) => Promise<unknown> }>([
    { what: "totals", pk: PARTITION, sk: "S", read: (ledger) => foldGroup(ledger, GROUP) },
    { what: "a lease", pk: PARTITION, sk: "L", read: (ledger) => ledger.lease(GROUP) },
    { what: "a state", pk: "STATE", sk: "N#peak", read: (ledger) => ledger.readState("peak") },
    { what: "a group", pk: "GROUPS", sk: "{}", read: (ledger) => ledger.groups() },
    { what: "the ledger", pk: "LEDGER", sk: "ID", read: (ledger) => ledger.ledgerId() },
  ])("stops what needs it, and stays: $what", async ({ pk, sk, read }) => {
    const place = await server().createTable();
    const ledger = createDynamodbLedger(place);
    const item = { pk: { S: pk }, sk: { S: sk }, format: { N: "2" } };
    await server().put(place.table, item);
    await expect(read(ledger)).rejects.toMatchObject({
      code: "ERR_LEDGER_FORMAT",
      message: expect.stringContaining(`item ${pk} ${sk} of table ${place.table}`),
    });
    await ledger.append(success("a"));
    expect(await server().items(place.table)).toContainEqual(item);
  });
});

async function pendingOf(ledger: Ledger): Promise<readonly PendingItem[]> {
  const items: PendingItem[] = [];
  for await (const item of ledger.pending(GROUP)) items.push(item);
  return items;
}

async function inTens<T>(items: readonly T[], work: (item: T) => Promise<unknown>): Promise<void> {
  for (let from = 0; from < items.length; from += 10) {
    await Promise.all(items.slice(from, from + 10).map(work));
  }
}
