import { once } from "node:events";
import type { AddressInfo } from "node:net";
import type { AttributeValue } from "@aws-sdk/client-dynamodb";
import dynalite from "dynalite";
import { serve, type TestServer } from "./http-server.ts";

export type DynamodbServer = {
  readonly url: URL;
  /** A new table, empty, of the shape that a ledger needs unless told otherwise. */
  readonly createTable: (shape?: TableShape) => Promise<DynamodbPlace>;
  /** What is in a table, as it came over the wire: bytes in base64. */
  readonly items: (table: string) => Promise<readonly PlainItem[]>;
  /** Puts an item, whatever was there. */
  readonly put: (table: string, item: PlainItem) => Promise<void>;
  readonly close: () => Promise<void>;
};

/** What a ledger must be told to find its table. */
export type DynamodbPlace = {
  readonly table: string;
  readonly region: string;
  readonly endpoint: string;
  readonly credentials: typeof CREDENTIALS;
};

export type TableShape = { readonly partitionKey: string; readonly sortKey: string };

/** An attribute as JSON. */
export type PlainItem = Readonly<Record<string, { readonly [type: string]: string | undefined }>>;

export const CREDENTIALS = {
  accessKeyId: "AKIAEXAMPLE",
  secretAccessKey: "a-secret-of-tests",
  sessionToken: "a-token-of-tests",
};

const REGION = "eu-central-1";

/**
 * The emulator, in this process and on a free port. Unlike DynamoDB it does not say what was there when
 * a condition did not hold ({@link startFullDynamodb} does), and keeps what has expired.
 */
export async function startDynamodb(): Promise<DynamodbServer> {
  const server = dynalite({ createTableMs: 0 });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const url = new URL(`http://127.0.0.1:${port}`);
  let tables = 0;

  return {
    url,
    async createTable({ partitionKey, sortKey } = { partitionKey: "pk", sortKey: "sk" }) {
      const table = `ledger-${++tables}`;
      await ask(url, "CreateTable", {
        TableName: table,
        BillingMode: "PAY_PER_REQUEST",
        AttributeDefinitions: [partitionKey, sortKey].map((AttributeName) => {
          return { AttributeName, AttributeType: "S" };
        }),
        KeySchema: [
          { AttributeName: partitionKey, KeyType: "HASH" },
          { AttributeName: sortKey, KeyType: "RANGE" },
        ],
      });
      return placeOf(table, url);
    },
    async items(TableName) {
      const { Items } = await ask(url, "Scan", { TableName });
      return Items as readonly PlainItem[];
    },
    async put(TableName, Item) {
      await ask(url, "PutItem", { TableName, Item });
    },
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

/** The same table, reached by another way, e.g. through a proxy. */
export function placeOf(table: string, url: URL): DynamodbPlace {
  return { table, region: REGION, endpoint: url.origin, credentials: CREDENTIALS };
}

/** The input of a request. */
// biome-ignore lint/suspicious/noExplicitAny: as it comes out of JSON.parse
type Input = any;

/**
 * A proxy that gives what the emulator lacks: the item on which a condition did not hold.
 *
 * @param edit changes what is asked.
 */
export function startFullDynamodb(
  upstream: URL,
  edit: (operation: string, input: Input) => Input = (_, input) => input,
): Promise<TestServer> {
  return serve((request, response, body) => {
    const operation = operationOf(request.headers);
    const asked = edit(operation, JSON.parse(body.toString("utf8")));
    pass(upstream, operation, asked).then(
      ({ status, text }) => {
        response.writeHead(status, { "content-type": "application/x-amz-json-1.0" }).end(text);
      },
      () => response.destroy(),
    );
  });
}

async function pass(upstream: URL, operation: string, asked: Input) {
  const { status, text } = await post(upstream, operation, JSON.stringify(asked));
  const isRefused = status === 400 && text.includes("ConditionalCheckFailedException");
  if (!isRefused || asked.ReturnValuesOnConditionCheckFailure !== "ALL_OLD")
    return { status, text };
  const { pk, sk } = asked.Key ?? asked.Item;
  const { TableName } = asked;
  const { Item } = await ask(upstream, "GetItem", {
    TableName,
    Key: { pk, sk },
    ConsistentRead: true,
  });
  return { status, text: JSON.stringify({ ...JSON.parse(text), Item }) };
}

/** `PutItem` and the like. */
export function operationOf(headers: Readonly<Record<string, unknown>>): string {
  return `${headers["x-amz-target"]}`.split(".").at(-1) ?? "";
}

/** An answer of DynamoDB that is an error, for a proxy to give. */
export function errorAnswer(name: string, message: string, status = 400) {
  return {
    type: "answer",
    status,
    headers: { "content-type": "application/x-amz-json-1.0" },
    body: JSON.stringify({ __type: `com.amazonaws.dynamodb.v20120810#${name}`, message }),
  } as const;
}

type Answer = Readonly<Record<string, AttributeValue | readonly unknown[] | undefined>>;

async function ask(url: URL, operation: string, input: object): Promise<Answer> {
  const { status, text } = await post(url, operation, JSON.stringify(input));
  if (status !== 200) throw new Error(`${operation}: ${text}`);
  return JSON.parse(text);
}

async function post(url: URL, operation: string, body: string) {
  const response = await fetch(url, {
    method: "POST",
    headers: {
      "content-type": "application/x-amz-json-1.0",
      "x-amz-target": `DynamoDB_20120810.${operation}`,
      "x-amz-date": "20260101T000000Z",
      // The emulator looks at its form alone.
      authorization:
        "AWS4-HMAC-SHA256 Credential=a/20260101/x/dynamodb/aws4_request, SignedHeaders=host, Signature=a",
    },
    body,
  });
  return { status: response.status, text: await response.text() };
}
