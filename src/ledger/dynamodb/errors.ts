import { AWS_ADVICE, awsFailure, isWithoutRegion } from "../../aws/failure.ts";
import {
  type ClosingBellError,
  LedgerFullError,
  LedgerUnavailableError,
  LedgerUnfitError,
} from "../../errors.ts";

type Answered = { readonly $metadata?: { readonly httpStatusCode?: number } };

type ErrorClass = new (message: string, options?: ErrorOptions) => ClosingBellError;

/** What it means, and what to do. */
type Meaning = readonly [ErrorClass, advice: string];

const THROTTLED: Meaning = [
  LedgerUnavailableError,
  "the table, or the account, takes fewer requests than it is sent: try again, and see that the table is on demand",
];

const CREDENTIALS: Meaning = [LedgerUnavailableError, AWS_ADVICE.credentials];

const EXPIRED: Meaning = [LedgerUnavailableError, AWS_ADVICE.expired];

const UNKNOWN_KEY: Meaning = [LedgerUnfitError, AWS_ADVICE.keys];

const BAD_SIGNATURE: Meaning = [LedgerUnfitError, AWS_ADVICE.signature];

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
  ECONNREFUSED: [LedgerUnavailableError, AWS_ADVICE.refused],
  ECONNRESET: [LedgerUnavailableError, `${AWS_ADVICE.cut}: try again`],
  ENOTFOUND: [
    LedgerUnavailableError,
    "no such host: is the region right, is there a way to the internet or a dynamodb endpoint?",
  ],
  EAI_AGAIN: [LedgerUnavailableError, AWS_ADVICE.dns],
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
  return OF_CREDENTIALS.includes(MEANINGS[(thrown as Partial<Error>).name ?? ""]);
}

/**
 * What a failed request means, in the words of who must see to it. Quotes what came back, but not where
 * it goes on with the request as signed: that holds the session token.
 *
 * @param what the thing that could not be done, e.g. `the run could not be recorded`.
 * @param where the table, its region and, if it is not AWS's own, its host.
 */
export function dynamodbError(what: string, where: string, thrown: unknown): ClosingBellError {
  const { name, text, ...rest } = awsFailure(thrown, (each) => Object.hasOwn(MEANINGS, each));
  const status = (thrown as Answered).$metadata?.httpStatusCode ?? 0;
  const answered = status >= 500 ? `HTTP ${status}: ` : "";
  const said = text === "" ? name : `${answered}${name}: ${text}`;
  const [LedgerError, advice] = meaningOf(thrown, name);
  return new LedgerError(`${what}: ${where}: ${said}; ${advice}`, rest);
}

function meaningOf(thrown: unknown, name: string): Meaning {
  if (isWithoutRegion(thrown)) return NO_REGION;
  const { message = "" } = thrown as Partial<Error>;
  if (/item size has exceeded|item size to update has exceeded/i.test(message)) return TOO_LARGE;
  return Object.hasOwn(MEANINGS, name) ? (MEANINGS[name] ?? TRY_AGAIN) : TRY_AGAIN;
}
