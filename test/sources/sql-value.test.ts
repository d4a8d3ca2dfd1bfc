import { beforeAll, describe, expect, test } from "@jest/globals";
import { SourceError } from "../../src/errors.ts";
import { createSqlValue } from "../../src/sources/sql-value.ts";
import { type RealPostgres, startPostgres } from "../support/postgres.ts";
import { describeWithServer } from "../support/servers.ts";
import { variant } from "./postgres-reading.ts";

let server: RealPostgres;

describeWithServer("postgres", "initdb")("a value in PostgreSQL", () => {
  beforeAll(async () => {
    server = await startPostgres();
  });

  const read = (query: string, connectionString = server.url) =>
    createSqlValue({ connectionString, query }).read(new AbortController().signal);

  test.each([
    ["true", "SELECT true, 'second column'"],
    ["false", "SELECT false"],
    ["true", "SELECT bool_or(x) FROM (VALUES (true), (false)) AS v(x)"],
    ["12.50", "SELECT 12.50"],
    ["9223372036854775807", "SELECT 9223372036854775807"],
    ["NaN", "SELECT 'NaN'::float8"],
    ["", "SELECT ''"],
    ["t", "SELECT 't'::text"],
    ["2026-11-20", "SELECT '2026-11-20'::date"],
    ["2026-11-20T09:30:00", "SELECT '2026-11-20 09:30'::timestamp"],
    ["2026-11-20T09:30:00.25+00:00", "SELECT '2026-11-20T09:30:00.25Z'::timestamptz"],
    ["infinity", "SELECT 'infinity'::timestamptz"],
    ['{"a": 1}', `SELECT '{"a": 1}'::jsonb`],
    [null, "SELECT NULL::boolean"],
    [null, "SELECT true WHERE false"],
  ])("is %j for %s", async (expected, query) => {
    expect(await read(query)).toBe(expected);
  });

  test.each([
    ["Asia/Seoul", "2026-11-20T18:30:00+09:00"],
    ["America/St_Johns", "2026-11-20T06:00:00-03:30"],
  ])("is a time in ISO 8601 whatever the session's style, in %s", async (zone, expected) => {
    const options = encodeURIComponent(`-c datestyle=German -c timezone=${zone}`);
    const connectionString = variant(server.url, { parameters: `options=${options}` });

    expect(await read("SELECT '2026-11-20T09:30:00Z'::timestamptz", connectionString)).toBe(
      expected,
    );
  });

  test.each([
    ["several rows", "SELECT generate_series(1, 2)", /postgres: query at .*more than one row/],
    ["no columns", "SELECT", /postgres: SELECT at .*: the answer has no columns/],
    ["nothing at all", "-- SELECT 1", /postgres: -- SELECT 1 at .*: the answer has no columns/],
    ["no such function", "SELECT no_such()", /\(42883\); check functions/],
  ])("is none where there are %s", async (_, query, expected) => {
    const reading = read(query);

    await expect(reading).rejects.toThrow(SourceError);
    await expect(reading).rejects.toThrow(expected);
  });

  test("is given up with the reason of its signal", async () => {
    const value = createSqlValue({ connectionString: server.url, query: "SELECT pg_sleep(60)" });

    await expect(value.read(AbortSignal.timeout(100))).rejects.toThrow(/timeout/);
  });
});

describe("a value's description", () => {
  test("is the beginning of the query and the place, without secrets", () => {
    const query = `SELECT kill_switch_active\n  FROM daily_analytics ORDER BY date DESC LIMIT 1`;
    const value = createSqlValue({ connectionString: "postgres://me:hunter2@db/trading", query });

    expect(value.describe).toBe(
      "SELECT kill_switch_active FROM daily_analytics ORDER BY date… at db:5432/trading",
    );
  });
});
