/** How a client of an AWS service finds it, and who it is there. */
export type AwsClientOptions = {
  /** Default: as the AWS SDK finds it, e.g. by `AWS_REGION`. */
  readonly region?: string;
  /** Instead of AWS's own, e.g. a VPC endpoint's or an emulator's URL. */
  readonly endpoint?: string;
  /** Default: as the AWS SDK finds them: environment, profile, the role of the function or machine. */
  readonly credentials?: {
    readonly accessKeyId: string;
    readonly secretAccessKey: string;
    readonly sessionToken?: string;
  };
};

export type AwsTimes = {
  /** Attempts of one call, the first included. */
  readonly attempts: number;
  /** Of one attempt, in milliseconds. */
  readonly connectTimeoutMs: number;
  readonly requestTimeoutMs: number;
};

/** What the SDK's clients are made with. */
export function awsClientConfig(
  { region, endpoint, credentials }: AwsClientOptions,
  { attempts, connectTimeoutMs, requestTimeoutMs }: AwsTimes,
) {
  return {
    maxAttempts: attempts,
    requestHandler: {
      connectionTimeout: connectTimeoutMs,
      requestTimeout: requestTimeoutMs,
      // Else it only logs that it is late, and waits on.
      throwOnRequestTimeout: true,
    },
    ...(region === undefined ? {} : { region }),
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(credentials === undefined ? {} : { credentials }),
  };
}

/** Says to the SDK that we know which Node it will need in future. */
const VERSION_WARNING_OFF = "AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED";

/** Makes a client without the SDK's warning about Node's version on standard error. */
export function withoutVersionWarning<Client>(make: () => Client): Client {
  const wasSet = VERSION_WARNING_OFF in process.env;
  // Read while the client is made, then put back: nobody else gets to run in between.
  if (!wasSet) process.env[VERSION_WARNING_OFF] = "true";
  try {
    return make();
  } finally {
    if (!wasSet) delete process.env[VERSION_WARNING_OFF];
  }
}
