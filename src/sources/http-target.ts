import type { LookupFunction } from "node:net";
import { InvalidOptionError } from "../errors.ts";
import { redactSecrets } from "../secret-spelling.ts";

/** Where one GET goes and how it shows who we are. */
export type HttpTarget = {
  /** As requested: with its query, without user-info. */
  readonly url: string;
  /** For messages: without query, user-info and other secrets. */
  readonly shown: string;
  readonly headers: Readonly<Record<string, string>>;
  /** What no message may show. */
  readonly secrets: readonly string[];
  /** Certificate authorities in PEM, instead of the system's. */
  readonly ca?: string | undefined;
  /** Instead of the system's. */
  readonly lookup?: LookupFunction;
  /** What to check after a 401 or 403, e.g. `keyId and secretKey`. Default `the credentials`. */
  readonly credentials?: string;
};

export type HttpTargetOptions = {
  /** Of an http or https endpoint. User-info in it is sent as basic auth. */
  readonly url: string | URL;
  /** Sent as `Authorization: Bearer`. */
  readonly token?: string | undefined;
  /** Sent as they are; their values are secrets. */
  readonly secretHeaders?: Readonly<Record<string, string>>;
  /** Certificate authorities in PEM, instead of the system's. */
  readonly ca?: string | undefined;
};

/** A query's value of at least so many characters may be a key, and is shown no more than one. */
const SECRET_QUERY_LENGTH = 8;

/**
 * @param what names the function in messages, e.g. `createHttpValue`.
 * @throws {InvalidOptionError} for a URL or credentials that cannot be used. Never shows either.
 */
export function httpTarget(
  { url: text, token, secretHeaders = {}, ca }: HttpTargetOptions,
  what: string,
): HttpTarget {
  const url = parseUrl(text, what);
  const { username, password } = url;
  url.username = "";
  url.password = "";
  url.hash = "";
  const queried = [...url.searchParams.values()].filter((v) => v.length >= SECRET_QUERY_LENGTH);
  const [authorization, secretsOfIt] = authorizationOf(token, username, password, what);
  const secrets = [...secretsOfIt, ...Object.values(secretHeaders), ...queried];
  return {
    url: url.href,
    shown: redactSecrets(`${url.origin}${url.pathname}`, secrets),
    headers: {
      ...secretHeaders,
      ...(authorization === undefined ? {} : { Authorization: authorization }),
    },
    secrets,
    ca,
  };
}

/** The header's value, and what of it and behind it is secret. */
function authorizationOf(
  token: string | undefined,
  username: string,
  password: string,
  what: string,
): readonly [header: string | undefined, secrets: readonly string[]] {
  const hasUserInfo = username !== "" || password !== "";
  if (token !== undefined) {
    if (hasUserInfo) {
      throw new InvalidOptionError(`${what}: a token and user-info in the URL; give one of them`);
    }
    refuseUnsendable(token, `${what}: token`);
    return [`Bearer ${token}`, [token]];
  }
  if (!hasUserInfo) return [undefined, []];
  const secret = decoded(password, what);
  const basic = Buffer.from(`${decoded(username, what)}:${secret}`).toString("base64");
  return [`Basic ${basic}`, [basic, secret].filter((text) => text !== "")];
}

/**
 * Refuses what no header can carry, above all the line end of a secret that was read from a file.
 *
 * @throws {InvalidOptionError} naming the option, without its value.
 */
export function refuseUnsendable(value: string, what: string): void {
  if (typeof value !== "string" || value === "") {
    throw new InvalidOptionError(`${what} is empty`);
  }
  if (!/^[\x21-\x7e]+$/.test(value)) {
    throw new InvalidOptionError(
      `${what} has a space, a line end or another character that no header carries`,
    );
  }
}

function parseUrl(text: string | URL, what: string): URL {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    // biome-ignore lint/style/useErrorCause: the cause would show the URL, password and all
    throw new InvalidOptionError(`${what}: url is not a URL; expected e.g. https://host/path`);
  }
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    throw new InvalidOptionError(`${what}: url has another scheme; expected http or https`);
  }
  return url;
}

function decoded(userInfo: string, what: string): string {
  try {
    return decodeURIComponent(userInfo);
  } catch {
    // biome-ignore lint/style/useErrorCause: it says no more, and nothing here may show the password
    throw new InvalidOptionError(`${what}: url has a % in its user-info that must be written %25`);
  }
}
