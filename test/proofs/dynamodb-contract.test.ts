import { afterAll, beforeAll } from "@jest/globals";
import { createDynamodbLedger } from "../../src/ledger/dynamodb-ledger.ts";
import { describeLedgerContract } from "../ledger/contract.ts";
import {
  type DynamodbServer,
  placeOf,
  startDynamodb,
  startFullDynamodb,
} from "../support/dynamodb.ts";
import type { TestServer } from "../support/http-server.ts";

let server: DynamodbServer;
let full: TestServer;
beforeAll(async () => {
  server = await startDynamodb();
  full = await startFullDynamodb(server.url);
});
afterAll(async () => {
  await full.close();
  await server.close();
});

// As everyday, but with what DynamoDB says of a condition that did not hold.
describeLedgerContract("a ledger in a DynamoDB that says what was there", async () => {
  const { table } = await server.createTable();
  return createDynamodbLedger({ ...placeOf(table, full.url), requestTimeoutMs: 30_000 });
});
