import {
  type AwsClientOptions,
  awsClientConfig,
  withoutVersionWarning,
} from "../../aws/client-options.ts";
import { ConfigError } from "../../errors.ts";
import { orAborted } from "../../flight.ts";
import { describeParameters, ssmProblem, timeoutProblem } from "./ssm-problem.ts";

export type FetchOptions = AwsClientOptions & {
  /** Time of everything, from the search for credentials to the last byte, attempts included. Milliseconds. */
  readonly timeoutMs: number;
};

/** What SSM has under some names. */
export type Fetched = {
  readonly region: string;
  /** Every name that was asked for; undefined: SSM has none of that name. */
  readonly values: ReadonlyMap<string, string | undefined>;
};

type Sdk = typeof import("./ssm-client.ts");

type Client = InstanceType<Sdk["SSMClient"]>;

/** Names in one request: the service's limit. */
export const BATCH_SIZE = 10;

/** A throttled or lost call is repeated once. */
const MAX_ATTEMPTS = 2;

/**
 * Fetches up to {@link BATCH_SIZE} parameters by exact name, decrypted, in one request. Over after
 * `timeoutMs` whatever happens: a function without a route to SSM would hang. Each fetch has a client of
 * its own: credentials that were renewed meanwhile are seen, and nothing stays open in between.
 *
 * @throws {ConfigError} with what was tried, what came back and what to do, never a value; the signal's
 * reason when that aborts.
 */
export async function fetchParameters(
  names: readonly string[],
  options: FetchOptions,
  signal: AbortSignal,
): Promise<Fetched> {
  signal.throwIfAborted();
  const deadline = new AbortController();
  // Not AbortSignal.timeout: that timer lets the process end while somebody waits for the answer.
  const timer = setTimeout(() => deadline.abort(), options.timeoutMs);
  const ended = AbortSignal.any([deadline.signal, signal]);
  let client: Client | undefined;
  let { region } = options;

  async function ask(): Promise<Fetched> {
    // Loaded at the first fetch: it costs who never makes one some 150 ms.
    const sdk = await import("./ssm-client.ts");
    ended.throwIfAborted();
    client = createClient(sdk, options);
    const known = await client.config.region();
    region = known;
    const command = new sdk.GetParametersCommand({ Names: [...names], WithDecryption: true });
    const answer = await client.send(command, { abortSignal: ended });
    return { region: known, values: valuesOf(names, answer) };
  }

  try {
    return await orAborted(ask(), ended);
  } catch (thrown) {
    if (signal.aborted) throw signal.reason;
    const problem = deadline.signal.aborted
      ? timeoutProblem(options.timeoutMs)
      : ssmProblem(thrown);
    // biome-ignore lint/style/useErrorCause: the SDK's errors hold the answer, values and all
    throw new ConfigError([`${describeParameters(names, region)}: ${problem}`]);
  } finally {
    clearTimeout(timer);
    client?.destroy();
  }
}

function createClient(sdk: Sdk, options: FetchOptions) {
  const { timeoutMs } = options;
  const times = {
    attempts: MAX_ATTEMPTS,
    // Leaves time for a second attempt.
    connectTimeoutMs: Math.ceil(timeoutMs / 2),
    requestTimeoutMs: timeoutMs,
  };
  return withoutVersionWarning(() => new sdk.SSMClient(awsClientConfig(options, times)));
}

type Answer = {
  readonly Parameters?:
    | readonly {
        readonly Name?: string | undefined;
        readonly ARN?: string | undefined;
        /** `:3` or `:label`, when a version was asked for. */
        readonly Selector?: string | undefined;
        readonly Value?: string | undefined;
      }[]
    | undefined;
  readonly InvalidParameters?: readonly string[] | undefined;
};

/** By the names as they were asked for. A name that the answer does not speak of makes it no answer. */
function valuesOf(names: readonly string[], answer: Answer): Fetched["values"] {
  const { Parameters = [], InvalidParameters = [] } = answer;
  const values = new Map<string, string | undefined>();
  for (const { Name = "", ARN = "", Selector = "", Value } of Parameters) {
    const name = names.find(
      (each) => each === `${Name}${Selector}` || each === `${ARN}${Selector}`,
    );
    if (name !== undefined && typeof Value === "string") values.set(name, Value);
  }
  for (const name of InvalidParameters) values.set(name, undefined);
  const unanswered = names.filter((name) => !values.has(name));
  if (unanswered.length > 0) {
    throw new Error(`the answer says nothing of ${unanswered.join(", ")}; is this SSM?`);
  }
  return values;
}
