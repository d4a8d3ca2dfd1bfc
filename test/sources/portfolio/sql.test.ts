import { beforeAll, describe, expect, test } from "@jest/globals";
import { InvalidOptionError } from "../../../src/errors.ts";
import { createSqlPortfolioSource } from "../../../src/sources/portfolio/sql.ts";
import { readSource } from "../../../src/sources/source.ts";
import { type RealPostgres, startPostgres } from "../../support/postgres.ts";
import { describeWithServer } from "../../support/servers.ts";
import { answerOf, problemOf } from "../postgres-reading.ts";

const connectionString = "postgres://reporter:hunter2@127.0.0.1:1/trading";

let server: RealPostgres;

const read = (query: string) =>
  readSource(
    createSqlPortfolioSource({ connectionString: server.url, query }),
    new AbortController().signal,
  );

describeWithServer("postgres", "initdb")("a portfolio in PostgreSQL", () => {
  beforeAll(async () => {
    server = await startPostgres();
    await server.sql(`
      CREATE TABLE daily_analytics (
        date date PRIMARY KEY,
        portfolio_value_eod numeric(18, 2) NOT NULL,
        daily_pnl numeric(18, 2),
        max_drawdown_pct double precision,
        positions_count int,
        ai_cost_usd numeric(10, 4),
        kill_switch_active boolean
      );
      INSERT INTO daily_analytics VALUES
        ('2026-11-19', 103529.24, 12.5, -0.03, 4, 0.8125, false),
        ('2026-11-20', 103820.56, 291.32, -0.03, 5, 1.0125, false);
    `);
  });

  test("is the newest row of the reference schema, by a query that renames", async () => {
    const reading = await read(`
      SELECT portfolio_value_eod AS equity, daily_pnl, positions_count AS positions,
             lag(portfolio_value_eod) OVER (ORDER BY date) AS last_close_equity, 'USD' AS currency
      FROM daily_analytics ORDER BY date DESC LIMIT 1
    `);

    expect(answerOf(reading)).toEqual({
      equity: 103820.56,
      dailyPnl: 291.32,
      positions: 5,
      lastCloseEquity: 103529.24,
      currency: "USD",
    });
  });

  test("has all columns, in any case and of any numeric type", async () => {
    const reading = await read(`
      SELECT 9007199254740991::bigint AS "EQUITY", -12.50::numeric AS "Cash", 3::smallint AS positions,
             1.5e-7::double precision AS daily_pnl, 0.1::real AS last_close_equity,
             '1e3'::float8 AS cash_flow_today, '250.75' AS cash_flow_total,
             'KRW'::char(8) AS currency
    `);

    expect(answerOf(reading)).toEqual({
      equity: 9007199254740991,
      cash: -12.5,
      positions: 3,
      dailyPnl: 1.5e-7,
      lastCloseEquity: 0.1,
      cashFlowToday: 1000,
      cashFlowTotal: 250.75,
      currency: "KRW",
    });
  });

  test("leaves out what is NULL, without complaint", async () => {
    expect(answerOf(await read("SELECT sum(1) AS cash, NULL AS equity"))).toEqual({ cash: 1 });
    expect(answerOf(await read("SELECT NULL::numeric AS equity"))).toEqual({});
  });

  test("leaves out what is no number or no currency, and says so", async () => {
    const reading = await read(`
      SELECT 1 AS cash, 'NaN'::numeric AS equity, 'Infinity'::float8 AS daily_pnl,
             2.5 AS positions, '$1,000'::text AS cash_flow_today, true AS cash_flow_total,
             'US dollars' AS currency, '2026-11-20'::date AS date
    `);

    expect(answerOf(reading)).toEqual({
      cash: 1,
      problems: [
        'column equity is "NaN", not an amount',
        'column daily_pnl is "Infinity", not an amount',
        'column positions is "2.5", not a count',
        'column cash_flow_today is "$1,000", not an amount',
        'column cash_flow_total is "t", not an amount',
        'column currency is "US dollars", not a currency',
        expect.stringMatching(/^column date is none of equity, cash, positions, daily_pnl, /),
      ],
    });
  });

  test("trusts neither of two columns of one name", async () => {
    expect(answerOf(await read('SELECT 1 AS cash, 2 AS equity, 3 AS "EQUITY"'))).toEqual({
      cash: 1,
      problems: ["column equity is there more than once"],
    });
  });

  test.each([
    [
      "no row",
      "SELECT daily_pnl FROM daily_analytics WHERE false",
      /no row came back; is the table/,
    ],
    [
      "two rows",
      "SELECT daily_pnl FROM daily_analytics",
      /more than one row came back; add a LIMIT 1/,
    ],
    [
      "other columns",
      "SELECT 1 AS constructor, 2 AS value",
      /has constructor, value; expected some of equity, cash, positions, daily_pnl, last_close_equity, cash_flow_today, cash_flow_total, currency \(use AS\)/,
    ],
    ["no columns", "SELECT", /has no columns; expected some of equity/],
    [
      "no value",
      "SELECT 'NaN'::float8 AS equity, 'USD' AS currency",
      /no value could be read: column equity is "NaN", not an amount/,
    ],
    ["no table", "SELECT equity FROM no_such_table", /\(42P01\)/],
  ])("is no reading: %s", async (_, query, expected) => {
    const problem = problemOf(await read(query));

    expect(problem).toMatch(expected);
    expect(problem).toContain(`portfolio: query at 127.0.0.1:${server.port}/postgres: `);
  });

  test("says so in time where the query is slow", async () => {
    const query = "SELECT 1 AS equity FROM pg_sleep(60)";
    const source = createSqlPortfolioSource({
      connectionString: server.url,
      query,
      timeoutMs: 400,
    });

    const reading = await readSource(source, new AbortController().signal);

    expect(problemOf(reading)).toMatch(/\(57014\)/);
  });
});

describe("options of a portfolio in PostgreSQL", () => {
  test.each([
    [{ connectionString, query: " " }, /query is empty/],
    [{ connectionString: "postgres://hunter2", query: "SELECT 1" }, /names no user/],
    [{ connectionString, query: "SELECT 1", timeoutMs: 0 }, /timeoutMs must be/],
    [{ connectionString, query: "SELECT 1", pool: 1 }, /unknown key "pool"/],
  ])("%j are refused", (options, expected) => {
    const create = () => createSqlPortfolioSource(options);

    expect(create).toThrow(InvalidOptionError);
    expect(create).toThrow(expected);
    expect(create).not.toThrow(/hunter2/);
  });
});
