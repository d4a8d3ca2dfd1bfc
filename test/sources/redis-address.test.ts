import { describe, expect, test } from "@jest/globals";
import { InvalidOptionError } from "../../src/errors.ts";
import { parseRedisUrl } from "../../src/sources/redis-address.ts";

describe("parseRedisUrl", () => {
  test.each([
    {
      url: "redis://127.0.0.1",
      address: { host: "127.0.0.1", port: 6379, database: 0, label: "redis://127.0.0.1:6379/0" },
    },
    {
      url: "redis://[::1]:7000/12",
      address: { host: "::1", port: 7000, database: 12, label: "redis://[::1]:7000/12" },
    },
    {
      url: "rediss://reporter:p%40ss%2F%23@redis.example:6380/",
      address: {
        host: "redis.example",
        port: 6380,
        database: 0,
        username: "reporter",
        password: "p@ss/#",
        tls: {},
        label: "rediss://redis.example:6380/0",
      },
    },
    {
      url: "redis://:secret@redis.example",
      address: {
        host: "redis.example",
        port: 6379,
        database: 0,
        password: "secret",
        label: "redis://redis.example:6379/0",
      },
    },
  ])("takes $url apart", ({ url, address }) => {
    expect(parseRedisUrl({ url })).toEqual(address);
    expect(parseRedisUrl({ url: new URL(url) })).toEqual(address);
  });

  test.each([
    { name: "text that is no URL", url: "//secret@redis.example", problem: "is not a URL" },
    { name: "a # in the password", url: "redis://:secret#@h", problem: "%23" },
    { name: "another scheme", url: "secret://h", problem: "expected redis or rediss" },
    { name: "no host", url: "redis:secret", problem: "names no host" },
    { name: "a query", url: "redis://h/?db=secret", problem: "has a query" },
    {
      name: "a database that is no number",
      url: "redis://h/secret",
      problem: "number of a database",
    },
    { name: "a bare % in the password", url: "redis://:secret%@h", problem: "%25" },
  ])("refuses $name, and does not repeat it", ({ url, problem }) => {
    const parse = () => parseRedisUrl({ url });
    expect(parse).toThrow(InvalidOptionError);
    expect(parse).toThrow(problem);
    expect(parse).not.toThrow(/secret/);
  });

  test("refuses authorities for a connection without certificates", () => {
    expect(() => parseRedisUrl({ url: "redis://h", ca: "pem" })).toThrow("leave out ca");
    expect(parseRedisUrl({ url: "rediss://h", ca: "pem" }).tls).toEqual({ ca: "pem" });
  });
});
