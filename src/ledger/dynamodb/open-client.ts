import type { DynamoDBClient } from "@aws-sdk/client-dynamodb";

export type TableOptions = {
  readonly table: string;
  /** Default: as the AWS SDK finds it, e.g. by `AWS_REGION`. */
  readonly region?: string;
  /** Instead of AWS's own, e.g. an emulator's URL. */
  readonly endpoint?: string;
  /** Default: as the AWS SDK finds them: environment, profile, the role of the function or machine. */
  readonly credentials?: {
    readonly accessKeyId: string;
    readonly secretAccessKey: string;
    readonly sessionToken?: string;
  };
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

/** Says to the SDK that we know which Node it will need in future. */
const VERSION_WARNING_OFF = "AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED";

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

function createClient(
  sdk: Sdk,
  { region, endpoint, credentials, requestTimeoutMs }: TableOptions,
): DynamoDBClient {
  const wasSet = VERSION_WARNING_OFF in process.env;
  // Read while the client is made, then put back: nobody else gets to run in between.
  if (!wasSet) process.env[VERSION_WARNING_OFF] = "true";
  try {
    return new sdk.DynamoDBClient({
      maxAttempts: MAX_ATTEMPTS,
      requestHandler: {
        connectionTimeout: requestTimeoutMs * ATTEMPT_SHARE,
        requestTimeout: requestTimeoutMs * ATTEMPT_SHARE,
        // Else it only logs that it is late, and waits on.
        throwOnRequestTimeout: true,
      },
      ...(region === undefined ? {} : { region }),
      ...(endpoint === undefined ? {} : { endpoint }),
      ...(credentials === undefined ? {} : { credentials }),
    });
  } finally {
    if (!wasSet) delete process.env[VERSION_WARNING_OFF];
  }
}
