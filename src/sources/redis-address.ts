import { isIP } from "node:net";
import { InvalidOptionError } from "../errors.ts";

/** Where a Redis is, as people write it. */
export type RedisLocation = {
  /**
   * `redis://`, or `rediss://` for TLS; user and password as its user-info, the database as its path:
   * `rediss://reporter:secret@redis.example:6380/2`. Port 6379 and database 0 by default.
   */
  readonly url: string | URL;
  /** Certificate authorities in PEM, instead of the system's. For `rediss://` only. */
  readonly ca?: string;
};

/** The same, taken apart. */
export type RedisAddress = {
  /** A name or an address, without brackets. */
  readonly host: string;
  readonly port: number;
  readonly database: number;
  readonly username?: string;
  readonly password?: string;
  /** Absent: no TLS. */
  readonly tls?: { readonly ca?: string };
  /** `redis://host:port/database`: safe to print. */
  readonly label: string;
};

const DEFAULT_PORT = 6379;

/**
 * Reads a Redis URL. Nothing of it is ignored: what would be is refused.
 *
 * @throws {InvalidOptionError} The message never repeats the URL: it may hold a password.
 */
export function parseRedisUrl({ url: given, ca }: RedisLocation): RedisAddress {
  if (!URL.canParse(`${given}`)) {
    throw new InvalidOptionError(
      "the Redis URL is not a URL; expected e.g. redis://127.0.0.1:6379/0 (in a password, # / ? @ and % are written %23 %2F %3F %40 %25)",
    );
  }
  const url = new URL(`${given}`);
  const { protocol, hostname, port, pathname } = url;
  if (protocol !== "redis:" && protocol !== "rediss:") {
    // Not what stands there instead: of `token:@host` it would be the token.
    throw new InvalidOptionError("the Redis URL has another scheme; expected redis or rediss");
  }
  if (hostname === "") throw new InvalidOptionError("the Redis URL names no host");
  if (url.search !== "" || url.hash !== "") {
    throw new InvalidOptionError(
      "the Redis URL has a query or fragment, which nobody would heed; the database is its path, e.g. redis://127.0.0.1:6379/2",
    );
  }
  const database = /^\/?(\d{0,5})$/.exec(pathname)?.[1];
  if (database === undefined) {
    throw new InvalidOptionError(
      "the path of the Redis URL is not the number of a database; expected e.g. redis://127.0.0.1:6379/2",
    );
  }
  if (protocol === "redis:" && ca !== undefined) {
    throw new InvalidOptionError(
      "a Redis without TLS shows no certificate: leave out ca, or use rediss://",
    );
  }
  const host = hostname.replace(/^\[(.*)\]$/, "$1");
  const portNumber = port === "" ? DEFAULT_PORT : Number(port);
  return {
    host,
    port: portNumber,
    database: Number(database),
    ...(url.username === "" ? {} : { username: decodeUserInfo(url.username) }),
    ...(url.password === "" ? {} : { password: decodeUserInfo(url.password) }),
    ...(protocol === "redis:" ? {} : { tls: ca === undefined ? {} : { ca } }),
    label: `${protocol}//${isIP(host) === 6 ? `[${host}]` : host}:${portNumber}/${Number(database)}`,
  };
}

function decodeUserInfo(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // biome-ignore lint/style/useErrorCause: it says no more, and nothing here may show the password
    throw new InvalidOptionError("the Redis URL has a % in its user-info that must be written %25");
  }
}
