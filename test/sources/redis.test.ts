import { describe, expect, test } from "@jest/globals";
import { createRedisProbe } from "../../src/sources/probes/redis.ts";
import { serve } from "../support/http-server.ts";
import { failure, probe, sockets } from "./redis-probe.ts";

describe("what is no Redis, or not for us", () => {
  test("an HTTP server", async () => {
    const server = await serve((_, response) => response.end("hello"));
    const plain = await failure(probe(`redis://${server.url.host}`));
    const tls = await failure(probe(`rediss://${server.url.host}`));
    await server.close();
    expect(plain).toContain('does not speak as a Redis does (Unknown RESP type 72 "H")');
    expect(tls).toContain("no TLS there: use redis://");
  });

  test.each([
    { name: "prose", reply: "220 mail.example ESMTP\r\n", problem: "does not speak as a Redis" },
    { name: "another word", reply: "+PANG\r\n", problem: "no PONG came back" },
    { name: "a number", reply: ":1\r\n", problem: "no PONG came back" },
    { name: "null", reply: "$-1\r\n", problem: "no PONG came back" },
    { name: "a list in lists", reply: `${"*1\r\n".repeat(50)}:1\r\n`, problem: "no PONG" },
    {
      name: "more than was asked",
      reply: "+PONG\r\n+PONG\r\n",
      problem: "does not speak as a Redis",
    },
    { name: "half a reply", reply: "+PO", problem: "hung up before a whole reply came" },
    { name: "nothing", reply: "", problem: "hung up before a whole reply came" },
    { name: "loading", reply: "-LOADING Redis is loading\r\n", problem: "still reading its data" },
    {
      name: "a cluster",
      reply: "-MOVED 1 10.0.0.2:7002\r\n",
      problem: "keeps this key on 10.0.0.2:7002",
    },
    { name: "an unknown error", reply: "-ODD thing.\r\n", problem: "/0: ODD thing" },
    { name: "control characters", reply: "-ODD \u001b[2Jthing\r\n", problem: "ODD  [2Jthing" },
  ])("answers with $name", async ({ reply, problem }) => {
    const server = await sockets((socket) => socket.once("data", () => socket.end(reply)));
    expect(await failure(probe(`redis://${server.url.host}`))).toContain(problem);
  });

  test("repeats the password, whole or cut", async () => {
    const echo = "-ERR unknown command 'AUTH', with args beginning with: 'geh\r\n";
    const server = await sockets((socket) =>
      socket.once("data", () => socket.end(server.connections() > 1 ? "-NO geheim\r\n" : echo)),
    );
    const url = `redis://:geheim@${server.url.host}`;
    expect(await failure(probe(url))).toContain("ERR unknown command 'AUTH'; is this a Redis?");
    expect(await failure(probe(url))).toMatch(/: NO \*\*\*$/);
  });

  test.each(["redis", "rediss"])(
    "is silent: the connection of %s:// ends with the reading",
    async (scheme) => {
      const stop = new AbortController();
      let hungUp = () => {};
      const closed = new Promise<void>((resolve) => {
        hungUp = resolve;
      });
      const server = await sockets((socket) => {
        socket.resume().on("close", hungUp);
        // It has asked, or offered TLS, and waits.
        socket.once("data", () => stop.abort("stopped"));
      });
      const source = createRedisProbe({ name: "redis", url: `${scheme}://${server.url.host}` });
      await expect(source.read(stop.signal)).rejects.toBe("stopped");
      await closed;
    },
  );

  test("a reading that was stopped before it began connects to nobody", async () => {
    const server = await sockets((socket) => socket.end());
    const source = createRedisProbe({ name: "redis", url: `redis://${server.url.host}` });
    await expect(source.read(AbortSignal.abort("stopped"))).rejects.toBe("stopped");
    expect(server.connections()).toBe(0);
  });

  test("unknown options", () => {
    const options = { name: "redis", url: "redis://h", timeout: 1 };
    expect(() => createRedisProbe(options)).toThrow('did you mean "timeoutMs"?');
  });
});
