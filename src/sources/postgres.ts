import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { Client, QueryArrayConfig } from "pg";
import { InvalidOptionError, SourceError } from "../errors.ts";
import { type PostgresAddress, postgresTls } from "./postgres-address.ts";
import { postgresProblem } from "./postgres-problem.ts";

export type PostgresQuestion = {
  /** One statement that reads, and gives one row at most: the server refuses one that writes. */
  readonly query: string;
  /** Name of the source in errors. */
  readonly source: string;
  /** How long the reading may take, in milliseconds. */
  readonly timeoutMs: number;
  /** Ends the connection at once, in whatever state it is. */
  readonly signal: AbortSignal;
};

/** Values are PostgreSQL's own text; dates and times are in its ISO style. */
export type PostgresAnswer = {
  /** `type` is the OID of the column's type, of a domain that of its base. */
  readonly columns: readonly { readonly name: string; readonly type: number }[];
  /** Absent: the query found none. */
  readonly row?: readonly (string | null)[];
};

type Pg = typeof import("pg");

/** One connection, from its start to its end. */
type Conversation = {
  readonly pg: Pg;
  readonly client: Client;
  /** Rejects when the connection is over before the step is: cut, aborted, out of time. */
  readonly unlessOver: <T>(step: Promise<T>) => Promise<T>;
  /** Until this end gives up, in milliseconds, above 0. */
  readonly remainingMs: () => number;
};

/**
 * Share of the time left that whoever is asked next gets. So the server, which knows that the query
 * was slow, speaks before this end, which knows where it waited, and that before the caller.
 */
const SHARE = 0.9;

/** How long the server may take to hang up once the answer is here, in milliseconds. */
const GOODBYE_MS = 250;

/** What a value is, its reader decides. */
const AS_TEXT = { getTypeParser: () => (text: string) => text };

/**
 * Puts one query and gives back its row.
 *
 * Each call has a connection of its own, which ends with it: one that was kept from the last reading
 * could be dead unnoticed (a failover, a firewall, a function that was frozen), and would fail the
 * very reading that needs it, or hang in it. The price is a handshake.
 *
 * Limits are those of one read-only transaction, which is rolled back, and not of the session: a
 * pooler refuses settings at the start of a session, and could hand those made later to its next client.
 *
 * @throws {SourceError} for whatever keeps the answer unknown, a second row included; the signal's
 * reason once it aborted.
 */
export async function askPostgres(
  address: PostgresAddress,
  { query, source, timeoutMs, signal }: PostgresQuestion,
): Promise<PostgresAnswer> {
  const limitMs = timeoutMs * SHARE;
  let trying = `connecting to ${address.label}`;
  try {
    return await connect(address, { limitMs, signal }, async (conversation) => {
      trying = `query at ${address.label}`;
      return await readOnly(conversation, query);
    });
  } catch (thrown) {
    if (signal.aborted) throw signal.reason;
    throw failure(source, `${trying}: ${postgresProblem(thrown, address)}`, thrown);
  }
}

function failure(source: string, problem: string, cause: unknown): SourceError {
  return new SourceError(source, problem, { cause });
}

/** @throws {InvalidOptionError} for a query without text. */
export function refuseEmptyQuery(query: string, what: string): void {
  if (typeof query === "string" && query.trim() !== "") return;
  throw new InvalidOptionError(`${what}: query is empty`);
}

/** For messages: the beginning of the query, and where it is put. */
export function describeQuery(query: string, { label }: PostgresAddress): string {
  const line = query.replace(/\s+/g, " ").trim();
  return `${line.length > 60 ? `${line.slice(0, 60)}…` : line} at ${label}`;
}

/** Connects, converses, hangs up. */
async function connect<T>(
  address: PostgresAddress,
  { limitMs, signal }: { readonly limitMs: number; readonly signal: AbortSignal },
  converse: (conversation: Conversation) => Promise<T>,
): Promise<T> {
  const deadline = performance.now() + limitMs;
  // Loaded at the first reading: who reads no database need not wait for it.
  const pg = await import("pg");
  signal.throwIfAborted();

  // Ours, so that it can be cut at any moment: the client's own end() waits for the server.
  const socket = new Socket();
  const client = new pg.Client(clientConfig(address, socket));
  const remainingMs = () => Math.max(1, deadline - performance.now());
  let abort = () => {};
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<never>((_, reject) => {
    abort = () => reject(signal.reason);
    signal.addEventListener("abort", abort);
    timer = setTimeout(
      () => reject(new Error(`no answer within ${Math.round(limitMs)} ms`)),
      remainingMs(),
    );
    // Listened to for good: an event that comes late must find somebody.
    client.on("error", reject);
  });
  // Also during the goodbye, which no step waits for.
  over.catch(() => socket.destroy());
  guard(socket);
  client.connection.once("sslconnect", () => guard(client.connection.stream));
  const unlessOver = <S>(step: Promise<S>) => Promise.race([step, over]);

  try {
    await unlessOver(client.connect());
    const value = await converse({ pg, client, unlessOver, remainingMs });
    socket.setTimeout(GOODBYE_MS, () => socket.destroy());
    await client.end();
    return value;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", abort);
    socket.destroy();
  }
}

/**
 * The client throws where nobody catches when bytes come that are no message of PostgreSQL's, and
 * would end the process. A stream that is guarded ends itself instead.
 */
function guard(stream: Duplex): void {
  const emit = stream.emit.bind(stream);
  stream.emit = (...args: Parameters<typeof emit>) => {
    try {
      return emit(...args);
    } catch (error) {
      stream.destroy(new Error("what came is not PostgreSQL's protocol", { cause: error }));
      return true;
    }
  };
}

function clientConfig(address: PostgresAddress, socket: Socket) {
  const { host, port, database, user, password, options } = address;
  return {
    host,
    port,
    database,
    user,
    // A function: without a password the client would look for a file of them.
    password: () => password,
    ...(options === undefined ? {} : { options }),
    ssl: postgresTls(address),
    application_name: "closing-bell",
    stream: () => socket,
    types: AS_TEXT,
  };
}

async function readOnly(conversation: Conversation, query: string): Promise<PostgresAnswer> {
  const { client, unlessOver, remainingMs } = conversation;
  const statementMs = Math.ceil(remainingMs() * SHARE);
  await unlessOver(
    client.query(
      `BEGIN READ ONLY; SET LOCAL statement_timeout = ${statementMs}; SET LOCAL datestyle = 'ISO'`,
    ),
  );
  return await unlessOver(ask(conversation, query));
}

function ask({ pg, client }: Conversation, text: string): Promise<PostgresAnswer> {
  // The extended protocol takes no more than one statement, so none can end the transaction.
  const config: QueryArrayConfig & { readonly queryMode: "extended" } = {
    text,
    rowMode: "array",
    queryMode: "extended",
  };
  return new Promise((resolve, reject) => {
    let row: readonly (string | null)[] | undefined;
    client
      .query(new pg.Query<(string | null)[]>(config))
      .on("row", (values) => {
        // Not read to its end: it may be the whole table.
        if (row !== undefined) reject(new Error("more than one row came back; add a LIMIT 1"));
        row ??= values;
      })
      .on("end", ({ fields }) => {
        const columns = fields.map(({ name, dataTypeID }) => ({ name, type: dataTypeID }));
        resolve(row === undefined ? { columns } : { columns, row });
      })
      .on("error", reject);
  });
}
