import {
  type ClosingBellError,
  LedgerFullError,
  LedgerUnavailableError,
  LedgerUnfitError,
} from "../../errors.ts";

/** As the SDK, the system and TLS throw them. */
type SystemError = {
  readonly name: string;
  readonly message: string;
  readonly code: string;
  readonly errors: readonly Error[];
};

type Answered = { readonly $metadata?: { readonly httpStatusCode?: number } };

type ErrorClass = new (message: string, options?: ErrorOptions) => ClosingBellError;

/** What it means, and what to do. */
type Meaning = readonly [ErrorClass, advice: string];

/** How much of an answer is quoted, in characters. */
const QUOTED_LENGTH = 300;

const THROTTLED: Meaning = [
  LedgerUnavailableError,
  "the table, or the account, takes fewer requests than it is sent: try again, and see that the table is on demand",
];

const CREDENTIALS: Meaning = [
  LedgerUnavailableError,
  "give a role (function, task, instance), a profile (AWS_PROFILE), or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
];

const EXPIRED: Meaning = [
  LedgerUnavailableError,
  "the credentials have expired: sign in again, or use a role that renews them",
];

const UNKNOWN_KEY: Meaning = [
  LedgerUnfitError,
  "the access key is wrong, deleted or of another account or partition",
];

const BAD_SIGNATURE: Meaning = [
  LedgerUnfitError,
  "the secret access key is wrong, or this machine's clock is",
];

const LATE: Meaning = [
  LedgerUnavailableError,
  "try again; a function in a VPC needs a NAT or a dynamodb gateway endpoint to reach it",
];

/** By the name of the SDK's error, or the code of the system's. */
const MEANINGS: Readonly<Record<string, Meaning>> = {
  ProvisionedThroughputExceededException: THROTTLED,
  ThrottlingException: THROTTLED,
  RequestLimitExceeded: THROTTLED,
  TooManyRequestsException: THROTTLED,
  ResourceNotFoundException: [
    LedgerUnfitError,
    "there is no such table there: check the name, the region (AWS_REGION) and the account, or deploy the table",
  ],
  AccessDeniedException: [
    LedgerUnfitError,
    "jobs need dynamodb:PutItem on the table; whoever folds and publishes also dynamodb:BatchGetItem, Query, UpdateItem and DeleteItem",
  ],
  CredentialsProviderError: CREDENTIALS,
  ExpiredTokenException: EXPIRED,
  ExpiredToken: EXPIRED,
  UnrecognizedClientException: UNKNOWN_KEY,
  InvalidClientTokenId: UNKNOWN_KEY,
  InvalidSignatureException: BAD_SIGNATURE,
  SignatureDoesNotMatch: BAD_SIGNATURE,
  ValidationException: [
    LedgerUnfitError,
    "the table must have the partition key pk and the sort key sk, both of type S, and no other",
  ],
  TimeoutError: LATE,
  SyntaxError: [
    LedgerUnavailableError,
    "what answered is not DynamoDB: is the endpoint right, is a proxy in between?",
  ],
  ECONNREFUSED: [LedgerUnavailableError, "nothing listens there: is the endpoint right?"],
  ECONNRESET: [
    LedgerUnavailableError,
    "the connection was cut before a whole answer came: try again",
  ],
  ENOTFOUND: [
    LedgerUnavailableError,
    "no such host: is the region right, is there a way to the internet or a dynamodb endpoint?",
  ],
  EAI_AGAIN: [
    LedgerUnavailableError,
    "its name could not be looked up: is the DNS of this machine all right?",
  ],
};

const TRY_AGAIN: Meaning = [LedgerUnavailableError, "try again"];

const NO_REGION: Meaning = [
  LedgerUnfitError,
  "no region is known: set AWS_REGION, or a region in the AWS profile",
];

const TOO_LARGE: Meaning = [
  LedgerFullError,
  "an item holds 400 KB at most: look for a family with many label sets, or give it a group of its own",
];

/** Names of errors that other credentials may mend, so that they are looked for anew. */
const OF_CREDENTIALS: readonly (Meaning | undefined)[] = [
  CREDENTIALS,
  EXPIRED,
  UNKNOWN_KEY,
  BAD_SIGNATURE,
];

/** Whether a failure says that the credentials were no good. */
export function isAboutCredentials(thrown: unknown): boolean {
  return OF_CREDENTIALS.includes(MEANINGS[(thrown as Partial<SystemError>).name ?? ""]);
}

/**
 * What a failed request means, in the words of who must see to it. Quotes what came back, but not where
 * it goes on with the request as signed: that holds the session token.
 *
 * @param what the thing that could not be done, e.g. `the run could not be recorded`.
 * @param where the table, its region and, if it is not AWS's own, its host.
 */
export function dynamodbError(what: string, where: string, thrown: unknown): ClosingBellError {
  // Not by `instanceof Error`, which errors of another realm's system calls are not.
  const {
    name: own = "Error",
    message = String(thrown),
    code,
    errors,
  } = thrown as Partial<SystemError>;
  const name = code !== undefined && code in MEANINGS ? code : own;
  const isSigned = /signature/i.test(`${name} ${message}`);
  const text = quote(errors?.map((error) => error.message).join(", ") ?? message);
  const status = (thrown as Answered).$metadata?.httpStatusCode ?? 0;
  const answered = status >= 500 ? `HTTP ${status}: ` : "";
  const said = isSigned || text === "" ? name : `${answered}${name}: ${text}`;
  const [LedgerError, advice] = meaningOf(name, message);
  const options = isSigned ? undefined : { cause: withoutRequest(thrown) };
  return new LedgerError(`${what}: ${where}: ${said}; ${advice}`, options);
}

/** The SDK's errors have, where nobody looks, the answer with the request, and that with its token. */
function withoutRequest(thrown: unknown): unknown {
  if (typeof thrown !== "object" || thrown === null || !("$response" in thrown)) return thrown;
  const { name, message, stack } = thrown as Partial<Error>;
  return Object.assign(new Error(message), { name, stack });
}

function meaningOf(name: string, message: string): Meaning {
  if (/^Region is missing/.test(message)) return NO_REGION;
  if (/item size has exceeded|item size to update has exceeded/i.test(message)) return TOO_LARGE;
  return Object.hasOwn(MEANINGS, name) ? (MEANINGS[name] ?? TRY_AGAIN) : TRY_AGAIN;
}

function quote(text: string): string {
  const line = text
    // The SDK's hint to programmers, who have the cause.
    .replace(/\s*Deserialization error:.*/s, "")
    .replace(/\p{C}+/gu, " ")
    .trim()
    .replace(/\.$/, "");
  return line.length > QUOTED_LENGTH ? `${line.slice(0, QUOTED_LENGTH)}…` : line;
}
