import type { PostgresAddress } from "./postgres-address.ts";
import { quote } from "./quote.ts";

/** How much of a server's message is quoted, in characters. */
const QUOTED_LENGTH = 300;

/** What to do about an answer of the server: by SQLSTATE, or by the class that is its beginning. */
const STATES: Readonly<Record<string, string>> = {
  "25006": "the query must only read",
  "28000": "let this user in from here, in pg_hba.conf",
  "28P01": "check user and password in the connection string",
  "3D000": "check the database in the connection string",
  "42501": "grant this user what the query reads",
  "42601": "correct the query: one statement that reads",
  "42703": "check the column names in the query",
  "42883": "check functions and types in the query",
  "42P01": "check the table names in the query, and their schema (search_path)",
  "53": "others use up its connections, memory or disk",
  "57014": "make the query faster, or give the source more time (timeoutMs)",
  "57P": "the server was stopping or starting; the next reading tries again",
};

const UNKNOWN_AUTHORITY =
  "give the authority that signed the server's certificate, in PEM, as CA (or sslrootcert)";

/** What to do about an error of the network or of TLS, by its code. */
const CODES: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nothing listens there: is it running, are host and port right?",
  ENOENT: "is there such a file, or such a Unix socket?",
  ENOTFOUND: "no such host: is its name right, and known to the DNS of this machine?",
  EAI_AGAIN: "its name could not be looked up: is the DNS of this machine all right?",
  ETIMEDOUT: "is a firewall or security group in between?",
  EHOSTUNREACH: "there is no way to that host from here",
  ENETUNREACH: "there is no way to that network from here",
  ECONNRESET: "the connection was cut: did the server stop?",
  EPIPE: "the connection was cut: did the server stop?",
  ERR_TLS_CERT_ALTNAME_INVALID:
    "use a host name for which the certificate is, or sslmode=verify-ca",
  CERT_HAS_EXPIRED: "renew the server's certificate",
  CERT_NOT_YET_VALID: "is this machine's clock right?",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNKNOWN_AUTHORITY,
  UNABLE_TO_GET_ISSUER_CERT: UNKNOWN_AUTHORITY,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNKNOWN_AUTHORITY,
  DEPTH_ZERO_SELF_SIGNED_CERT: UNKNOWN_AUTHORITY,
  SELF_SIGNED_CERT_IN_CHAIN: UNKNOWN_AUTHORITY,
};

/** The same for what comes without a code, or with one that says less. */
const TEXTS: readonly (readonly [RegExp, string])[] = [
  [/no encryption|SSL off/, "it wants TLS: add sslmode=verify-full to the connection string"],
  [/does not support SSL/, "switch TLS on there (ssl = on); sslmode=disable goes without"],
  [
    /establishing an SSL connection|received invalid response|not PostgreSQL's protocol/,
    "is this a PostgreSQL, are host and port right?",
  ],
  [/client password must be/, "the server wants a password: the connection string has none"],
  [/^Connection terminated/, "the connection was cut: did the server stop?"],
  [/^no answer within/, "is the server overloaded or frozen, is a firewall in between?"],
];

const SQLSTATE = /^[0-9A-Z]{5}$/;

/**
 * What came back and what to do, in one line and without the password:
 * `relation "daily" does not exist (42P01); check ...`.
 */
export function postgresProblem(thrown: unknown, { password }: PostgresAddress): string {
  const code = codeOf(thrown);
  const text = quote(textOf(thrown), [password], QUOTED_LENGTH);
  const what = code === undefined || text.includes(code) ? text : `${text} (${code})`;
  const advice = TEXTS.find(([pattern]) => pattern.test(text))?.[1] ?? adviceOf(code);
  return advice === undefined ? what : `${what}; ${advice}`;
}

function adviceOf(code: string | undefined): string | undefined {
  if (code === undefined) return undefined;
  if (!SQLSTATE.test(code)) return CODES[code];
  return STATES[code] ?? STATES[code.slice(0, 3)] ?? STATES[code.slice(0, 2)];
}

/** By shape: an error of another realm (a worker, a test's sandbox) is none of this one's classes. */
function codeOf(thrown: unknown): string | undefined {
  const { code } = Object(thrown);
  return typeof code === "string" ? code : undefined;
}

/** A name with several addresses fails with an error that has no text of its own. */
function textOf(thrown: unknown): string {
  const { message, errors } = Object(thrown);
  if (Array.isArray(errors) && errors.length > 0) return errors.map(textOf).join(", ");
  return typeof message === "string" ? message : String(thrown);
}
