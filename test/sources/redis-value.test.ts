import { afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { SourceError } from "../../src/errors.ts";
import { createRedisValue } from "../../src/sources/redis-value.ts";
import { type RealRedis, startRedis } from "../support/redis.ts";
import { describeWithServer } from "../support/servers.ts";
import { type SocketServer, serveSockets } from "../support/socket-server.ts";

const NEVER = new AbortController().signal;

describeWithServer("redis")("a value in Redis", () => {
  let redis: RealRedis;

  beforeAll(async () => {
    redis = await startRedis({ password: "pw" });
    await redis.command("SET", "risk:halted", "über");
    await redis.command("SET", "empty", "");
    await redis.command("HSET", "state", "started", "1767605400");
  });

  test.each([
    { name: "a key", options: { key: "risk:halted" }, value: "über" },
    { name: "an empty key", options: { key: "empty" }, value: "" },
    { name: "a key that is not there", options: { key: "nowhere" }, value: null },
    { name: "a key of another database", options: { key: "risk:halted" }, path: "/1", value: null },
    { name: "a field", options: { key: "state", field: "started" }, value: "1767605400" },
    { name: "a field that is not there", options: { key: "state", field: "no" }, value: null },
    { name: "a field of no hash", options: { key: "nowhere", field: "no" }, value: null },
  ])("is read: $name", async ({ options, path = "", value }) => {
    const source = createRedisValue({ url: `${redis.url}${path}`, ...options });
    expect(await source.read(NEVER)).toBe(value);
  });

  test("is described without the password", () => {
    const place = `at redis://127.0.0.1:${redis.port}/0`;
    const { describe } = createRedisValue({ url: redis.url, key: "state", field: "started" });
    expect(describe).toBe(`HGET "state" "started" ${place}`);
    expect(createRedisValue({ url: redis.url, key: "k" }).describe).toBe(`GET "k" ${place}`);
  });

  test.each([
    { options: { key: "state" }, problem: 'if it is a hash, say which "field" is meant' },
    { options: { key: "risk:halted", field: "x" }, problem: 'leave out "field"' },
  ])("of another type is an error: $problem", async ({ options, problem }) => {
    const reading = createRedisValue({ url: redis.url, ...options }).read(NEVER);
    await expect(reading).rejects.toThrow(SourceError);
    await expect(reading).rejects.toThrow(/: WRONGTYPE Operation against a key/);
    await expect(reading).rejects.toThrow(problem);
  });

  test("of a key that the user may not read is an error", async () => {
    await redis.command("ACL", "SETUSER", "bob", "on", ">pw", "~other", "+get");
    const url = `redis://bob:pw@127.0.0.1:${redis.port}`;
    const reading = createRedisValue({ url, key: "risk:halted" }).read(NEVER);
    await expect(reading).rejects.toThrow("ACL SETUSER bob +get ~risk:halted");
  });
});

describe("a value of what is no Redis", () => {
  let server: SocketServer | undefined;

  afterEach(() => server?.close());

  test.each([
    { reply: ":1\r\n", got: "a number" },
    { reply: "*1\r\n$1\r\n1\r\n", got: "a list" },
    { reply: "$9\r\n1\r\n", got: "hung up before a whole reply came" },
  ])("is an error: $got", async ({ reply, got }) => {
    server = await serveSockets((socket) => socket.once("data", () => socket.end(reply)));
    const reading = createRedisValue({ url: `redis://${server.url.host}`, key: "k" }).read(NEVER);
    await expect(reading).rejects.toThrow(SourceError);
    await expect(reading).rejects.toThrow(got);
  });

  test("or of nothing: options are looked at first", () => {
    expect(() => createRedisValue({ url: "redis://h", key: "" })).toThrow("key is empty");
    const options = { url: "redis://h", key: "k", fields: "f" };
    expect(() => createRedisValue(options)).toThrow('did you mean "field"?');
  });
});
