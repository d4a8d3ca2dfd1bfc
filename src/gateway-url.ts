import { InvalidOptionError } from "./errors.ts";

/** Where the gateway is, and how to show who we are. */
export type GatewayAddress = {
  /** Scheme, host, port and path prefix; no credentials, no trailing slash. Safe to print. */
  readonly base: string;
  readonly credentials?: Credentials;
};

export type Credentials =
  | { readonly type: "basic"; readonly username: string; readonly password: string }
  | { readonly type: "bearer"; readonly token: string };

/** Addresses on which clouds hand out credentials. Nothing is ever pushed there. */
const METADATA_HOSTS = new Set([
  "169.254.169.254",
  "169.254.170.2",
  "metadata.google.internal",
  "[fd00:ec2::254]",
  "[::ffff:a9fe:a9fe]",
  "[::ffff:a9fe:aa02]",
]);

/**
 * Reads a gateway's base URL, e.g. `https://reporter:secret@gateway.example/prom`. User-info becomes
 * basic auth and leaves the URL, so that no message can show it.
 *
 * @throws {InvalidOptionError} for other schemes, a query or fragment, a metadata address, or text
 * that is no URL. The message never repeats the URL: it may hold a password.
 */
export function parseGatewayUrl(text: string | URL): GatewayAddress {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    // biome-ignore lint/style/useErrorCause: the cause would show the URL, password and all
    throw new InvalidOptionError("gateway URL is not a URL; expected e.g. http://127.0.0.1:9091");
  }
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    // Not what stands there instead: of `token:@host` it would be the token.
    throw new InvalidOptionError(
      "gateway URL has another scheme; expected http or https, e.g. http://127.0.0.1:9091",
    );
  }
  if (url.search !== "" || url.hash !== "") {
    throw new InvalidOptionError("gateway URL has a query or fragment; give the base URL alone");
  }
  if (METADATA_HOSTS.has(url.hostname.replace(/\.$/, ""))) {
    throw new InvalidOptionError(`gateway URL names ${url.hostname}, a cloud's metadata service`);
  }
  const prefix = url.pathname.replace(/\/+$/, "");
  const base = `${url.protocol}//${url.host}${prefix}`;
  if (url.username === "" && url.password === "") return { base };
  return {
    base,
    credentials: {
      type: "basic",
      username: decodeUserInfo(url.username),
      password: decodeUserInfo(url.password),
    },
  };
}

function decodeUserInfo(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // biome-ignore lint/style/useErrorCause: it says no more, and nothing here may show the password
    throw new InvalidOptionError("gateway URL has a % in its user-info that must be written %25");
  }
}
