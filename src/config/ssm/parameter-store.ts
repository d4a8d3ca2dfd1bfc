import { systemClock } from "../../clock.ts";
import { ConfigError, InvalidOptionError } from "../../errors.ts";
import { type Flight, startFlight } from "../../flight.ts";
import { refuseUnknownKeys } from "../../options.ts";
import type { FetchedParameters, StaleParameters } from "../parameters.ts";
import { BATCH_SIZE, type FetchOptions, fetchParameters } from "./fetch-parameters.ts";
import { describeParameters } from "./ssm-problem.ts";

export type ParameterStoreOptions = Partial<FetchOptions> & {
  /** Monotonic clock, in seconds. */
  readonly now?: () => number;
  /** How long a value is not asked for again. Seconds, default 300. */
  readonly ttlSeconds?: number;
  /** Shortest time between two refreshes, and after a failure. Seconds, default 10. */
  readonly refreshSeconds?: number;
};

export type ReadOptions = {
  /** Ends the wait early, and the fetch when nobody else waits for it. */
  readonly signal?: AbortSignal;
  /** What becomes of names that SSM does not have: an error with all of them (default), or no entry. */
  readonly missing?: "refuse" | "omit";
};

/** What came of a refresh. `changed`: names whose value is another one now. */
export type Refresh =
  | { readonly status: "refreshed"; readonly changed: readonly string[] }
  | { readonly status: "too soon" }
  | { readonly status: "failed"; readonly error: ConfigError };

/** The parameters of one account and region, each asked for once in a while. */
export type ParameterStore = {
  /**
   * Values by exact name, decrypted: from before where they are young enough, else from one request for
   * ten of them. Concurrent reads share it. When SSM cannot be asked, values of any age are served, and
   * `stale` says so once an outage.
   *
   * @throws {ConfigError} naming what does not exist, or why what was never read cannot be.
   */
  read(names: readonly string[], options?: ReadOptions): Promise<FetchedParameters>;
  /** Asks anew for everything that was ever read, however young. Rejects only when `signal` aborts. */
  refresh(options?: Pick<ReadOptions, "signal">): Promise<Refresh>;
};

/** The last answer; undefined: there was no parameter of that name. */
type Entry = { readonly value: string | undefined; readonly at: number };

/** Why there is no newer answer, and whether a reader was told. */
type Failure = { readonly error: ConfigError; readonly at: number; told: boolean };

const DEFAULT_TTL_SECONDS = 300;
const DEFAULT_REFRESH_SECONDS = 10;
const DEFAULT_TIMEOUT_MS = 5000;

/**
 * Reads AWS Systems Manager's Parameter Store. Needs `ssm:GetParameters` on exactly the names that are
 * read, and `kms:Decrypt` on the key of each SecureString. The SDK is loaded with the first fetch.
 *
 * @throws {InvalidOptionError} for unknown options, an endpoint that is no URL, a time that is none.
 */
export function createParameterStore(options: ParameterStoreOptions = {}): ParameterStore {
  const {
    now = systemClock.monotonic,
    ttlSeconds = DEFAULT_TTL_SECONDS,
    refreshSeconds = DEFAULT_REFRESH_SECONDS,
    timeoutMs = DEFAULT_TIMEOUT_MS,
    ...place
  } = checked(options);
  const entries = new Map<string, Entry>();
  const failures = new Map<string, Failure>();
  const flights = new Map<string, Flight<void>>();
  let region = options.region;
  let refreshedAt = Number.NEGATIVE_INFINITY;
  let refreshing: Flight<Refresh> | undefined;

  async function fetch(names: readonly string[], signal: AbortSignal): Promise<void> {
    try {
      const fetched = await fetchParameters(names, { ...place, timeoutMs }, signal);
      region = fetched.region;
      for (const [name, value] of fetched.values) entries.set(name, { value, at: now() });
      for (const name of names) failures.delete(name);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      for (const name of names) {
        failures.set(name, { error, at: now(), told: failures.get(name)?.told ?? false });
      }
    }
  }

  /** Those that are asked for already are waited for; the others are asked for in tens, side by side. */
  async function fetchAll(names: readonly string[], signal: AbortSignal | undefined) {
    const idle = names.filter((name) => !isUnderWay(name));
    for (let first = 0; first < idle.length; first += BATCH_SIZE) {
      const batch = idle.slice(first, first + BATCH_SIZE);
      const flight = startFlight((abandoned) => fetch(batch, abandoned));
      for (const name of batch) flights.set(name, flight);
    }
    const awaited = new Set(names.flatMap((name) => flights.get(name) ?? []));
    await Promise.all([...awaited].map((flight) => flight.join(signal)));
  }

  function isUnderWay(name: string): boolean {
    return flights.get(name)?.isOver() === false;
  }

  /** What does not exist is asked for again soon by who needs it: somebody may just be creating it. */
  function isDue(name: string, missing: ReadOptions["missing"]): boolean {
    const failure = failures.get(name);
    const entry = entries.get(name);
    if (entry === undefined) return true;
    if (failure !== undefined && now() - failure.at < refreshSeconds) return false;
    const isNeeded = entry.value === undefined && missing === "refuse";
    return now() - entry.at >= (isNeeded ? Math.min(refreshSeconds, ttlSeconds) : ttlSeconds);
  }

  /** The oldest of what should have been renewed, once an outage. */
  function staleOf(names: readonly string[]): StaleParameters | undefined {
    let stale: StaleParameters | undefined;
    for (const name of names) {
      const [entry, failure] = [entries.get(name), failures.get(name)];
      if (entry === undefined || failure === undefined || failure.told) continue;
      const ageSeconds = now() - entry.at;
      if (ageSeconds < ttlSeconds) continue;
      failure.told = true;
      if (stale === undefined || ageSeconds > stale.ageSeconds) {
        stale = { ageSeconds, error: failure.error };
      }
    }
    return stale;
  }

  async function renew(signal: AbortSignal): Promise<Refresh> {
    const before = new Map(entries);
    const names = [...before.keys()];
    await fetchAll(names, signal);
    const problems = names.flatMap((name) => failures.get(name)?.error.problems ?? []);
    if (problems.length > 0) {
      return { status: "failed", error: new ConfigError([...new Set(problems)]) };
    }
    const changed = names.filter((name) => entries.get(name)?.value !== before.get(name)?.value);
    return { status: "refreshed", changed };
  }

  return {
    async read(given, { signal, missing = "refuse" } = {}) {
      signal?.throwIfAborted();
      const names = [...new Set(given)];
      await fetchAll(
        names.filter((name) => isDue(name, missing)),
        signal,
      );
      const unread = names.filter((name) => !entries.has(name));
      if (unread.length > 0) {
        const problems = unread.flatMap((name) => failures.get(name)?.error.problems ?? []);
        throw new ConfigError([...new Set(problems)]);
      }
      const absent = names.filter((name) => entries.get(name)?.value === undefined);
      if (missing === "refuse" && absent.length > 0) {
        const what = describeParameters(absent, region);
        const [verb, them] = absent.length === 1 ? ["does", "it"] : ["do", "them"];
        throw new ConfigError([
          `${what} ${verb} not exist (InvalidParameters); create ${them} as SecureString, or check name, region and account`,
        ]);
      }
      const values = names.flatMap((name) => {
        const value = entries.get(name)?.value;
        return value === undefined ? [] : [[name, value] as const];
      });
      const stale = staleOf(names);
      return Object.assign(new Map(values), {
        ...(region === undefined ? {} : { region }),
        ...(stale === undefined ? {} : { stale }),
      });
    },

    async refresh({ signal } = {}) {
      signal?.throwIfAborted();
      if (refreshing === undefined || refreshing.isOver()) {
        if (now() - refreshedAt < refreshSeconds) return { status: "too soon" };
        refreshedAt = now();
        refreshing = startFlight(renew);
      }
      return refreshing.join(signal);
    },
  };
}

function checked(options: ParameterStoreOptions): ParameterStoreOptions {
  const what = "createParameterStore";
  const known = ["region", "endpoint", "credentials", "timeoutMs", "now", "ttlSeconds"];
  refuseUnknownKeys(options, [...known, "refreshSeconds"], what);
  const { endpoint } = options;
  if (endpoint !== undefined && !URL.canParse(endpoint)) {
    throw new InvalidOptionError(`${what}: endpoint is not a URL`);
  }
  for (const name of ["timeoutMs", "ttlSeconds", "refreshSeconds"] as const) {
    const value = options[name];
    const isFine = value === undefined || (value > 0 && value < 2 ** 31);
    if (!isFine) throw new InvalidOptionError(`${what}: ${name} must be above 0, got ${value}`);
  }
  return options;
}
