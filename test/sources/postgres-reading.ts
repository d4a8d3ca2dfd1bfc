import { askPostgres, type PostgresAnswer } from "../../src/sources/postgres.ts";
import { type PostgresLocation, parsePostgresUrl } from "../../src/sources/postgres-address.ts";
import { type Reading, readSource, SOURCE_TIMEOUT_MS } from "../../src/sources/source.ts";

export type ReadingOptions = PostgresLocation & {
  readonly query?: string;
  readonly timeoutMs?: number;
  readonly stop?: AbortSignal;
};

/** One reading of a query, as the reporter makes it. */
export function readPostgres({
  query = "SELECT 1 AS one",
  timeoutMs = SOURCE_TIMEOUT_MS,
  stop = new AbortController().signal,
  ...location
}: ReadingOptions): Promise<Reading<PostgresAnswer>> {
  const address = parsePostgresUrl(location);
  const read = (signal: AbortSignal) =>
    askPostgres(address, { query, source: "db", timeoutMs, signal });
  return readSource({ name: "db", timeoutMs, read }, stop);
}

/** Message of the error of a reading that must have failed. */
export function problemOf(reading: Reading<unknown>): string {
  if (reading.status === "read") throw new Error(`was read: ${JSON.stringify(reading.value)}`);
  return `${reading.error.name}: ${reading.error.message}`;
}

export function answerOf<T>(reading: Reading<T>): T {
  if (reading.status === "failed") throw reading.error;
  return reading.value;
}

/** A connection string for the same server, with other parameters, password or database. */
export function variant(
  url: string,
  {
    password,
    database,
    parameters = "",
  }: Partial<Record<"password" | "database" | "parameters", string>>,
): string {
  const changed = new URL(url);
  if (password !== undefined) changed.password = password;
  if (database !== undefined) changed.pathname = database;
  changed.search = parameters;
  return `${changed}`;
}
