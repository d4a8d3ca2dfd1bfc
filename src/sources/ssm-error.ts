import { SourceError } from "../errors.ts";

type SsmProblem = {
  /** What came back, and what to do. */
  readonly problem: string;
  /** Absent where it may hold a session token. */
  readonly cause?: unknown;
};

/** As the SDK, the system and TLS throw them. */
type SystemError = {
  readonly name: string;
  readonly message: string;
  readonly code: string;
  readonly errors: readonly Error[];
};

export type SsmErrorContext = {
  /** Name of the source. */
  readonly source: string;
  /** What was read, for the message. */
  readonly describe: string;
  readonly endpoint?: string;
};

/** How much of an answer is quoted, in characters. */
const QUOTED_LENGTH = 300;

const CREDENTIALS =
  "give a role (function, task, instance), a profile (AWS_PROFILE), or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY";

const KEYS = "the access key is wrong, deleted or of another account or partition";

/** What to do, by the name of the SDK's error. */
const ADVICE: Readonly<Record<string, string>> = {
  AccessDeniedException:
    "allow ssm:GetParameter on this parameter, and kms:Decrypt on its key if it is a SecureString",
  ThrottlingException: "too many calls of this account and region: read less often",
  TooManyRequestsException: "too many calls of this account and region: read less often",
  CredentialsProviderError: CREDENTIALS,
  ExpiredTokenException:
    "the credentials have expired: sign in again, or use a role that renews them",
  ExpiredToken: "the credentials have expired: sign in again, or use a role that renews them",
  UnrecognizedClientException: KEYS,
  InvalidClientTokenId: KEYS,
  InvalidSignatureException: "the secret access key is wrong, or this machine's clock is",
  SignatureDoesNotMatch: "the secret access key is wrong, or this machine's clock is",
  InvalidKeyId:
    "the KMS key of the parameter is gone, disabled or out of reach: allow kms:Decrypt on it",
  ParameterVersionNotFound: "the parameter has no such version: give its name alone, or one it has",
  TimeoutError:
    "no answer in time: a function in a VPC needs a NAT or an ssm interface endpoint to reach it",
  SyntaxError: "what answered is not SSM: is the endpoint right, is a proxy in between?",
  ECONNREFUSED: "nothing listens there: is the endpoint right?",
  ECONNRESET: "the connection was cut before a whole answer came",
  ENOTFOUND:
    "no such host: is the region right, is there a way to the internet or an ssm endpoint?",
  EAI_AGAIN: "its name could not be looked up: is the DNS of this machine all right?",
};

/** What a reading ended with, in the words of who must see to it: tried what, what came back, what to do. */
export function ssmError(thrown: unknown, context: SsmErrorContext): SourceError {
  const { problem, cause } = ssmProblem(thrown, context);
  const options = cause === undefined ? {} : { cause };
  return new SourceError(context.source, `${context.describe}: ${problem}`, options);
}

function ssmProblem(thrown: unknown, { endpoint }: SsmErrorContext): SsmProblem {
  // Not by `instanceof Error`, which errors of another realm's system calls are not.
  const {
    name: own = "Error",
    message = String(thrown),
    code,
    errors,
  } = thrown as Partial<SystemError>;
  if (/^Region is missing/.test(message)) {
    return { problem: 'no region is known: say "region", or set AWS_REGION', cause: thrown };
  }
  const name = code !== undefined && code in ADVICE ? code : own;
  const wasAsked = endpoint !== undefined && name !== "CredentialsProviderError";
  const where = wasAsked ? ` from ${new URL(endpoint).host}` : "";
  // It goes on with the request as signed, session token included.
  const isSigned = /signature/i.test(`${name} ${message}`);
  const text = quote(errors?.map((error) => error.message).join(", ") ?? message);
  const what = isSigned || text === "" ? `${name}${where}` : `${name}${where}: ${text}`;
  const advice = ADVICE[name];
  return {
    problem: advice === undefined ? what : `${what}; ${advice}`,
    ...(isSigned ? {} : { cause: thrown }),
  };
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
