import { refuseUnknownKeys } from "../../options.ts";
import { askPostgres } from "../postgres.ts";
import { type PostgresLocation, parsePostgresUrl } from "../postgres-address.ts";
import { SOURCE_TIMEOUT_MS, type Source } from "../source.ts";
import { refuseTimeout } from "../timeout.ts";

export type PostgresProbeOptions = PostgresLocation & {
  /** Name of the source: `postgres`, or which of several it is. */
  readonly name: string;
  /** How long one reading may take, in milliseconds. Default 5000. */
  readonly timeoutMs?: number;
};

/**
 * Whether a PostgreSQL server answers: connected, logged in, `SELECT 1` carried out. Anything else is
 * an error.
 *
 * @throws {InvalidOptionError} for unknown options and an unusable connection string.
 */
export function createPostgresProbe(options: PostgresProbeOptions): Source<true> {
  const what = "createPostgresProbe";
  refuseUnknownKeys(options, ["name", "connectionString", "ca", "timeoutMs"], what);
  const { name, timeoutMs = SOURCE_TIMEOUT_MS } = options;
  refuseTimeout(timeoutMs, what);
  const address = parsePostgresUrl(options);
  return {
    name,
    timeoutMs,
    async read(signal) {
      await askPostgres(address, { query: "SELECT 1", source: name, timeoutMs, signal });
      return true;
    },
  };
}
