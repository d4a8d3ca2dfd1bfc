import { setTimeout as pause } from "node:timers/promises";
import { beforeAll, expect, test } from "@jest/globals";
import { type RealPostgres, startPostgres } from "../support/postgres.ts";
import { describeWithServer } from "../support/servers.ts";
import { answerOf, problemOf, readPostgres, variant } from "./postgres-reading.ts";

let server: RealPostgres;

/** How long the server may take to notice something, in milliseconds: for a slow machine. */
const NOTICE_MS = 15_000;

describeWithServer("postgres", "initdb")("a PostgreSQL query", () => {
  beforeAll(async () => {
    server = await startPostgres();
    await server.sql(`
      CREATE TABLE orders (id int, note text);
      INSERT INTO orders VALUES (1, 'first'), (2, NULL);
      CREATE SEQUENCE ids;
      CREATE ROLE guest LOGIN PASSWORD 'guest';
    `);
  });

  const read = (query: string, timeoutMs = 5000) =>
    readPostgres({ connectionString: server.url, query, timeoutMs });

  test("answers with its columns and its row, as text", async () => {
    const reading = await read("SELECT id, note, 1.50::numeric AS x FROM orders WHERE id = 2;");

    expect(answerOf(reading)).toEqual({
      columns: [
        { name: "id", type: 23 },
        { name: "note", type: 25 },
        { name: "x", type: 1700 },
      ],
      row: ["2", null, "1.50"],
    });
  });

  test("answers with its columns alone where there is no row", async () => {
    const reading = await read("SELECT id FROM orders WHERE false");

    expect(answerOf(reading)).toEqual({ columns: [{ name: "id", type: 23 }] });
  });

  test("runs in a read-only transaction, within the time, under our name", async () => {
    const settings = ["application_name", "transaction_read_only", "statement_timeout"];
    const columns = settings.map((name) => `current_setting('${name}')`).join(", ");

    const { row } = answerOf(await read(`SELECT ${columns}`, 2000));

    expect(row?.slice(0, 2)).toEqual(["closing-bell", "on"]);
    expect(row?.[2]).toMatch(/^1[0-7]\d\dms$/);
  });

  test.each([
    [
      "no_such_table",
      "SELECT 1 FROM no_such_table",
      /"no_such_table" does not exist \(42P01\); check the table/,
    ],
    ["no such column", "SELECT colour FROM orders", /\(42703\); check the column names/],
    ["no SQL", "SELEKT 1", /\(42601\); correct the query/],
    ["two statements", "COMMIT; DROP TABLE orders", /multiple commands .* \(42601\)/],
    ["several rows", "SELECT * FROM orders", /more than one row came back; add a LIMIT 1/],
    ["an endless answer", "SELECT generate_series(1, 100000000000)", /more than one row/],
    [
      "an INSERT",
      "INSERT INTO orders VALUES (3) RETURNING id",
      /read-only transaction \(25006\); the query must only read/,
    ],
    ["a write by a function", "SELECT nextval('ids')", /read-only transaction/],
    ["a raised error", "SELECT 1/0", /division by zero \(22012\)$/],
  ])("%s: fails and says why", async (_, query, expected) => {
    const problem = problemOf(await read(query));

    expect(problem).toMatch(expected);
    expect(problem).toContain(`SourceError: db: query at 127.0.0.1:${server.port}/postgres: `);
  });

  test("that writes what a read-only transaction lets pass is rolled back", async () => {
    await read("SELECT lo_create(7)");

    expect(await server.sql("SELECT oid FROM pg_largeobject_metadata")).toEqual([]);
  });

  test("changed nothing by all that", async () => {
    expect(await server.sql("SELECT count(*)::int AS n FROM orders")).toEqual([{ n: 2 }]);
  });

  test("says what to do about a wrong password, database, or none", async () => {
    const problems = await Promise.all(
      [
        variant(server.url, { password: "hunter2" }),
        variant(server.url, { password: "" }),
        variant(server.url, { database: "no_such_database" }),
      ].map(async (connectionString) => problemOf(await readPostgres({ connectionString }))),
    );

    expect(problems).toEqual([
      expect.stringMatching(/connecting to .* \(28P01\); check user and password/),
      expect.stringMatching(/connecting to .*; the server wants a password/),
      expect.stringMatching(/connecting to .* \(3D000\); check the database/),
    ]);
    expect(problems.join()).not.toContain("hunter2");
  });

  test("needs a grant, and says so", async () => {
    const connectionString = server.url.replace(/\/\/.*@/, "//guest:guest@");

    const problem = problemOf(await readPostgres({ connectionString, query: "TABLE orders" }));

    expect(problem).toMatch(/permission denied .* \(42501\); grant this user/);
  });

  test("never shows the password, even if the server does", async () => {
    const password = new URL(server.url).password;
    const plain = decodeURIComponent(password).replaceAll("'", "''");

    const problem = problemOf(await read(`SELECT '${plain}'::int`));

    expect(problem).toMatch(/invalid input syntax for type integer: "\*\*\*"/);
  });

  test("that is slow is ended by the server, which says so", async () => {
    const problem = problemOf(await read("SELECT pg_sleep(60)", 3000));

    expect(problem).toMatch(
      /statement timeout \(57014\); make the query faster, or give the source/,
    );
    expect(await connectionsWithin(NOTICE_MS, 0)).toBe(0);
  });

  test("that is given up leaves nothing running at the server", async () => {
    const stop = new AbortController();
    const reading = readPostgres({
      connectionString: server.url,
      query: "SELECT pg_sleep(60)",
      timeoutMs: 1500,
      stop: stop.signal,
    });
    await connectionsWithin(NOTICE_MS, 1, "query LIKE '%pg_sleep(60)%'");

    const aborted = performance.now();
    stop.abort(new Error("told to stop"));

    expect(problemOf(await reading)).toBe("SourceError: db: told to stop");
    expect(performance.now() - aborted).toBeLessThan(1000);
    expect(await connectionsWithin(NOTICE_MS, 0)).toBe(0);
  });

  test("given up before it began connects to nobody", async () => {
    const reading = await readPostgres({
      connectionString: server.url,
      stop: AbortSignal.abort(new Error("told to stop")),
    });

    expect(problemOf(reading)).toBe("SourceError: db: told to stop");
  });

  test("leaves no connection behind, fifty times", async () => {
    for (let round = 0; round < 10; round++) {
      const readings = await Promise.all(Array.from({ length: 5 }, () => read("SELECT 1 AS one")));
      expect(readings.map((reading) => reading.status)).toEqual(Array(5).fill("read"));
    }

    expect(await connectionsWithin(NOTICE_MS, 0)).toBe(0);
  });

  test("fails while the server is frozen, and says where; works when it thawed", async () => {
    server.kill("SIGSTOP");
    const frozen = await read("SELECT 1 AS one", 500);
    server.kill("SIGCONT");

    expect(problemOf(frozen)).toBe(
      `SourceError: db: connecting to 127.0.0.1:${server.port}/postgres: no answer within 450 ms; ` +
        "is the server overloaded or frozen, is a firewall in between?",
    );
    expect(frozen.seconds).toBeLessThan(5);
    expect(await read("SELECT 1 AS one")).toMatchObject({ status: "read" });
  });

  test("fails when the server freezes in the middle", async () => {
    const reading = read("SELECT pg_sleep(60)", 1500);
    await connectionsWithin(NOTICE_MS, 1, "query LIKE '%pg_sleep(60)%'");
    server.kill("SIGSTOP");
    const problem = problemOf(await reading);
    server.kill("SIGCONT");

    expect(problem).toMatch(/query at .*: no answer within 1350 ms/);
    expect(await connectionsWithin(NOTICE_MS, 0)).toBe(0);
  });

  test("fails when its connection is ended by an administrator", async () => {
    const reading = read("SELECT pg_sleep(60)");
    await connectionsWithin(NOTICE_MS, 1, "query LIKE '%pg_sleep(60)%'");
    await server.sql(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'closing-bell'",
    );

    expect(problemOf(await reading)).toMatch(/\(57P01\); the server was stopping or starting/);
  });

  test("fails while the server is stopped, and works when it is back", async () => {
    const during = read("SELECT pg_sleep(60)");
    await connectionsWithin(NOTICE_MS, 1, "query LIKE '%pg_sleep(60)%'");
    await server.stop();
    const stopped = await read("SELECT 1 AS one");
    await server.restart();

    expect(problemOf(await during)).toMatch(
      /query at .*; (the server was stopping|the connection)/,
    );
    expect(problemOf(stopped)).toMatch(/ECONNREFUSED .*; nothing listens there: is it running/);
    expect(await read("SELECT 1 AS one")).toMatchObject({ status: "read" });
  });
});

/**
 * Waits until so many of our connections are at the server (those with `condition`), for as long as
 * it may take.
 *
 * @returns how many there were at last.
 */
async function connectionsWithin(ms: number, wanted: number, condition = "true"): Promise<number> {
  const deadline = performance.now() + ms;
  for (;;) {
    const [found] = await server.sql(
      `SELECT count(*)::int AS n FROM pg_stat_activity
       WHERE application_name = 'closing-bell' AND (${condition})`,
    );
    const count = Number(found?.["n"]);
    if (count === wanted || performance.now() > deadline) return count;
    await pause(20);
  }
}
