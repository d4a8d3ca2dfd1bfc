import { SourceError } from "../errors.ts";
import { refuseUnknownKeys } from "../options.ts";
import { askPostgres, describeQuery, refuseEmptyQuery } from "./postgres.ts";
import { type PostgresLocation, parsePostgresUrl } from "./postgres-address.ts";
import { SOURCE_TIMEOUT_MS } from "./source.ts";
import { refuseTimeout } from "./timeout.ts";
import type { ValueSource } from "./value-source.ts";

export type SqlValueOptions = PostgresLocation & {
  /** One statement that reads. Its first column is the value, its only row the one it is in. */
  readonly query: string;
  /** How long one reading may take, in milliseconds; no longer than that of its source. Default 5000. */
  readonly timeoutMs?: number;
};

/** Name of this source in errors. */
const SOURCE = "postgres";

/** OIDs of PostgreSQL's types: they are the same in every database. */
const BOOLEAN = 16;
const TIMESTAMP = 1114;
const TIMESTAMP_WITH_ZONE = 1184;

/**
 * The first column of a query's only row as text; null when that is NULL or there is no row. Booleans
 * are `true` and `false`; timestamps are ISO 8601, with a zone when their type has one; everything
 * else is what PostgreSQL writes. Several rows are an error.
 *
 * @throws {InvalidOptionError} for unknown options, an unusable connection string, an empty query.
 */
export function createSqlValue(options: SqlValueOptions): ValueSource {
  const what = "createSqlValue";
  refuseUnknownKeys(options, ["connectionString", "ca", "query", "timeoutMs"], what);
  const { query, timeoutMs = SOURCE_TIMEOUT_MS } = options;
  refuseTimeout(timeoutMs, what);
  refuseEmptyQuery(query, what);
  const address = parsePostgresUrl(options);
  const describe = describeQuery(query, address);
  return {
    describe,
    async read(signal) {
      const question = { query, source: SOURCE, timeoutMs, signal };
      const { columns, row } = await askPostgres(address, question);
      const [column] = columns;
      if (column === undefined) {
        throw new SourceError(SOURCE, `${describe}: the answer has no columns; SELECT something`);
      }
      const value = row?.[0] ?? null;
      return value === null ? null : textOf(value, column.type);
    },
  };
}

function textOf(value: string, type: number): string {
  if (type === BOOLEAN) return value === "t" ? "true" : "false";
  if (type === TIMESTAMP) return value.replace(" ", "T");
  // `+09` is no zone to ISO 8601's extended form.
  if (type === TIMESTAMP_WITH_ZONE) return value.replace(" ", "T").replace(/[+-]\d\d$/, "$&:00");
  return value;
}
