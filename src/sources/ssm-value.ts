import { InvalidOptionError, SourceError } from "../errors.ts";
import { refuseUnknownKeys } from "../options.ts";
import { ssmError } from "./ssm-error.ts";
import type { ValueSource } from "./value-source.ts";

export type SsmValueOptions = {
  /** Name or ARN of the parameter; `NAME:3` and `NAME:label` are versions of it. */
  readonly name: string;
  /** Default: as the AWS SDK finds it, e.g. by `AWS_REGION`. */
  readonly region?: string;
  /** Instead of AWS's own, e.g. a VPC endpoint's URL. */
  readonly endpoint?: string;
  /** Default: as the AWS SDK finds them: environment, profile, the role of the function or machine. */
  readonly credentials?: {
    readonly accessKeyId: string;
    readonly secretAccessKey: string;
    readonly sessionToken?: string;
  };
};

type Sdk = typeof import("./ssm-client.ts");

/** Name of this source in errors. */
const SOURCE = "ssm";

/** A throttled or lost call is repeated once; the next reading comes soon anyway. */
const MAX_ATTEMPTS = 2;

const CONNECT_TIMEOUT_MS = 3000;

/** One attempt without a byte of an answer, in milliseconds. Beside the signal, which ends all of them. */
const REQUEST_TIMEOUT_MS = 5000;

/** Says to the SDK that we know which Node it will need in future. */
const VERSION_WARNING_OFF = "AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED";

/**
 * A parameter of AWS Systems Manager, decrypted where it is encrypted; null when there is none of that
 * name. Each reading has a client of its own: credentials that were renewed meanwhile are seen, and
 * nothing stays open in between.
 *
 * Needs `ssm:GetParameter`, and `kms:Decrypt` on the key of a SecureString.
 *
 * @throws {InvalidOptionError} for unknown options, an empty name, an endpoint that is no URL.
 */
export function createSsmValue(options: SsmValueOptions): ValueSource {
  refuseUnknownKeys(options, ["name", "region", "endpoint", "credentials"], "createSsmValue");
  const { name, region, endpoint } = options;
  if (name === "") throw new InvalidOptionError("createSsmValue: name is empty");
  if (endpoint !== undefined && !URL.canParse(endpoint)) {
    throw new InvalidOptionError("createSsmValue: endpoint is not a URL");
  }
  const describe = `SSM parameter ${name}${region === undefined ? "" : ` in ${region}`}`;
  return {
    describe,
    async read(signal) {
      // Loaded at the first reading: it costs who never reads a parameter some 150 ms.
      const sdk = await import("./ssm-client.ts");
      signal.throwIfAborted();
      const client = createClient(sdk, options);
      try {
        const command = new sdk.GetParameterCommand({ Name: name, WithDecryption: true });
        const sent = client.send(command, { abortSignal: signal });
        const { Parameter } = await orAborted(sent, signal);
        if (typeof Parameter?.Value === "string") return Parameter.Value;
        throw new SourceError(SOURCE, `${describe}: the answer holds no value; is this SSM?`);
      } catch (thrown) {
        if (signal.aborted) throw signal.reason;
        if (thrown instanceof SourceError) throw thrown;
        if (thrown instanceof sdk.ParameterNotFound) return null;
        const where = endpoint === undefined ? {} : { endpoint };
        throw ssmError(thrown, { source: SOURCE, describe, ...where });
      } finally {
        client.destroy();
      }
    },
  };
}

function createClient(sdk: Sdk, { region, endpoint, credentials }: SsmValueOptions) {
  const wasSet = VERSION_WARNING_OFF in process.env;
  // Read while the client is made, then put back: nobody else gets to run in between.
  if (!wasSet) process.env[VERSION_WARNING_OFF] = "true";
  try {
    return new sdk.SSMClient({
      maxAttempts: MAX_ATTEMPTS,
      requestHandler: {
        connectionTimeout: CONNECT_TIMEOUT_MS,
        requestTimeout: REQUEST_TIMEOUT_MS,
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

/** The SDK's own signal ends requests, but not the search for credentials. */
async function orAborted<T>(sent: Promise<T>, signal: AbortSignal): Promise<T> {
  let onAbort = () => {};
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason);
    signal.addEventListener("abort", onAbort);
  });
  try {
    return await Promise.race([sent, aborted]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
