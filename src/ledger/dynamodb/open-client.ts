import type { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import {
  type AwsClientOptions,
  awsClientConfig,
  withoutVersionWarning,
} from "../../aws/client-options.ts";

export type TableOptions = AwsClientOptions & {
  readonly table: string;
  /** Longest time of one request, its repetitions and the search for credentials included. Milliseconds. */
  readonly requestTimeoutMs: number;
};

type Sdk = typeof import("./client.ts");

export type Opened = {
  readonly sdk: Sdk;
  readonly client: DynamoDBClient;
  /** For messages: the table, its region and, if it is not AWS's own, its host. */
  readonly where: string;
};

/** Attempts of one request. It is repeated by whoever asked, if need be. */
const MAX_ATTEMPTS = 3;

/** Of one request's time, what one attempt has: so much that there is some for a second one. */
const ATTEMPT_SHARE = 0.4;

/** Never rejects for want of a region: then the first request does. */
export async function openClient(options: TableOptions): Promise<Opened> {
  const { table, endpoint } = options;
  // Loaded at the first use: it costs who has no such ledger some 150 ms.
  const sdk = await import("./client.ts");
  const client = createClient(sdk, options);
  const region = await client.config.region().catch(() => undefined);
  const host = endpoint === undefined ? "" : ` at ${new URL(endpoint).host}`;
  const place = region === undefined ? "" : ` in ${region}`;
  return { sdk, client, where: `table ${table}${place}${host}` };
}

function createClient(sdk: Sdk, options: TableOptions): DynamoDBClient {
  const attemptMs = options.requestTimeoutMs * ATTEMPT_SHARE;
  const times = {
    attempts: MAX_ATTEMPTS,
    connectTimeoutMs: attemptMs,
    requestTimeoutMs: attemptMs,
  };
  return withoutVersionWarning(() => new sdk.DynamoDBClient(awsClientConfig(options, times)));
}
