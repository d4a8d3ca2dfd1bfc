import { afterAll, beforeAll } from "@jest/globals";
import { createDynamodbLedger } from "../../src/ledger/dynamodb-ledger.ts";
import { type DynamodbServer, startDynamodb } from "../support/dynamodb.ts";
import { describeLedgerContract } from "./contract.ts";

let server: DynamodbServer;
beforeAll(async () => {
  server = await startDynamodb();
});
afterAll(() => server.close());

describeLedgerContract("a ledger in DynamoDB", async () =>
  createDynamodbLedger({ ...(await server.createTable()), requestTimeoutMs: 30_000 }),
);
