import type { Credentials } from "../gateway-url.ts";
import { redactSecrets } from "../secret-spelling.ts";

/** How much of a gateway's answer a message quotes, in characters. */
const QUOTED_LENGTH = 512;

/** How much of it is looked at: enough that a secret at the end of the quotation is seen whole. */
const EXAMINED_BYTES = 64 * 1024;

/** Replaces whatever authenticates us, in every spelling in which a server could echo it. */
export function redact(text: string, credentials: Credentials | undefined): string {
  return redactSecrets(text, secretsOf(credentials));
}

/** A gateway's answer as one line for a message: cut, without control characters, redacted. */
export function quote(answer: Buffer, credentials: Credentials | undefined): string {
  const text = redact(answer.subarray(0, EXAMINED_BYTES).toString("utf8"), credentials)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: a terminal would obey them
    .replace(/[\u0000-\u001f\u007f-\u009f]+/g, " ")
    .trim();
  return text.length > QUOTED_LENGTH ? `${text.slice(0, QUOTED_LENGTH)}…` : text;
}

export function authorization(credentials: Credentials): string {
  if (credentials.type === "bearer") return `Bearer ${credentials.token}`;
  return `Basic ${basicToken(credentials)}`;
}

function basicToken({ username, password }: Extract<Credentials, { type: "basic" }>): string {
  return Buffer.from(`${username}:${password}`).toString("base64");
}

function secretsOf(credentials: Credentials | undefined): readonly string[] {
  if (credentials === undefined) return [];
  if (credentials.type === "bearer") return [credentials.token];
  return [basicToken(credentials), credentials.password];
}
