import type { IncomingMessage } from "node:http";
import { afterEach, describe, expect, test } from "@jest/globals";
import { createDynamodbLedger } from "../../../src/ledger/dynamodb-ledger.ts";
import { foldGroup } from "../../../src/ledger/fold-round.ts";
import { operationOf, placeOf } from "../../support/dynamodb.ts";
import { serve, type TestServer } from "../../support/http-server.ts";
import { GROUP, success } from "../../support/run-records.ts";
import { useDynamodb } from "./bench.ts";

const { server } = useDynamodb();

const opened: TestServer[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((each) => each.close()));
});

const JSON_TYPE = "application/x-amz-json-1.0";

describe("items that the service holds back", () => {
  test("are asked for again", async () => {
    const records = ["a", "b", "c"].map((id) => success(id));
    // As when an answer would be larger than 16 MB: one item at a time.
    const sparing = await startSparing(1);
    const ids = records.map(({ id }) => id);
    const { table } = await server().createTable();
    const small = createDynamodbLedger(placeOf(table, sparing.url));
    for (const record of records) await small.append(record);
    expect(new Set((await small.readPending(GROUP, ids)).map(({ id }) => id))).toEqual(
      new Set(ids),
    );
    await foldGroup(small, GROUP);
    expect(await small.done(GROUP, [...ids, "run-x"])).toEqual(new Set(ids));
  });

  test("for ever are a ledger that is not available", async () => {
    const { table } = await server().createTable();
    const sparing = await startSparing(0);
    const ledger = createDynamodbLedger(placeOf(table, sparing.url));
    await expect(ledger.done(GROUP, ["run-a"])).rejects.toMatchObject({
      code: "ERR_LEDGER_UNAVAILABLE",
      message: expect.stringContaining("held back"),
    });
  });
});

/** Gives back so many of the items that it was asked for, and holds back the others. */
async function startSparing(given: number): Promise<TestServer> {
  const answer = async ({ headers }: IncomingMessage, body: Buffer): Promise<object> => {
    const asked = JSON.parse(`${body}`);
    const isBatch = operationOf(headers) === "BatchGetItem";
    const [[table, wanted] = []] = Object.entries<{ Keys: object[] }>(asked.RequestItems ?? {});
    const held = wanted === undefined ? [] : wanted.Keys.slice(given);
    if (wanted !== undefined) wanted.Keys = wanted.Keys.slice(0, given);
    const isEmpty = isBatch && given === 0;
    const answered = isEmpty
      ? { Responses: {} }
      : await fetch(server().url, {
          method: "POST",
          headers: {
            "content-type": JSON_TYPE,
            "x-amz-target": `${headers["x-amz-target"]}`,
            "x-amz-date": `${headers["x-amz-date"]}`,
            authorization: `${headers.authorization}`,
          },
          body: JSON.stringify(asked),
        }).then((answer) => answer.json());
    const rest = { ...wanted, Keys: held };
    const UnprocessedKeys = isBatch && held.length > 0 ? { [table ?? ""]: rest } : {};
    return isBatch ? { ...Object(answered), UnprocessedKeys } : Object(answered);
  };
  const sparing = await serve((request, response, body) => {
    answer(request, body).then(
      (said) => response.writeHead(200, { "content-type": JSON_TYPE }).end(JSON.stringify(said)),
      () => response.destroy(),
    );
  });
  opened.push(sparing);
  return sparing;
}
