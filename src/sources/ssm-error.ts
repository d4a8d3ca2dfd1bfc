import { AWS_ADVICE, awsFailure, isWithoutRegion } from "../aws/failure.ts";
import { SourceError } from "../errors.ts";

type SsmProblem = {
  /** What came back, and what to do. */
  readonly problem: string;
  /** Absent where it may hold a session token. */
  readonly cause?: unknown;
};

export type SsmErrorContext = {
  /** Name of the source. */
  readonly source: string;
  /** What was read, for the message. */
  readonly describe: string;
  readonly endpoint?: string;
};

/** What to do, by the name of the SDK's error. */
const ADVICE: Readonly<Record<string, string>> = {
  AccessDeniedException:
    "allow ssm:GetParameter on this parameter, and kms:Decrypt on its key if it is a SecureString",
  ThrottlingException: "too many calls of this account and region: read less often",
  TooManyRequestsException: "too many calls of this account and region: read less often",
  CredentialsProviderError: AWS_ADVICE.credentials,
  ExpiredTokenException: AWS_ADVICE.expired,
  ExpiredToken: AWS_ADVICE.expired,
  UnrecognizedClientException: AWS_ADVICE.keys,
  InvalidClientTokenId: AWS_ADVICE.keys,
  InvalidSignatureException: AWS_ADVICE.signature,
  SignatureDoesNotMatch: AWS_ADVICE.signature,
  InvalidKeyId:
    "the KMS key of the parameter is gone, disabled or out of reach: allow kms:Decrypt on it",
  ParameterVersionNotFound: "the parameter has no such version: give its name alone, or one it has",
  TimeoutError:
    "no answer in time: a function in a VPC needs a NAT or an ssm interface endpoint to reach it",
  SyntaxError: "what answered is not SSM: is the endpoint right, is a proxy in between?",
  ECONNREFUSED: AWS_ADVICE.refused,
  ECONNRESET: AWS_ADVICE.cut,
  ENOTFOUND:
    "no such host: is the region right, is there a way to the internet or an ssm endpoint?",
  EAI_AGAIN: AWS_ADVICE.dns,
};

/** What a reading ended with, in the words of who must see to it: tried what, what came back, what to do. */
export function ssmError(thrown: unknown, context: SsmErrorContext): SourceError {
  const { problem, cause } = ssmProblem(thrown, context);
  const options = cause === undefined ? {} : { cause };
  return new SourceError(context.source, `${context.describe}: ${problem}`, options);
}

function ssmProblem(thrown: unknown, { endpoint }: SsmErrorContext): SsmProblem {
  if (isWithoutRegion(thrown)) {
    return { problem: 'no region is known: say "region", or set AWS_REGION', cause: thrown };
  }
  const { name, text, ...rest } = awsFailure(thrown, (each) => each in ADVICE);
  const wasAsked = endpoint !== undefined && name !== "CredentialsProviderError";
  const where = wasAsked ? ` from ${new URL(endpoint).host}` : "";
  const what = text === "" ? `${name}${where}` : `${name}${where}: ${text}`;
  const advice = ADVICE[name];
  return { problem: advice === undefined ? what : `${what}; ${advice}`, ...rest };
}
