import { afterAll, afterEach, describe, expect, test } from "@jest/globals";
import { groupingKey } from "../../../src/grouping-key.ts";
import { foldGroup } from "../../../src/ledger/fold-round.ts";
import { createPublisher } from "../../../src/publish/publisher.ts";
import { createPushClient } from "../../../src/push/client.ts";
import { type PushgatewayServer, startPushgateway } from "../../../src/pushgateway/server.ts";
import { printTable } from "../../support/print-table.ts";
import { GROUP, runsTotal, success } from "../../support/run-records.ts";
import { type Bench, useDynamodb } from "./bench.ts";

const { startBench } = useDynamodb();

const table: string[][] = [];
afterAll(() => printTable("Requests to DynamoDB", ["what", "requests"], table));

const gateways: PushgatewayServer[] = [];
afterEach(async () => {
  await Promise.all(gateways.splice(0).map((gateway) => gateway.close()));
});

describe("requests of a ledger in DynamoDB:", () => {
  test("an append is 1, and a fold at most 3 more for each run", async () => {
    const { ledger, seen } = await startBench();
    const runs = 100;
    for (let index = 0; index < runs; index++) await ledger.append(success(`r${index}`));
    const appends = seen().length - 1;
    expect(appends).toBe(runs);
    await foldGroup(ledger, GROUP);
    const folding = seen().length;
    expect(folding / runs).toBeLessThanOrEqual(3);
    await ledger.append(success("one"));
    seen();
    await foldGroup(ledger, GROUP);
    const alone = seen();
    table.push(["append", `${appends / runs}`]);
    table.push([`fold of ${runs} runs, for each`, `${folding / runs}`]);
    table.push(["fold of 1 run", `${alone.length}`]);
    await foldGroup(ledger, GROUP);
    const idle = seen();
    expect(idle).toEqual(["BatchGetItem", "BatchGetItem", "Query"]);
    table.push(["fold that finds nothing", `${idle.length}`]);
  });

  test("an idle tick of the publisher is 2 for each group, and the list of groups", async () => {
    const { ledger, seen } = await startBench();
    const groups = ["a", "b", "c"].map((job) => groupingKey(job));
    for (const key of groups) {
      await ledger.append(success("r", [runsTotal()], { groupingKey: key }));
    }
    const publisher = await publisherOf(ledger);
    await publisher.publishAll();
    seen();
    const publications = await publisher.publishAll();
    expect(publications.map(({ status }) => status)).toEqual(["current", "current", "current"]);
    const tick = seen();
    expect(tick.toSorted()).toEqual([
      // Groups that are looked at at once share their reads.
      ...tick.filter((operation) => operation === "BatchGetItem"),
      ...Array.from({ length: 1 + groups.length }, () => "Query"),
    ]);
    expect(tick.length).toBeLessThanOrEqual(1 + 2 * groups.length);
    table.push([`idle tick over ${groups.length} groups`, `${tick.length}`]);
  });

  test("a run that is recorded and published", async () => {
    const { ledger, seen } = await startBench();
    const publisher = await publisherOf(ledger);
    await ledger.append(success("a"));
    await publisher.publish(GROUP);
    seen();
    await ledger.append(success("b"));
    expect(await publisher.publish(GROUP)).toMatchObject({ status: "published", version: 2 });
    const requests = seen();
    table.push(["run that is recorded and published", `${requests.length}`]);
    expect(requests.length).toBeLessThanOrEqual(20);
  });
});

async function publisherOf(ledger: Bench["ledger"]) {
  const gateway = await startPushgateway({});
  gateways.push(gateway);
  const client = createPushClient({ url: gateway.url });
  return createPublisher({ ledger, client, scrapeIntervalSeconds: 0 });
}
