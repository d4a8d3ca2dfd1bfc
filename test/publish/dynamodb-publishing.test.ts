import { afterAll, afterEach, beforeAll, expect, test } from "@jest/globals";
import { createDynamodbLedger } from "../../src/ledger/dynamodb-ledger.ts";
import { createPublisher } from "../../src/publish/publisher.ts";
import { type DynamodbServer, startDynamodb } from "../support/dynamodb.ts";
import { manualClock } from "../support/manual-clock.ts";
import { GROUP, NIGHT, success } from "../support/run-records.ts";
import { endPublishing, startBench } from "./publishing.ts";

let server: DynamodbServer;
beforeAll(async () => {
  server = await startDynamodb();
});
afterEach(endPublishing);
afterAll(() => server.close());

const RUNS = "batch_job_runs_total";
const SUCCEEDED = { outcome: "succeeded" };

/** A publisher over a table; another one is a ledger of its own over the same table. */
async function start() {
  const clock = manualClock(NIGHT + 60);
  const place = await server.createTable();
  const ledger = createDynamodbLedger({ ...place, clock });
  const bench = await startBench({ ledger, clock });
  const another = createDynamodbLedger({ ...place, clock });
  const { client } = bench;
  const options = { ledger: another, client, clock, scrapeIntervalSeconds: 0 };
  return { ...bench, another, other: createPublisher(options) };
}

test("totals in DynamoDB are published, by whoever comes, and the gateway is healed", async () => {
  const { ledger, another, publisher, other, gateway, shown } = await start();
  await ledger.append(success("a"));
  expect(await publisher.publish(GROUP)).toMatchObject({ status: "published", version: 1 });
  await another.append(success("b"));
  expect(await other.publish(GROUP)).toMatchObject({ status: "published", version: 2 });
  expect(await shown(RUNS, SUCCEEDED)).toBe(2);
  const [current] = await publisher.publishAll();
  expect(current).toMatchObject({ status: "current", version: 2 });
  await gateway.restart();
  const [healed] = await publisher.publishAll();
  expect(healed).toMatchObject({ status: "published", version: 2 });
  expect(await shown(RUNS, SUCCEEDED)).toBe(2);
});

test("a group that somebody else publishes is left to them, and taken over when they are gone", async () => {
  const { ledger, another, publisher, clock, gateway, shown } = await start();
  await ledger.append(success("a"));
  const taken = await another.lease(GROUP);
  if (taken.status === "held") throw new Error("nobody had it");
  const holder = expect.stringMatching(/^process \d+ on /);
  expect(await publisher.publish(GROUP)).toMatchObject({ status: "busy", holder });
  expect(gateway.seen()).toEqual([]);
  // Its holder was killed.
  clock.advance(36);
  expect(await publisher.publish(GROUP)).toMatchObject({ status: "published", version: 1 });
  expect(await shown(RUNS, SUCCEEDED)).toBe(1);
});

test("a publisher that was stopped sends nothing once its time is over", async () => {
  const { ledger, publisher, other, clock, gateway, shown } = await start();
  await ledger.append(success("a"));
  gateway.meddle(({ method }) => {
    // Stopped for a minute between its lease and its push.
    if (method === "GET") clock.advance(60);
    return undefined;
  });
  expect(await publisher.publish(GROUP)).toMatchObject({ status: "busy" });
  expect(gateway.seen()).not.toContain("PUT");
  gateway.passOn();
  expect(await other.publish(GROUP)).toMatchObject({ status: "published", version: 1 });
  expect(await shown(RUNS, SUCCEEDED)).toBe(1);
});

test("a push that was not answered is known to the next publisher", async () => {
  const { ledger, publisher, other, gateway, noted, shown } = await start();
  await ledger.append(success("a"));
  gateway.meddle(({ method }) => (method === "PUT" ? "lost" : undefined));
  expect(await publisher.publish(GROUP)).toMatchObject({ status: "failed" });
  expect((await noted()).unconfirmed).toMatchObject({ version: 1 });
  gateway.passOn();
  expect(await other.publish(GROUP)).toMatchObject({ status: "published", version: 1 });
  expect((await noted()).unconfirmed).toBeUndefined();
  expect(await shown(RUNS, SUCCEEDED)).toBe(1);
});
