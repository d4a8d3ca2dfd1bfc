import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { beforeAll, expect, test } from "@jest/globals";
import { type RealRedis, startRedis } from "../../support/redis.ts";
import { describeWithServer } from "../../support/servers.ts";
import { pem } from "../../support/socket-server.ts";
import { readInChild } from "../../support/source-child.ts";
import { failure, probe, sockets } from "../redis-probe.ts";

describeWithServer("redis")("a Redis", () => {
  let redis: RealRedis;
  let guarded: RealRedis;

  beforeAll(async () => {
    [redis, guarded] = await Promise.all([startRedis(), startRedis({ password: "correct horse" })]);
  });

  test("is up when it answers", async () => {
    expect(await probe(redis.url)).toMatchObject({ status: "read", source: "redis", value: true });
    expect(await probe(`${redis.url}/3`)).toMatchObject({ value: true });
    expect(await probe(guarded.url)).toMatchObject({ value: true });
  });

  test("is left without a connection of ours", async () => {
    await probe(redis.url);
    const own = /^id=\d+ .* cmd=client\|list .*\n$/;
    expect(await redis.command("CLIENT", "LIST")).toMatch(own);
  });

  test.each([
    { name: "no password", userInfo: "", problem: "NOAUTH Authentication required; it wants" },
    { name: "a wrong one", userInfo: ":wrongly@", problem: "WRONGPASS invalid username-password" },
  ])("that wants a password refuses $name", async ({ userInfo, problem }) => {
    const message = await failure(probe(`redis://${userInfo}127.0.0.1:${guarded.port}`));
    expect(message).toContain(`redis: PING at redis://127.0.0.1:${guarded.port}/0: ${problem}`);
    expect(message).not.toContain("wrongly");
  });

  test.each([
    { name: "a password it has not", url: ":unasked@", path: "", problem: "has no password" },
    { name: "a database it has not", url: "", path: "/99", problem: "it has no database 99" },
    { name: "a user who may not", url: "bob:pw@", path: "", problem: "ACL SETUSER bob +ping" },
    { name: "a user who may not select", url: "bob:pw@", path: "/1", problem: "bob +select" },
  ])("refuses $name", async ({ url, path, problem }) => {
    await redis.command("ACL", "SETUSER", "bob", "on", ">pw", "~*", "+get");
    const message = await failure(probe(`redis://${url}127.0.0.1:${redis.port}${path}`));
    expect(message).toContain(problem);
    expect(message).not.toContain("unasked");
  });

  test("that is frozen fails at the timeout, and is up again when it thaws", async () => {
    redis.kill("SIGSTOP");
    const frozen = await probe(redis.url, { timeoutMs: 150 });
    redis.kill("SIGCONT");

    expect(frozen).toMatchObject({ status: "failed" });
    expect(frozen.seconds).toBeGreaterThanOrEqual(0.149);
    expect(frozen.seconds).toBeLessThan(1);
    expect(await failure(Promise.resolve(frozen))).toBe("redis: gave no answer within 150 ms");
    expect(await probe(redis.url)).toMatchObject({ value: true });
  });

  test("that was stopped refuses, and is up again when it is back", async () => {
    const mortal = await startRedis();
    await mortal.stop();
    const message = await failure(probe(mortal.url));
    expect(message).toBe(
      `redis: PING at ${mortal.url}/0: connect ECONNREFUSED 127.0.0.1:${mortal.port}; nothing listens there: is it running, are host and port right?`,
    );
    const next = await startRedis({ port: mortal.port });
    expect(await probe(next.url)).toMatchObject({ value: true });
  });

  test("that has given away all its connections says so", async () => {
    const full = await startRedis();
    await full.command("CONFIG", "SET", "maxclients", "1");
    const other = connect(full.port, "127.0.0.1");
    other.write("PING\r\n");
    await once(other, "data");
    expect(await failure(probe(full.url))).toContain("ERR max number of clients reached; others");
    other.destroy();
  });

  test("is read by a program that has the client bundled in", async () => {
    await redis.command("SET", "k", "v");
    const child = await readInChild(
      [
        { ping: redis.url, timeoutMs: 10_000 },
        { get: { url: redis.url, key: "k" }, timeoutMs: 10_000 },
      ],
      { packages: "inside" },
    );
    expect(child).toMatchObject({ code: 0, stderr: "" });
    expect(child.readings).toEqual([{ value: true }, { value: "v" }]);
  });

  test("keeps no process alive that has read it: frozen, with a full queue, gone or mad", async () => {
    const frozen = await startRedis({ args: ["--tcp-backlog", "1"] });
    frozen.kill("SIGSTOP");
    const first = await readInChild([{ ping: frozen.url, timeoutMs: 300 }]);
    // Who comes after these waits for a connection, not for an answer.
    const queue = Array.from({ length: 4 }, () => connect(frozen.port, "127.0.0.1"));
    for (const socket of queue) socket.on("error", () => {});
    await once(queue[0] as Socket, "connect");
    const mad = await sockets((socket) => socket.once("data", () => socket.write("+PO\r\nG!")));
    const cut = await sockets((socket) => socket.once("data", () => socket.resetAndDestroy()));
    const gone = await startRedis();
    await gone.stop();
    const child = await readInChild([
      { ping: gone.url, timeoutMs: 5000 },
      { ping: `redis://${mad.url.host}`, timeoutMs: 5000 },
      { ping: `redis://${cut.url.host}`, timeoutMs: 5000 },
      { ping: redis.url, timeoutMs: 5000 },
      { get: { url: frozen.url, key: "k" }, timeoutMs: 300 },
    ]);
    for (const socket of queue) socket.destroy();

    expect(first).toMatchObject({ code: 0, stderr: "" });
    expect(first.readings).toEqual([{ error: "redis: gave no answer within 300 ms" }]);
    expect(first.lingeredMs).toBeLessThan(1500);
    expect(child).toMatchObject({ code: 0, stderr: "" });
    expect(child.readings).toEqual([
      { error: expect.stringContaining("connect ECONNREFUSED") },
      { error: expect.stringContaining("does not speak as a Redis does") },
      { error: expect.stringContaining("ECONNRESET") },
      { value: true },
      { error: "value: gave no answer within 300 ms" },
    ]);
    expect(child.lingeredMs).toBeLessThan(1500);
  });
});

describeWithServer("redis")("a Redis behind TLS", () => {
  const ca = pem("ca.pem");

  test.each([
    { name: "no authority of ours", tls: "good" as const, pemFile: undefined, problem: 'as "ca"' },
    {
      name: "another authority",
      tls: "good" as const,
      pemFile: "good.pem",
      problem: 'given as "ca"',
    },
    { name: "another name", tls: "wrong-host" as const, pemFile: "ca.pem", problem: "ALTNAME" },
    { name: "an old certificate", tls: "expired" as const, pemFile: "ca.pem", problem: "renew it" },
  ])("is not trusted with $name", async ({ tls, pemFile, problem }) => {
    const redis = await startRedis({ tls });
    const given = pemFile === undefined ? {} : { ca: pem(pemFile) };
    const message = await failure(probe(redis.url, given));
    expect(message).toContain(`redis: PING at rediss://127.0.0.1:${redis.port}/0: `);
    expect(message).toContain(problem);
  });

  test("is up with its authority, and by no URL without TLS", async () => {
    const redis = await startRedis({ tls: "good", password: "p/w" });
    expect(await probe(redis.url, { ca })).toMatchObject({ value: true });
    const plain = await failure(probe(redis.url.replace("rediss:", "redis:")));
    expect(plain).toContain("TLS that it wants (rediss://)");
    expect(plain).not.toContain("p/w");
  });
});
