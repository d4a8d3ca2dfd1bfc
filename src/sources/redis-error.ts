import { SourceError } from "../errors.ts";
import type { RedisAddress } from "./redis-address.ts";

export type RedisErrorContext = {
  /** Name of the source. */
  readonly source: string;
  readonly address: RedisAddress;
  readonly command: readonly [string, ...string[]];
  readonly redis: typeof import("./redis-client.ts");
};

type RedisProblem = {
  /** What came back, and what to do. Without the password. */
  readonly problem: string;
  /** Absent for a server's reply: quoted whole where it may be, and it may repeat the password. */
  readonly cause?: unknown;
};

/** As the system, TLS and Node throw them. */
type SystemError = {
  readonly message: string;
  readonly code: string;
  readonly errors: readonly Error[];
};

type Advice = (context: RedisErrorContext, text: string) => string;

/** How much of a server's reply is quoted, in characters. */
const QUOTED_LENGTH = 200;

/** What to do about a server's error reply, which begins with these words. */
const REPLIES: readonly (readonly [start: string, advice: Advice])[] = [
  ["NOAUTH", () => "it wants a password: give it in the URL, redis://user:password@host"],
  ["WRONGPASS", () => "user or password in the URL is wrong, or the user is disabled"],
  ["ERR invalid password", () => "the password in the URL is wrong"],
  [
    "ERR AUTH",
    () => "this server has no password, the URL has one: is it the right server? Else leave it out",
  ],
  ["NOPERM", permission],
  ["LOADING", () => "it is still reading its data from disk, and answers once that is done"],
  ["WRONGTYPE", wrongType],
  [
    "MOVED",
    (_, text) => `a cluster, which keeps this key on ${lastWord(text)}: give that node's URL`,
  ],
  ["ASK", (_, text) => `a cluster, which is moving this key to ${lastWord(text)}: try again later`],
  ["CLUSTERDOWN", () => "the cluster is down, or this node knows of no other"],
  ["MASTERDOWN", () => "a replica that lost its master: see to that, or give the master's URL"],
  ["BUSY", () => "a script keeps it busy"],
  [
    "DENIED",
    () => "it takes nobody from another machine: give it a password or bind it (protected-mode)",
  ],
  [
    "ERR max number of clients",
    () => "others hold all its connections: who? CLIENT LIST (maxclients)",
  ],
  [
    "ERR DB index",
    ({ address }) =>
      `it has no database ${address.database}: give another number in the URL's path`,
  ],
  [
    "ERR unknown command",
    () => "is this a Redis? The command may have been renamed or switched off",
  ],
];

const HUNG_UP = "did the server stop, or is it TLS that it wants (rediss://), or not (redis://)?";

/** What to do about an error of the network or of TLS, by its code. */
const CODES: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nothing listens there: is it running, are host and port right?",
  ENOTFOUND: "no such host: is its name right, and known to the DNS of this machine?",
  EAI_AGAIN: "its name could not be looked up: is the DNS of this machine all right?",
  ETIMEDOUT: "no answer from that host: is a firewall or security group in between?",
  EHOSTUNREACH: "there is no way to that host from here",
  ENETUNREACH: "there is no way to that network from here",
  ECONNRESET: HUNG_UP,
  EPIPE: HUNG_UP,
  EPROTO: "no TLS there: use redis://, or the port on which it speaks TLS",
  ERR_SSL_WRONG_VERSION_NUMBER: "no TLS there: use redis://, or the port on which it speaks TLS",
  ERR_TLS_CERT_ALTNAME_INVALID:
    "use a name for which the certificate is, or renew it with this one",
  CERT_HAS_EXPIRED: "its certificate has expired: renew it",
  CERT_NOT_YET_VALID: "its certificate is not valid yet: is this machine's clock right?",
};

const UNKNOWN_AUTHORITY: ReadonlySet<string> = new Set([
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "SELF_SIGNED_CERT_IN_CHAIN",
]);

/** What a reading ended with, in the words of who must see to it: tried what, what came back, what to do. */
export function redisError(thrown: unknown, context: RedisErrorContext): SourceError {
  const { source, address, command } = context;
  const { problem, cause } = redisProblem(thrown, context);
  const options = cause === undefined ? {} : { cause };
  return new SourceError(
    source,
    `${describeCommand(command)} at ${address.label}: ${problem}`,
    options,
  );
}

/** For messages: `GET "risk:halted"`. */
export function describeCommand([name, ...args]: RedisErrorContext["command"]): string {
  return [name, ...args.map((arg) => JSON.stringify(arg))].join(" ");
}

function redisProblem(thrown: unknown, context: RedisErrorContext): RedisProblem {
  const { address, redis } = context;
  // Not by `instanceof Error`, which errors of another realm's system calls are not.
  const { message: text = String(thrown), code, errors } = thrown as Partial<SystemError>;
  if (thrown instanceof redis.ErrorReply) {
    const advice = REPLIES.find(([start]) => text.startsWith(start))?.[1](context, text);
    const quoted = quote(text, address.password);
    return { problem: advice === undefined ? quoted : `${quoted}; ${advice}` };
  }
  if (thrown instanceof redis.ConnectionTimeoutError) {
    const plain =
      address.tls === undefined ? "" : "; a port without TLS also stays silent (redis://)";
    return { problem: `no connection in time; ${CODES["ETIMEDOUT"]}${plain}`, cause: thrown };
  }
  if (thrown instanceof redis.SocketClosedUnexpectedlyError) {
    return { problem: `it hung up before a whole reply came; ${HUNG_UP}`, cause: thrown };
  }
  if (code === undefined) {
    return {
      problem: `what answers there does not speak as a Redis does (${quote(text, undefined)}); is the port right? If it wants TLS: rediss://. A Redis that takes no more connections (maxclients, protected-mode) may also answer so`,
      cause: thrown,
    };
  }
  const advice = UNKNOWN_AUTHORITY.has(code) ? authority(address) : CODES[code];
  // An address with several tries (`localhost`) fails with an error that has no text of its own.
  const tries = errors?.map(({ message }) => message).join(", ") ?? text;
  const what = tries.includes(code) ? tries : `${tries} (${code})`;
  return { problem: advice === undefined ? what : `${what}; ${advice}`, cause: thrown };
}

function permission({ address, command: [name, key] }: RedisErrorContext, text: string): string {
  const denied = /'([\w|]+)' command/.exec(text)?.[1] ?? name.toLowerCase();
  const keys = key === undefined || denied !== name.toLowerCase() ? "" : ` ~${key}`;
  return `allow it: ACL SETUSER ${address.username ?? "default"} +${denied}${keys}`;
}

function wrongType({ command: [name, key] }: RedisErrorContext): string {
  const look = `TYPE ${key} says what it is`;
  return name === "HGET"
    ? `the key is no hash: leave out "field" if it is a plain string (${look})`
    : `the key is no plain string: if it is a hash, say which "field" is meant (${look})`;
}

function authority({ tls }: RedisAddress): string {
  return tls?.ca === undefined
    ? 'nobody here knows who signed its certificate: give that authority, in PEM, as "ca"'
    : 'the authorities given as "ca" did not sign its certificate: give the right ones, in PEM';
}

function lastWord(text: string): string {
  return text.split(" ").at(-1) ?? "another node";
}

function quote(text: string, password: string | undefined): string {
  // A server that does not know AUTH repeats its arguments, cut anywhere.
  const own = text.replace(/, with args beginning with:.*/is, "");
  const redacted = password === undefined ? own : own.replaceAll(password, "***");
  const line = redacted
    .replace(/\p{C}+/gu, " ")
    .trim()
    .replace(/\.$/, "");
  return line.length > QUOTED_LENGTH ? `${line.slice(0, QUOTED_LENGTH)}…` : line;
}
