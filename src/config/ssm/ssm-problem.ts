import { AWS_ADVICE, awsFailure, isWithoutRegion } from "../../aws/failure.ts";

const THROTTLED = "too many calls of this account and region: fetch less often";
const NO_ROUTE = "a function in a VPC needs a NAT or an ssm interface endpoint to reach SSM";
const NOT_SSM = "what answered is not SSM: is the endpoint right, is a proxy in between?";

/** What to do, by the name of the SDK's error or the system's code. */
const ADVICE: Readonly<Record<string, string>> = {
  AccessDeniedException:
    "allow ssm:GetParameters on exactly these parameters, and kms:Decrypt on the key of those that are SecureString",
  ThrottlingException: THROTTLED,
  TooManyRequestsException: THROTTLED,
  CredentialsProviderError: AWS_ADVICE.credentials,
  ExpiredTokenException: AWS_ADVICE.expired,
  ExpiredToken: AWS_ADVICE.expired,
  UnrecognizedClientException: AWS_ADVICE.keys,
  InvalidClientTokenId: AWS_ADVICE.keys,
  InvalidSignatureException: AWS_ADVICE.signature,
  SignatureDoesNotMatch: AWS_ADVICE.signature,
  InvalidKeyId:
    "the KMS key of a parameter is gone, disabled or out of reach: allow kms:Decrypt on it",
  ValidationException: "a name is none: letters, digits and . - _, parts divided by /",
  TimeoutError: NO_ROUTE,
  SyntaxError: NOT_SSM,
  ECONNREFUSED: AWS_ADVICE.refused,
  ECONNRESET: AWS_ADVICE.cut,
  ENOTFOUND:
    "no such host: is the region right, is there a way to the internet or an ssm endpoint?",
  EAI_AGAIN: AWS_ADVICE.dns,
};

/** What was asked of SSM, for messages. */
export function describeParameters(names: readonly string[], region: string | undefined): string {
  const what = names.length === 1 ? "SSM parameter" : "SSM parameters";
  return `${what} ${names.join(", ")}${region === undefined ? "" : ` in ${region}`}`;
}

/** No answer at all within the time that a fetch may take, in milliseconds. */
export function timeoutProblem(timeoutMs: number): string {
  return `no answer within ${timeoutMs} ms; ${NO_ROUTE}`;
}

/** What a fetch ended with and what to do, without anything secret that a failure may quote. */
export function ssmProblem(thrown: unknown): string {
  if (isWithoutRegion(thrown)) return "no region is known: set AWS_REGION";
  const { name, text } = awsFailure(thrown, (each) => each in ADVICE);
  const what = text === "" ? name : `${name}: ${text}`;
  const advice = ADVICE[name];
  return advice === undefined ? what : `${what}; ${advice}`;
}
