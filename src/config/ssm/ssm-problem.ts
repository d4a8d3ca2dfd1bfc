/** As the SDK, the system and TLS throw them. */
type SystemError = {
  readonly name: string;
  readonly message: string;
  readonly code: string;
  readonly errors: readonly Error[];
};

/** How much of an answer is quoted, in characters. */
const QUOTED_LENGTH = 300;

const THROTTLED = "too many calls of this account and region: fetch less often";
const EXPIRED = "the credentials have expired: sign in again, or use a role that renews them";
const KEYS = "the access key is wrong, deleted or of another account or partition";
const SIGNATURE = "the secret access key is wrong, or this machine's clock is";
const NO_ROUTE = "a function in a VPC needs a NAT or an ssm interface endpoint to reach SSM";
const NOT_SSM = "what answered is not SSM: is the endpoint right, is a proxy in between?";

/** What to do, by the name of the SDK's error or the system's code. */
const ADVICE: Readonly<Record<string, string>> = {
  AccessDeniedException:
    "allow ssm:GetParameters on exactly these parameters, and kms:Decrypt on the key of those that are SecureString",
  ThrottlingException: THROTTLED,
  TooManyRequestsException: THROTTLED,
  CredentialsProviderError:
    "give a role (function, task, instance), a profile (AWS_PROFILE), or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
  ExpiredTokenException: EXPIRED,
  ExpiredToken: EXPIRED,
  UnrecognizedClientException: KEYS,
  InvalidClientTokenId: KEYS,
  InvalidSignatureException: SIGNATURE,
  SignatureDoesNotMatch: SIGNATURE,
  InvalidKeyId:
    "the KMS key of a parameter is gone, disabled or out of reach: allow kms:Decrypt on it",
  ValidationException: "a name is none: letters, digits and . - _, parts divided by /",
  TimeoutError: NO_ROUTE,
  SyntaxError: NOT_SSM,
  ECONNREFUSED: "nothing listens there: is the endpoint right?",
  ECONNRESET: "the connection was cut before a whole answer came",
  ENOTFOUND:
    "no such host: is the region right, is there a way to the internet or an ssm endpoint?",
  EAI_AGAIN: "its name could not be looked up: is the DNS of this machine all right?",
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
  // Not by `instanceof Error`, which errors of another realm's system calls are not.
  const {
    name: own = "Error",
    message = String(thrown),
    code,
    errors,
  } = thrown as Partial<SystemError>;
  if (/^Region is missing/.test(message)) return "no region is known: set AWS_REGION";
  const name = code !== undefined && code in ADVICE ? code : own;
  const text = isTelling(name, message)
    ? ""
    : quote(errors?.map((error) => error.message).join(", ") || message);
  const what = text === "" ? name : `${name}: ${text}`;
  const advice = ADVICE[name];
  return advice === undefined ? what : `${what}; ${advice}`;
}

/**
 * A refused signature goes on with the request as signed, session token included; and an answer that
 * is no JSON is quoted where it breaks off, which may be in the middle of a password.
 */
function isTelling(name: string, message: string): boolean {
  return /signature/i.test(`${name} ${message}`) || name === "SyntaxError";
}

function quote(text: string): string {
  const line = text
    // The SDK's hint to programmers.
    .replace(/\s*Deserialization error:.*/s, "")
    .replace(/\p{C}+/gu, " ")
    .trim()
    .replace(/\.$/, "");
  return line.length > QUOTED_LENGTH ? `${line.slice(0, QUOTED_LENGTH)}…` : line;
}
