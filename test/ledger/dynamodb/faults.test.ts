import { inspect } from "node:util";
import { describe, expect, test } from "@jest/globals";
import { ClosingBellError, InvalidOptionError } from "../../../src/errors.ts";
import { createDynamodbLedger } from "../../../src/ledger/dynamodb-ledger.ts";
import { foldGroup } from "../../../src/ledger/fold-round.ts";
import type { Ledger } from "../../../src/ledger/ledger.ts";
import { CREDENTIALS, errorAnswer, placeOf } from "../../support/dynamodb.ts";
import type { Fault } from "../../support/fault-proxy.ts";
import { freePort } from "../../support/free-port.ts";
import { GROUP, success } from "../../support/run-records.ts";
import { useDynamodb } from "./bench.ts";

const { server, startBench } = useDynamodb();

const CUT: Fault = { type: "cut-answer", bytes: 0 };
const DOWN: Fault = { type: "answer", status: 500, body: "{}" };
const THROTTLED = errorAnswer("ProvisionedThroughputExceededException", "Rate exceeded");

/** As the service says it, with the request as it was signed. */
const SIGNED =
  "The request signature we calculated does not match the signature you provided. The Canonical String " +
  `for this request should have been\n'POST\n/\n\nx-amz-security-token:${CREDENTIALS.sessionToken}'`;

describe("a request that is repeated", () => {
  test.each<{ name: string; fault: Fault }>([
    { name: "lost its answer", fault: CUT },
    { name: "was throttled", fault: THROTTLED },
    { name: "was throttled otherwise", fault: errorAnswer("ThrottlingException", "slow down") },
    { name: "met a server's error", fault: DOWN },
    { name: "was cut off in its head", fault: { type: "half-close" } },
  ])("because it $name does its work once", async ({ fault }) => {
    // The first one of each kind fails.
    const { ledger } = await startBench((_, index) => (index === 0 ? fault : undefined));
    for (const id of ["a", "b", "c"]) await ledger.append(success(id));
    const { status, snapshot } = await foldGroup(ledger, GROUP);
    expect(status).toBe("settled");
    expect(snapshot.totals).toMatchObject({ records: 3, rejected: 0 });
    expect(await ledger.groups()).toEqual([GROUP]);
    expect(await ledger.ledgerId()).toBe(await ledger.ledgerId());
  });

  test("because its answer was lost is known as our own: the snapshot, a state, the ledger's id", async () => {
    const { ledger } = await startBench((operation, index) =>
      operation === "PutItem" && index % 2 === 0 ? CUT : undefined,
    );
    expect(await ledger.writeSnapshot(GROUP, { version: 1, bytes: Buffer.from("1") })).toBe("won");
    expect(await ledger.writeSnapshot(GROUP, { version: 2, bytes: Buffer.from("2") })).toBe("won");
    expect(await ledger.writeSnapshot(GROUP, { version: 2, bytes: Buffer.from("2") })).toBe("lost");
    expect(await ledger.writeState("peak", { version: 1, value: 7 })).toBe("won");
    expect(await ledger.writeState("peak", { version: 1, value: 7 })).toBe("lost");
    const other = await startBench((operation, index) =>
      operation === "PutItem" && index === 0 ? CUT : undefined,
    );
    const id = await other.ledger.ledgerId();
    const again = createDynamodbLedger(placeOf(other.place.table, server().url));
    expect(await again.ledgerId()).toBe(id);
  });
});

describe("a ledger that cannot be reached", () => {
  test.each<{ name: string; fault: Fault; code: string; says: RegExp }>([
    {
      name: "throttled",
      fault: THROTTLED,
      code: "ERR_LEDGER_UNAVAILABLE",
      says: /ProvisionedThroughputExceededException: Rate exceeded; .*on demand/,
    },
    { name: "down", fault: DOWN, code: "ERR_LEDGER_UNAVAILABLE", says: /HTTP 500: .*try again/ },
    {
      name: "behind a proxy that answers for it",
      fault: { type: "answer", status: 200, body: "<html>hello</html>" },
      code: "ERR_LEDGER_UNAVAILABLE",
      says: /not DynamoDB/,
    },
    {
      name: "silent",
      fault: { type: "stall" },
      code: "ERR_LEDGER_UNAVAILABLE",
      says: /TimeoutError/,
    },
    {
      name: "not for us",
      fault: errorAnswer(
        "AccessDeniedException",
        "User: arn:aws:iam::1:user/ada is not authorized",
      ),
      code: "ERR_LEDGER_UNFIT",
      says: /arn:aws:iam::1:user\/ada .*dynamodb:PutItem/,
    },
    {
      name: "not for these credentials",
      fault: errorAnswer("ExpiredTokenException", "The security token included is expired"),
      code: "ERR_LEDGER_UNAVAILABLE",
      says: /sign in again/,
    },
    {
      name: "of another account",
      fault: errorAnswer("UnrecognizedClientException", "The security token is invalid"),
      code: "ERR_LEDGER_UNFIT",
      says: /access key/,
    },
    {
      name: "signed for with another key",
      fault: errorAnswer("InvalidSignatureException", SIGNED),
      code: "ERR_LEDGER_UNFIT",
      says: /InvalidSignatureException; .*clock/,
    },
  ])("because it is $name says so, in time and without a secret", async ({ fault, code, says }) => {
    // The SDK's pauses after a throttling are long.
    const requestTimeoutMs = fault.type === "stall" ? 500 : 5000;
    const { ledger, place } = await startBench(() => fault, { requestTimeoutMs });
    const started = performance.now();
    const error = await ledger.append(success("a")).catch((thrown: unknown) => thrown);
    expect(performance.now() - started).toBeLessThan(requestTimeoutMs + 2500);
    expect(error).toMatchObject({ code, message: expect.stringMatching(says) });
    const { message } = error as Error;
    const { table, endpoint } = place;
    expect(message).toMatch(/^the group could not be recorded: /);
    expect(message).toContain(`table ${table} in eu-central-1 at ${new URL(endpoint).host}`);
    const everything = inspect(error, { depth: 20, showHidden: true });
    for (const secret of [CREDENTIALS.secretAccessKey, CREDENTIALS.sessionToken]) {
      expect(message).not.toContain(secret);
      expect(everything).not.toContain(secret);
    }
  });

  test("every operation ends in time", async () => {
    const { ledger } = await startBench(() => ({ type: "stall" }), { requestTimeoutMs: 300 });
    const calls: readonly (() => Promise<unknown>)[] = [
      () => ledger.append(success("a")),
      () => ledger.groups(),
      () => ledger.ledgerId(),
      () => listed(ledger),
      () => ledger.readPending(GROUP, ["run-a"]),
      () => ledger.deletePending(GROUP, ["run-a"]),
      () => ledger.done(GROUP, ["run-a"]),
      () => ledger.putDone(GROUP, [{ version: 1, record: success("a") }]),
      () => ledger.readSnapshot(GROUP),
      () => ledger.writeSnapshot(GROUP, { version: 1, bytes: Buffer.from("") }),
      () => ledger.readState("peak"),
      () => ledger.writeState("peak", { version: 1, value: 1 }),
      () => ledger.readPublishState(GROUP),
      () => ledger.lease(GROUP),
    ];
    const started = performance.now();
    const errors = await Promise.all(calls.map((call) => call().catch((error: unknown) => error)));
    expect(performance.now() - started).toBeLessThan(3000);
    for (const error of errors) expect(error).toMatchObject({ code: "ERR_LEDGER_UNAVAILABLE" });
  });

  test("because nothing listens says where", async () => {
    const port = await freePort();
    const place = placeOf("totals", new URL(`http://127.0.0.1:${port}`));
    const ledger = createDynamodbLedger({ ...place, requestTimeoutMs: 1000 });
    await expect(ledger.groups()).rejects.toMatchObject({
      code: "ERR_LEDGER_UNAVAILABLE",
      message: expect.stringMatching(`127.0.0.1:${port}: Error: .*ECONNREFUSED.*|ECONNREFUSED`),
    });
  });

  test("because its table is not there is unfit until there is one", async () => {
    const ledger = createDynamodbLedger(placeOf("no-such-table", server().url));
    await expect(ledger.append(success("a"))).rejects.toMatchObject({
      code: "ERR_LEDGER_UNFIT",
      message: expect.stringMatching(/table no-such-table in eu-central-1 .*no such table/),
    });
  });

  test("because its table has other keys says which they must be", async () => {
    const place = await server().createTable({ partitionKey: "PK", sortKey: "SK" });
    const ledger = createDynamodbLedger(place);
    for (const call of [() => ledger.append(success("a")), () => ledger.groups()]) {
      await expect(call()).rejects.toMatchObject({
        code: "ERR_LEDGER_UNFIT",
        message: expect.stringContaining("the partition key pk and the sort key sk"),
      });
    }
  });

  test("for want of room says so", async () => {
    const { ledger } = await startBench();
    const bytes = Buffer.alloc(410 * 1024);
    await expect(ledger.writeSnapshot(GROUP, { version: 1, bytes })).rejects.toMatchObject({
      code: "ERR_LEDGER_FULL",
      message: expect.stringContaining("400 KB"),
    });
  });
});

test.each<{ name: string; options: object; says: string }>([
  { name: "unknown", options: { tabel: "x" }, says: 'did you mean "table"' },
  { name: "a table's name that none has", options: { table: "a b" }, says: 'table is "a b"' },
  { name: "an endpoint that is no URL", options: { endpoint: "x" }, says: "endpoint is not a URL" },
  { name: "no time", options: { requestTimeoutMs: 0 }, says: "requestTimeoutMs" },
  { name: "a time that is none", options: { sendTimeoutMs: Number.NaN }, says: "sendTimeoutMs" },
])("an option that is $name is refused", ({ options, says }) => {
  const make = () => createDynamodbLedger({ table: "totals", ...options });
  expect(make).toThrow(InvalidOptionError);
  expect(make).toThrow(says);
  expect(make).toThrow(ClosingBellError);
});

async function listed(ledger: Ledger): Promise<number> {
  let count = 0;
  for await (const _ of ledger.pending(GROUP)) count++;
  return count;
}
