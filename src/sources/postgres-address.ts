import { readFileSync } from "node:fs";
import { isIP } from "node:net";
import type { ConnectionOptions } from "node:tls";
import { InvalidOptionError } from "../errors.ts";

/** Where a PostgreSQL database is, as people write it. */
export type PostgresLocation = {
  /**
   * `postgres://user:password@host:port/database?sslmode=verify-full`. Port 5432, the user's name as
   * database and no TLS by default; `host` may be a parameter, also a folder with a Unix socket.
   */
  readonly connectionString: string;
  /** Certificate authorities in PEM, instead of `sslrootcert` or those that Node knows. */
  readonly ca?: string;
};

/** The same, taken apart. */
export type PostgresAddress = {
  /** A name or an address, without brackets. */
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  readonly password: string;
  /** Server settings for the session, e.g. `-c search_path=trading`. */
  readonly options?: string;
  readonly sslMode: SslMode;
  readonly ca?: string;
  /** Paths of PEM files. */
  readonly sslFiles: { readonly ca?: string; readonly cert?: string; readonly key?: string };
  /** `host:port/database`: safe to print. */
  readonly label: string;
};

/**
 * PostgreSQL's own, less `allow` and `prefer`, which go on in clear text when whoever answers says
 * so; and node-postgres's `no-verify`.
 */
const SSL_MODES = ["disable", "require", "no-verify", "verify-ca", "verify-full"] as const;

export type SslMode = (typeof SSL_MODES)[number];

const DEFAULT_PORT = 5432;

const EXPECTED = "expected postgres://USER:PASSWORD@HOST:PORT/DATABASE";

/**
 * Reads a connection string. Not left to `pg`, which fills gaps from the environment (`PGHOST`,
 * `PGSSLMODE`, a password file), warns on stderr about most values of `sslmode` and takes them all
 * for `verify-full`.
 *
 * Parameters that say nothing to us are ignored: hosts of databases add their own.
 *
 * @throws {InvalidOptionError} The message never repeats the string: it may hold a password.
 */
export function parsePostgresUrl({ connectionString, ca }: PostgresLocation): PostgresAddress {
  const url = parseUrl(connectionString);
  const { searchParams } = url;
  const parameter = (name: string) => searchParams.get(name) || undefined;
  const host = parameter("host") ?? decode(url.hostname.replace(/^\[(.*)\]$/, "$1"));
  const port = Number(parameter("port") ?? (url.port || DEFAULT_PORT));
  const user = parameter("user") ?? decode(url.username);
  const database = parameter("dbname") ?? (decode(url.pathname.slice(1)) || user);
  if (host === "") throw refused(`names no host; ${EXPECTED}`);
  if (host.includes(",")) throw refused(`names several hosts; ${EXPECTED}`);
  if (user === "") throw refused(`names no user; ${EXPECTED}`);
  if (!Number.isInteger(port) || port < 1 || port > 65_535) throw refused("has an unusable port");

  const options = parameter("options");
  const sslMode = sslModeOf(parameter);
  const sslFiles = sslFilesOf(parameter);
  if (sslMode === "verify-ca" && ca === undefined && sslFiles.ca === undefined) {
    throw refused("has sslmode=verify-ca, which needs a CA: give one, or use verify-full");
  }
  if (sslMode === "disable" && ca !== undefined) {
    throw refused(
      "asks for no TLS, so a CA is of no use: leave it out, or add sslmode=verify-full",
    );
  }
  return {
    host,
    port,
    database,
    user,
    password: parameter("password") ?? decode(url.password),
    ...(options === undefined ? {} : { options }),
    sslMode,
    ...(ca === undefined ? {} : { ca }),
    sslFiles,
    label: `${isIP(host) === 6 ? `[${host}]` : host}:${port}/${database}`,
  };
}

/**
 * TLS as PostgreSQL documents its modes, `false` for none. `require` encrypts and believes whoever
 * answers, unless there is a CA; `verify-ca` wants a certificate that the CA signed; `verify-full`
 * wants it to be for this host, too.
 *
 * @throws for a PEM file that cannot be read.
 */
export function postgresTls({
  sslMode,
  ca = undefined,
  sslFiles,
}: PostgresAddress): ConnectionOptions | false {
  if (sslMode === "disable") return false;

  const authority = ca ?? readPem(sslFiles.ca);
  const cert = readPem(sslFiles.cert);
  const key = readPem(sslFiles.key);
  return {
    ...(authority === undefined ? {} : { ca: authority }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    // Said aloud, because NODE_TLS_REJECT_UNAUTHORIZED=0 would switch it off behind our back.
    rejectUnauthorized:
      sslMode === "require" ? authority !== undefined : sslMode.startsWith("verify"),
    ...(sslMode === "verify-full" ? {} : { checkServerIdentity: () => undefined }),
  };
}

function parseUrl(connectionString: string): URL {
  if (!URL.canParse(connectionString)) {
    throw refused(
      `is none; ${EXPECTED}, one host (in a password, # / ? @ and % are written %23 %2F %3F %40 %25)`,
    );
  }
  const url = new URL(connectionString);
  if (url.protocol !== "postgres:" && url.protocol !== "postgresql:") {
    // Not what stands there instead: of `token:@host` it would be the token.
    throw refused(`has another scheme; ${EXPECTED}`);
  }
  // A "/" in the password ends the host early: what is left of it would be taken for port and path.
  if (url.hash !== "" || `${url.pathname}${url.search}`.includes("@")) {
    throw refused("has a # or @ in a wrong place (in a password, # / ? @ are %23 %2F %3F %40)");
  }
  return url;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // biome-ignore lint/style/useErrorCause: it says no more, and nothing here may show the password
    throw refused("has a % that must be written %25");
  }
}

type Parameter = (name: string) => string | undefined;

function sslModeOf(parameter: Parameter): SslMode {
  const ssl = parameter("ssl");
  const given = parameter("sslmode") ?? (ssl === "true" || ssl === "1" ? "verify-full" : "disable");
  const mode = SSL_MODES.find((known) => known === given);
  if (mode === undefined) throw refused(`has an sslmode other than ${SSL_MODES.join(", ")}`);
  return mode;
}

function sslFilesOf(parameter: Parameter): PostgresAddress["sslFiles"] {
  const ca = parameter("sslrootcert");
  const cert = parameter("sslcert");
  const key = parameter("sslkey");
  return {
    // "system" is libpq's word for the authorities that are known anyway.
    ...(ca === undefined || ca === "system" ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  };
}

function readPem(path: string | undefined): string | undefined {
  return path === undefined ? undefined : readFileSync(path, "utf8");
}

function refused(problem: string): InvalidOptionError {
  return new InvalidOptionError(`the PostgreSQL connection string ${problem}`);
}
