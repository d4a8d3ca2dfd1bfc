import { describe, expect, test } from "@jest/globals";
import { createPostgresProbe } from "../../../src/sources/probes/postgres.ts";
import { readSource } from "../../../src/sources/source.ts";
import { freePort } from "../../support/free-port.ts";
import { startPostgres } from "../../support/postgres.ts";
import { describeWithServer } from "../../support/servers.ts";
import { problemOf } from "../postgres-reading.ts";

const never = new AbortController().signal;

describeWithServer("postgres", "initdb")("a probe of PostgreSQL", () => {
  test("is read while the server answers, and fails while it is down or frozen", async () => {
    const server = await startPostgres();
    const probe = createPostgresProbe({
      name: "ledger_db",
      connectionString: server.url,
      timeoutMs: 1000,
    });

    const up = await readSource(probe, never);
    server.kill("SIGSTOP");
    const frozen = await readSource(probe, never);
    await server.stop();
    const down = await readSource(probe, never);
    await server.restart();
    const again = await readSource(probe, never);

    expect(up).toMatchObject({ source: "ledger_db", status: "read", value: true });
    expect(problemOf(frozen)).toMatch(/ledger_db: connecting to .*: no answer within 900 ms/);
    expect(problemOf(down)).toMatch(/ledger_db: connecting to .*ECONNREFUSED/);
    expect(again).toMatchObject({ status: "read", value: true });
  });
});

describe("a probe of no PostgreSQL", () => {
  test("says that nothing listens there, at any address of a name", async () => {
    const connectionString = `postgres://reporter:hunter2@localhost:${await freePort()}/trading`;

    const reading = await readSource(createPostgresProbe({ name: "db", connectionString }), never);

    expect(problemOf(reading)).toMatch(
      /db: connecting to localhost:\d+\/trading: connect ECONNREFUSED .*; nothing listens there/,
    );
    expect(problemOf(reading)).not.toContain("hunter2");
  });
});
