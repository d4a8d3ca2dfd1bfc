import { expect, test } from "@jest/globals";
import { startPostgres } from "./postgres.ts";
import { describeWithServer } from "./servers.ts";

describeWithServer("postgres", "initdb")("a real PostgreSQL", () => {
  test("keeps its data and its port over a restart, also after a crash", async () => {
    const server = await startPostgres();
    await server.sql("CREATE TABLE t AS SELECT 1 AS one; CHECKPOINT");
    const { pid, closed } = server;
    server.kill("SIGKILL");
    await closed;
    await server.restart();

    expect(await closed).toEqual({ code: null, signal: "SIGKILL" });
    expect(server.pid).not.toBe(pid);
    expect(new URL(server.url).port).toBe(`${server.port}`);
    expect(await server.sql("TABLE t")).toEqual([{ one: 1 }]);
  });

  test("freezes whole, and is stopped all the same", async () => {
    const server = await startPostgres();
    const slow = server.sql("SELECT pg_sleep(0.2)").then(
      () => "answered",
      () => "cut",
    );
    while ((await server.sql("SELECT FROM pg_stat_activity WHERE query LIKE '%0.2)'")).length < 1) {
      // Looked at again.
    }
    server.kill("SIGSTOP");
    const first = await Promise.race([slow, timeUp(600)]);
    await server.stop();

    expect(first).toBe("time is up");
    expect(await slow).toBe("cut");
    await expect(server.sql("SELECT 1")).rejects.toThrow(/ECONNREFUSED/);
  });

  test("that does not start says why", async () => {
    await expect(startPostgres({ hba: "nonsense\n" })).rejects.toThrow(
      /no PostgreSQL: .*nonsense/s,
    );
  });
});

function timeUp(ms: number): Promise<string> {
  return new Promise((resolve) => {
    AbortSignal.timeout(ms).addEventListener("abort", () => resolve("time is up"));
  });
}
