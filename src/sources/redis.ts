import { isIP } from "node:net";
import type { RedisAddress } from "./redis-address.ts";
import { redisError } from "./redis-error.ts";

export type RedisQuestion = {
  /** A command that changes nothing, and its arguments: `["GET", "risk:halted"]`. */
  readonly command: readonly [string, ...string[]];
  /** Name of the source in errors. */
  readonly source: string;
  /** Ends the connection at once, in whatever state it is. */
  readonly signal: AbortSignal;
};

/**
 * How long a connection may take, TLS included, in milliseconds. Below a source's own default, so that
 * a host which swallows packets is told apart from a server that does not answer.
 */
const CONNECT_TIMEOUT_MS = 3000;

/**
 * Sends one command and gives back its reply: text, null, a number, a list of these.
 *
 * Each call has a connection of its own, which ends with it. A reading comes once a minute or so: a
 * connection kept in between would be idle nearly always, and die of that unnoticed (firewalls, the
 * server's `timeout`, a failover, a function that was frozen), to fail the very reading that needs it.
 * So there is nothing to reconnect, to queue for or to close, and nothing that keeps the process alive;
 * the price is a handshake.
 *
 * @throws {SourceError} for every other reply and for none; the signal's reason once it aborted.
 */
export async function askRedis(
  address: RedisAddress,
  { command, source, signal }: RedisQuestion,
): Promise<unknown> {
  // Loaded at the first reading: it costs who never reads a Redis a quarter of a second.
  const redis = await import("./redis-client.ts");
  signal.throwIfAborted();

  const { host, port, database, username, password, tls } = address;
  // The client's own destroy() leaves a socket alone that is still connecting.
  const over = new AbortController();
  const socket = {
    host,
    port,
    connectTimeout: CONNECT_TIMEOUT_MS,
    reconnectStrategy: false as const,
    signal: over.signal,
  };
  const client = redis.createClient({
    // With 3 it begins by HELLO, which servers before 6 and several that are only like Redis refuse.
    RESP: 2,
    database,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    socket: tls === undefined ? socket : { ...socket, ...tlsOptions(address) },
    disableOfflineQueue: true,
    disableClientInfo: true,
    maintNotifications: "disabled",
    // The signal is the deadline.
    commandOptions: { timeout: 0 },
  });

  let onAbort = () => {};
  try {
    return await new Promise<unknown>((resolve, reject) => {
      onAbort = () => reject(signal.reason);
      signal.addEventListener("abort", onAbort);
      // Listened to for good: an event that comes late must find somebody. What the client cannot
      // decode is told here alone, and the command would wait on.
      client.on("error", reject);
      client
        .connect()
        .then(() => client.sendCommand([...command]))
        .then(resolve, reject);
    });
  } catch (thrown) {
    if (signal.aborted) throw signal.reason;
    throw redisError(thrown, { source, address, command, redis });
  } finally {
    signal.removeEventListener("abort", onAbort);
    client.destroy();
    over.abort();
  }
}

function tlsOptions({ host, tls }: RedisAddress) {
  return {
    tls: true as const,
    // Said aloud, because NODE_TLS_REJECT_UNAUTHORIZED=0 would switch it off behind our back.
    rejectUnauthorized: true,
    // Node names the server only to who asks for it, and hosted Redis servers go by that name.
    ...(isIP(host) === 0 ? { servername: host } : {}),
    ...(tls?.ca === undefined ? {} : { ca: tls.ca }),
  };
}
