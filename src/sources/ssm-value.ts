import {
  type AwsClientOptions,
  awsClientConfig,
  withoutVersionWarning,
} from "../aws/client-options.ts";
import { InvalidOptionError, SourceError } from "../errors.ts";
import { orAborted } from "../flight.ts";
import { refuseUnknownKeys } from "../options.ts";
import { ssmError } from "./ssm-error.ts";
import type { ValueSource } from "./value-source.ts";

export type SsmValueOptions = AwsClientOptions & {
  /** Name or ARN of the parameter; `NAME:3` and `NAME:label` are versions of it. */
  readonly name: string;
};

/** Name of this source in errors. */
const SOURCE = "ssm";

const TIMES = {
  /** A throttled or lost call is repeated once; the next reading comes soon anyway. */
  attempts: 2,
  connectTimeoutMs: 3000,
  /** Without a byte of an answer. Beside the signal, which ends all attempts. */
  requestTimeoutMs: 5000,
};

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
      const client = withoutVersionWarning(
        () => new sdk.SSMClient(awsClientConfig(options, TIMES)),
      );
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
