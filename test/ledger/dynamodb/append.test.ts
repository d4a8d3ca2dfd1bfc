import { randomBytes } from "node:crypto";
import { afterEach, describe, expect, test } from "@jest/globals";
import { groupingKey } from "../../../src/grouping-key.ts";
import { createDynamodbLedger } from "../../../src/ledger/dynamodb-ledger.ts";
import { foldGroup } from "../../../src/ledger/fold-round.ts";
import { type DynamodbPlace, errorAnswer, startFullDynamodb } from "../../support/dynamodb.ts";
import type { TestServer } from "../../support/http-server.ts";
import { GROUP, runsTotal, success } from "../../support/run-records.ts";
import { type FaultPlan, useDynamodb } from "./bench.ts";

const { server, startBench } = useDynamodb();

/** What a job may do. */
const PUT_ALONE: FaultPlan = (operation) =>
  operation === "PutItem"
    ? undefined
    : errorAnswer("AccessDeniedException", "User: job is not authorized to perform it");

const LOST_ANSWER = { type: "cut-answer", bytes: 0 } as const;

let full: TestServer | undefined;
afterEach(async () => {
  await full?.close();
  full = undefined;
});

describe("an append", () => {
  test("is one request, after the group's own one", async () => {
    const { ledger, seen } = await startBench();
    await ledger.append(success("a"));
    expect(seen()).toEqual(["PutItem", "PutItem"]);
    for (const id of ["b", "c"]) {
      expect(await ledger.append(success(id))).toEqual({ status: "appended" });
      expect(seen()).toEqual(["PutItem"]);
    }
  });

  test("to several groups at once registers each of them once", async () => {
    const { ledger, seen } = await startBench();
    const records = ["a", "b", "c"].flatMap((id) =>
      ["x", "y"].map((job) => success(id, [runsTotal()], { groupingKey: groupingKey(job) })),
    );
    await Promise.all(records.map((record) => ledger.append(record)));
    expect(seen()).toHaveLength(6 + 2);
    expect(await ledger.groups()).toHaveLength(2);
  });

  test.each([{ service: "the emulator" }, { service: "a service that says what was there" }])(
    "needs PutItem alone, whatever $service answers",
    async ({ service }) => {
      if (service !== "the emulator") full = await startFullDynamodb(server().url);
      const { ledger, place } = await startBench(PUT_ALONE, {}, full?.url);
      const unit = (id: string) => success(id, [runsTotal()], { runId: "2026-11-22" });
      expect(await ledger.append(success("a"))).toEqual({ status: "appended" });
      expect(await ledger.append(success("a"))).toEqual({ status: "present" });
      expect(await ledger.append(unit("b"))).toEqual({ status: "appended" });
      expect(await ledger.append(unit("b"))).toEqual({ status: "present" });
      expect(await ledger.append(unit("c"))).toEqual({ status: "already_counted" });
      await expect(ledger.append(success("a", [runsTotal(7)]))).rejects.toMatchObject({
        code: "ERR_LEDGER_CONFLICT",
        message: expect.stringContaining("the execution a of"),
      });
      expect(await totals(place)).toMatchObject({ records: 2 });
    },
  );

  test("whose answer was lost is known again by its content", async () => {
    const { ledger, place, seen } = await startBench((operation, index) =>
      operation === "PutItem" && index === 1 ? LOST_ANSWER : undefined,
    );
    expect(await ledger.append(success("a"))).toEqual({ status: "present" });
    // The group; the record; again, refused; and over itself, to know it again.
    expect(seen()).toEqual(["PutItem", "PutItem", "PutItem", "PutItem"]);
    expect(await totals(place)).toMatchObject({ records: 1 });
  });

  test("whose record was folded before it is asked after counts once", async () => {
    const { ledger, place } = await startBench();
    const record = success("a");
    const other = createDynamodbLedger(onServer(place));
    await ledger.append(record);
    // Between the two puts of a repeated append the record is folded.
    const slow = await startBench((operation, index) =>
      operation === "PutItem" && index === 2 ? { type: "delay", forwardMs: 300 } : undefined,
    );
    const repeating = createDynamodbLedger({ ...slow.place, table: place.table });
    const appending = repeating.append(record);
    await until(() => slow.seen().length > 0 && slow.proxy.requests.length === 3);
    await foldGroup(other, GROUP);
    expect(await appending).toEqual({ status: "appended" });
    expect(await totals(place)).toMatchObject({ records: 1, rejected: 0 });
  });

  test("that does not register its group rejects, and the next one tries again", async () => {
    const { ledger } = await startBench((operation, index) =>
      operation === "PutItem" && index === 0
        ? errorAnswer("AccessDeniedException", "not yet")
        : undefined,
    );
    await expect(ledger.append(success("a"))).rejects.toMatchObject({ code: "ERR_LEDGER_UNFIT" });
    expect(await ledger.groups()).toEqual([]);
    expect(await ledger.append(success("a"))).toEqual({ status: "appended" });
    expect(await ledger.groups()).toEqual([GROUP]);
  });

  test("of more than an item holds is refused and says what is large", async () => {
    const { ledger, seen } = await startBench();
    await ledger.append(success("small"));
    seen();
    const samples = Array.from({ length: 800 }, () => {
      return { labels: { note: randomBytes(500).toString("base64") }, value: 1 };
    });
    const large = success("large", [{ type: "counter", name: "notes_total", samples }]);
    await expect(ledger.append(large)).rejects.toMatchObject({
      code: "ERR_RECORD",
      message: expect.stringMatching(/DynamoDB.* notes_total with 800 label sets/),
    });
    expect(seen()).toEqual([]);
  });

  test("of 300 KB of label sets fits, for it is packed", async () => {
    const { ledger, place } = await startBench();
    const samples = Array.from({ length: 5000 }, (_, n) => {
      return { labels: { ticker: `T${n}`, side: "BUY" }, value: n };
    });
    const record = success("large", [{ type: "counter", name: "trades_total", samples }]);
    await ledger.append(record);
    expect(await totals(place)).toMatchObject({ records: 1 });
  });
});

/** Past the proxy. */
function onServer(place: DynamodbPlace): DynamodbPlace {
  return { ...place, endpoint: server().url.origin };
}

async function totals(place: DynamodbPlace) {
  const ledger = createDynamodbLedger(onServer(place));
  return (await foldGroup(ledger, GROUP)).snapshot.totals;
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}
