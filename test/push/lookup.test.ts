import { afterEach, describe, expect, test } from "@jest/globals";
import { groupingKey } from "../../src/grouping-key.ts";
import { expositionOf } from "../../src/push/body.ts";
import { createPushClient } from "../../src/push/client.ts";
import type { HostAddress, Lookup } from "../../src/push/exchange.ts";
import { freePort } from "../support/free-port.ts";
import { serve, type TestServer } from "../support/http-server.ts";

const KEY = groupingKey("nightly");
const BODY = expositionOf(KEY, [
  { type: "gauge", name: "rows", samples: [{ labels: {}, value: 7 }] },
]);

const servers: TestServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

async function gateway(): Promise<TestServer> {
  const server = await serve((_request, response) => response.end());
  servers.push(server);
  return server;
}

/** Answers each time the same, and remembers what it was asked. */
function answering(...addresses: readonly HostAddress[]) {
  const asked: string[] = [];
  const lookup: Lookup = async (host) => {
    asked.push(host);
    return addresses;
  };
  return { lookup, asked };
}

describe("a lookup of one's own", () => {
  test("is asked for the gateway's host, once per connection", async () => {
    const { url, requests } = await gateway();
    const { lookup, asked } = answering({ address: "127.0.0.1", family: 4 });
    const client = createPushClient({ url: `http://gateway.test:${url.port}`, lookup });

    await client.push(KEY, BODY);
    await client.push(KEY, BODY);

    expect(asked).toEqual(["gateway.test"]);
    expect(requests.map(({ headers }) => headers.host)).toEqual([
      `gateway.test:${url.port}`,
      `gateway.test:${url.port}`,
    ]);
  });

  test("may give several addresses, which are tried in turn", async () => {
    const { url } = await gateway();
    const { lookup } = answering(
      { address: "::1", family: 6 },
      { address: "127.0.0.1", family: 4 },
    );
    const client = createPushClient({ url: `http://gateway.test:${url.port}`, lookup });

    expect(await client.push(KEY, BODY)).toMatchObject({ status: "accepted" });
  });

  test("is not asked for an address", async () => {
    const { url } = await gateway();
    const { lookup, asked } = answering();

    await createPushClient({ url, lookup }).push(KEY, BODY);

    expect(asked).toEqual([]);
  });

  test("that finds nothing makes an error that says what to check", async () => {
    const { lookup } = answering();
    const client = createPushClient({ url: `http://gateway.test:${await freePort()}`, lookup });

    await expect(client.push(KEY, BODY, { attempts: 1 })).rejects.toMatchObject({
      code: "ERR_PUSH",
      retryable: true,
      message: expect.stringMatching(/ENOTFOUND gateway\.test; check the host name/),
    });
  });

  test("that rejects makes an error with its reason", async () => {
    const lookup: Lookup = () => Promise.reject(new Error("no idea"));
    const client = createPushClient({ url: "http://gateway.test:9091", lookup });

    await expect(client.push(KEY, BODY)).rejects.toThrow(/no idea/);
  });

  test.each<{ name: string; timeoutMs: number; signal?: () => AbortSignal; says: RegExp }>([
    { name: "at the client's deadline", timeoutMs: 50, says: /no whole answer within 50 ms/ },
    {
      name: "when the caller gives up",
      timeoutMs: 60_000,
      signal: () => AbortSignal.timeout(50),
      says: /ended by the caller/,
    },
  ])("that hangs is told to give up $name", async ({ timeoutMs, signal, says }) => {
    let toldToGiveUp = false;
    const lookup: Lookup = (_host, ends) =>
      new Promise((_, reject) => {
        ends.addEventListener("abort", () => {
          toldToGiveUp = true;
          reject(ends.reason);
        });
      });
    const client = createPushClient({ url: "http://gateway.test:9091", lookup, timeoutMs });

    await expect(client.push(KEY, BODY, signal ? { signal: signal() } : {})).rejects.toThrow(says);
    expect(toldToGiveUp).toBe(true);
  });
});
