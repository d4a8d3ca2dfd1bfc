import type { Credentials } from "../gateway-url.ts";

/** How much of a gateway's answer a message quotes, in characters. */
const QUOTED_LENGTH = 512;

/** Replaces whatever authenticates us, in every spelling in which a server could echo it. */
export function redact(text: string, credentials: Credentials | undefined): string {
  let redacted = text;
  for (const secret of secretsOf(credentials)) redacted = redacted.replaceAll(secret, "***");
  return redacted;
}

/** A gateway's answer as one line for a message: cut, without control characters, redacted. */
export function quote(answer: Buffer, credentials: Credentials | undefined): string {
  const text = redact(answer.toString("utf8"), credentials)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: a terminal would obey them
    .replace(/[\u0000-\u001f\u007f-\u009f]+/g, " ")
    .trim();
  return text.length > QUOTED_LENGTH ? `${text.slice(0, QUOTED_LENGTH)}…` : text;
}

export function authorization(credentials: Credentials): string {
  if (credentials.type === "bearer") return `Bearer ${credentials.token}`;
  const { username, password } = credentials;
  return `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
}

function secretsOf(credentials: Credentials | undefined): readonly string[] {
  if (credentials === undefined) return [];
  const plain = credentials.type === "bearer" ? credentials.token : credentials.password;
  const [, encoded = ""] = authorization(credentials).split(" ");
  return [encoded, plain, encodeURIComponent(plain)]
    .filter((secret) => secret !== "")
    .sort((a, b) => b.length - a.length);
}
