import { PushError } from "../errors.ts";
import { type Flight, startFlight } from "../flight.ts";
import type { Credentials } from "../gateway-url.ts";
import { createMetricSet } from "../metrics/metric-set.ts";
import type { CallOptions, PushClient } from "./client.ts";

export type RotatingClientOptions = {
  /** Who we are at first. */
  readonly credentials?: Credentials;
  /** A client of the one gateway, for these credentials. Called at once, and after each change. */
  readonly connect: (credentials: Credentials | undefined) => PushClient;
  /** Looks the credentials up anew; undefined when there are none. Whoever gives it bounds its time. */
  readonly renew: (signal: AbortSignal) => Promise<Credentials | undefined>;
};

/** A client, and how many calls it is in the middle of. */
type Generation = {
  readonly credentials: Credentials | undefined;
  readonly client: PushClient;
  calls: number;
};

/**
 * A client that survives a change of its credentials: a call that the gateway refuses (401, 403) has
 * them looked up anew and is repeated once, if they are others than those it was refused with. Calls
 * that are refused together look them up once. Nothing that was refused was applied, so that repeating is
 * safe. A call may take twice its deadline and the time of the look-up; its receipt is that of the
 * repetition.
 */
export function createRotatingClient({
  credentials,
  connect,
  renew,
}: RotatingClientOptions): PushClient {
  const metrics = createMetricSet();
  let current: Generation = { credentials, client: connect(credentials), calls: 0 };
  const known = new Set<Generation>([current]);
  let renewing: Flight<Credentials | undefined> | undefined;

  async function call<T>(
    act: (client: PushClient) => Promise<T>,
    { signal }: CallOptions = {},
  ): Promise<T> {
    const used = current;
    try {
      return await through(used, act);
    } catch (error) {
      if (!isRefusal(error) || signal?.aborted) throw error;
      // Else somebody else has renewed them since this call began.
      if (used === current) await renewOnce(error, signal);
      if (used === current) throw error;
      return through(current, act);
    }
  }

  /** One look-up for all that are refused meanwhile. One that fails leaves the refusal to be told. */
  async function renewOnce(refusal: PushError, signal: AbortSignal | undefined): Promise<void> {
    const used = current;
    if (renewing === undefined || renewing.isOver()) renewing = startFlight(renew);
    const next = await renewing.join(signal).catch((cause: unknown) => {
      throw unrenewed(refusal, cause);
    });
    // The first who hears of them takes them over.
    if (used !== current || next === undefined || isSame(next, used.credentials)) return;
    current = { credentials: next, client: connect(next), calls: 0 };
    known.add(current);
    retire(used);
  }

  async function through<T>(
    generation: Generation,
    act: (client: PushClient) => Promise<T>,
  ): Promise<T> {
    generation.calls++;
    try {
      return await act(generation.client);
    } finally {
      generation.calls--;
      retire(generation);
    }
  }

  /** Closes a client that is not used any more, once its last call is over. */
  function retire(generation: Generation): void {
    if (generation === current || generation.calls > 0) return;
    metrics.absorb(generation.client.metrics);
    known.delete(generation);
    generation.client.close();
  }

  return {
    gateway: current.client.gateway,
    get metrics() {
      for (const { client } of known) metrics.absorb(client.metrics);
      return metrics;
    },
    push: (key, body, options) => call((client) => client.push(key, body, options), options),
    pushAdd: (key, body, options) => call((client) => client.pushAdd(key, body, options), options),
    delete: (key, options) => call((client) => client.delete(key, options), options),
    get: (path, options) => call((client) => client.get(path, options), options),
    close() {
      for (const { client } of known) client.close();
    },
  };
}

function isRefusal(error: unknown): error is PushError {
  return error instanceof PushError && (error.status === 401 || error.status === 403);
}

/** The refusal, and why there is nothing newer to try. */
function unrenewed(refusal: PushError, cause: unknown): PushError {
  const { message, status, retryable } = refusal;
  const why = cause instanceof Error ? cause.message : String(cause);
  return new PushError(`${message}; newer credentials could not be looked up: ${why}`, {
    ...(status === undefined ? {} : { status }),
    retryable,
    cause,
  });
}

function isSame(a: Credentials, b: Credentials | undefined): boolean {
  if (a.type === "bearer") return b?.type === "bearer" && a.token === b.token;
  return b?.type === "basic" && a.username === b.username && a.password === b.password;
}
