/** As the SDK, the system and TLS throw them. */
type SystemError = {
  readonly name: string;
  readonly message: string;
  readonly code: string;
  readonly errors: readonly Error[];
};

/** What a call of an AWS service failed with, fit to be said. */
export type AwsFailure = {
  /** Name of the SDK's error, or the system's code where that is known. */
  readonly name: string;
  /** What came back, in one line; empty where it may hold something secret. */
  readonly text: string;
  /** For an error's `cause`. Absent where it may hold something secret. */
  readonly cause?: unknown;
};

/** What to do about failures that are the same for every service. */
export const AWS_ADVICE = {
  credentials:
    "give a role (function, task, instance), a profile (AWS_PROFILE), or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
  expired: "the credentials have expired: sign in again, or use a role that renews them",
  keys: "the access key is wrong, deleted or of another account or partition",
  signature: "the secret access key is wrong, or this machine's clock is",
  refused: "nothing listens there: is the endpoint right?",
  cut: "the connection was cut before a whole answer came",
  dns: "its name could not be looked up: is the DNS of this machine all right?",
} as const;

/** How much of an answer is quoted, in characters. */
const QUOTED_LENGTH = 300;

/**
 * Reads a failure without anything secret: a refused signature goes on with the request as signed,
 * session token included; an answer that is no JSON is quoted where it breaks off, which may be in the
 * middle of a password; and the SDK's errors have, where nobody looks, the answer with its request.
 *
 * @param isKnown whether there is advice for a name.
 */
export function awsFailure(thrown: unknown, isKnown: (name: string) => boolean): AwsFailure {
  // Not by `instanceof Error`, which errors of another realm's system calls are not.
  const {
    name: own = "Error",
    message = String(thrown),
    code,
    errors,
  } = thrown as Partial<SystemError>;
  const name = code !== undefined && isKnown(code) ? code : own;
  const isTelling = /signature/i.test(`${name} ${message}`) || name === "SyntaxError";
  if (isTelling) return { name, text: "" };
  const text = quote(errors?.map((error) => error.message).join(", ") || message);
  return { name, text, cause: withoutRequest(thrown) };
}

/** Whether nothing says which region is meant. */
export function isWithoutRegion(thrown: unknown): boolean {
  return /^Region is missing/.test((thrown as Partial<Error>).message ?? "");
}

function withoutRequest(thrown: unknown): unknown {
  if (typeof thrown !== "object" || thrown === null || !("$response" in thrown)) return thrown;
  const { name, message, stack } = thrown as Partial<Error>;
  return Object.assign(new Error(message), { name, stack });
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
