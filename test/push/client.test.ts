import type { AddressInfo } from "node:net";
import { createServer, type Server, type Socket } from "node:net";
import { gunzipSync } from "node:zlib";
import { afterEach, describe, expect, test } from "@jest/globals";
import { PushError } from "../../src/errors.ts";
import { groupingKey } from "../../src/grouping-key.ts";
import type { MetricFamily } from "../../src/metrics/exposition/family.ts";
import { expositionOf } from "../../src/push/body.ts";
import { createPushClient, type PushClientOptions } from "../../src/push/client.ts";
import { VERSION } from "../../src/version.ts";
import { type RequestHandler, serve } from "../support/http-server.ts";
import { manualClock } from "../support/manual-clock.ts";

const KEY = groupingKey("nightly", { strategy: "a/b" });
const BODY = expositionOf(KEY, [gauge("rows", 7)]);

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

describe("what a gateway receives", () => {
  test.each([
    { verb: "push", method: "PUT" },
    { verb: "pushAdd", method: "POST" },
  ] as const)("$verb is a $method of the text to the group's path", async ({ verb, method }) => {
    const server = await gatewayAnswering(200);
    const receipt = await clientOf(server.url)[verb](KEY, BODY);

    expect(receipt).toMatchObject({ status: "accepted", attempts: 1, bytes: BODY.bytes.length });
    const [request] = server.requests;
    expect(request).toMatchObject({
      method,
      path: "/metrics/job/nightly/strategy@base64/YS9i",
      headers: {
        "content-type": "text/plain; version=0.0.4; charset=utf-8",
        "content-length": `${BODY.bytes.length}`,
        "user-agent": `closing-bell/${VERSION}`,
      },
    });
    expect(request?.headers).not.toHaveProperty("transfer-encoding");
    expect(request?.body.toString()).toBe("# TYPE rows gauge\nrows 7\n");
  });

  test("delete is a DELETE without a body, confirmed by 202", async () => {
    const server = await gatewayAnswering(202);
    expect(await clientOf(server.url).delete(KEY)).toMatchObject({ status: "accepted" });
    expect(server.requests[0]).toMatchObject({ method: "DELETE", body: Buffer.alloc(0) });
  });

  test("a path prefix is kept, with and without a slash at its end", async () => {
    const server = await gatewayAnswering(200);
    await clientOf(new URL("/prom/gate", server.url)).push(KEY, BODY);
    await clientOf(new URL("/prom/gate/", server.url)).push(KEY, BODY);
    const expected = "/prom/gate/metrics/job/nightly/strategy@base64/YS9i";
    expect(server.requests.map(({ path }) => path)).toEqual([expected, expected]);
  });

  test("user-info in the URL is sent as basic auth and shown nowhere", async () => {
    const server = await gatewayAnswering(200);
    const url = new URL(server.url);
    url.username = "bell";
    url.password = "p@ss:wörd";
    const client = clientOf(url);
    await client.push(KEY, BODY);
    const expected = `Basic ${Buffer.from("bell:p@ss:wörd").toString("base64")}`;
    expect(server.requests[0]?.headers.authorization).toBe(expected);
    expect(client.gateway).toBe(server.url.origin);
  });

  test("a bearer token is sent as such", async () => {
    const server = await gatewayAnswering(200);
    await clientOf(server.url, { credentials: { type: "bearer", token: "t0ken" } }).push(KEY, BODY);
    expect(server.requests[0]?.headers.authorization).toBe("Bearer t0ken");
  });

  test("a large body is compressed, and says so each time", async () => {
    const server = await gatewayAnswering(200);
    const large = expositionOf(KEY, [
      {
        type: "gauge",
        name: "g",
        samples: Array.from({ length: 2000 }, (_, i) => ({ labels: { i: `${i}` }, value: i })),
      },
    ]);
    const client = clientOf(server.url);
    await client.push(KEY, large);
    await client.delete(KEY);
    await client.push(KEY, large);
    const pushes = server.requests.filter(({ method }) => method === "PUT");
    expect(pushes).toHaveLength(2);
    for (const { headers, body } of pushes) {
      expect(headers["content-encoding"]).toBe("gzip");
      expect(headers["content-length"]).toBe(`${body.length}`);
      expect(gunzipSync(body).equals(large.bytes)).toBe(true);
    }
  });

  test("one connection serves many pushes", async () => {
    const sockets = new Set<unknown>();
    const server = await started((request, response) => {
      sockets.add(request.socket);
      response.end();
    });
    const client = clientOf(server.url);
    for (let push = 0; push < 5; push++) await client.push(KEY, BODY);
    expect(sockets.size).toBe(1);
  });
});

describe("what counts as success", () => {
  test("202 to a push is taken, and called unchecked", async () => {
    const server = await gatewayAnswering(202);
    expect(await clientOf(server.url).push(KEY, BODY)).toMatchObject({ status: "unchecked" });
  });

  test.each([
    { name: "201", status: 201, headers: {}, body: "" },
    { name: "204", status: 204, headers: {}, body: "" },
    {
      name: "a login page with 200",
      status: 200,
      headers: { "Content-Type": "text/html; charset=utf-8" },
      body: "<html>Sign in</html>",
    },
    {
      name: "a login page whose type is spelt otherwise",
      status: 200,
      headers: { "Content-Type": "Text/HTML;charset=utf-8" },
      body: "<html>",
    },
    { name: "301", status: 301, headers: { Location: "/metrics/job/nightly" }, body: "" },
    {
      name: "307 to another host",
      status: 307,
      headers: { Location: "http://192.0.2.1/x" },
      body: "",
    },
    { name: "400", status: 400, headers: {}, body: "inconsistent" },
    { name: "401", status: 401, headers: {}, body: "Unauthorized" },
    { name: "404", status: 404, headers: {}, body: "404 page not found" },
  ])("$name is an error after one request", async ({ status, headers, body }) => {
    const server = await started((_, response) => {
      response.writeHead(status, headers).end(body);
    });
    const error = await pushFailure(server.url);
    expect(error).toMatchObject({ code: "ERR_PUSH", status, retryable: false });
    expect(server.requests).toHaveLength(1);
  });

  test("a redirect's error names where it leads and what to check", async () => {
    const server = await started((_, response) => {
      response.writeHead(302, { Location: "https://login.example/" }).end();
    });
    const { message } = await pushFailure(server.url);
    expect(message).toBe(
      `PUT {job="nightly",strategy="a/b"} at ${server.url.origin}: redirected (302) to https://login.example/; redirects are not followed, check the gateway URL`,
    );
  });
});

describe("what is tried again", () => {
  test.each([500, 502, 503, 429])("%i once, and no more", async (status) => {
    const server = await gatewayAnswering(status);
    expect(await pushFailure(server.url)).toMatchObject({ status, retryable: true });
    expect(server.requests).toHaveLength(2);
  });

  test("503 and then 200 is a success", async () => {
    let answers = 0;
    const server = await started((_, response) => {
      response.writeHead(answers++ === 0 ? 503 : 200).end();
    });
    expect(await clientOf(server.url).push(KEY, BODY)).toMatchObject({ attempts: 2 });
  });

  test("not when Retry-After lies beyond the deadline", async () => {
    const server = await started((_, response) => {
      response.writeHead(429, { "Retry-After": "3600" }).end();
    });
    expect(await pushFailure(server.url)).toMatchObject({ status: 429 });
    expect(server.requests).toHaveLength(1);
  });

  test("not when Retry-After is a date beyond the deadline", async () => {
    const server = await started((_, response) => {
      response.writeHead(503, { "Retry-After": "Wed, 21 Oct 2015 07:29:00 GMT" }).end();
    });
    const clock = manualClock(Date.parse("2015-10-21T07:28:00Z") / 1000);
    await expect(clientOf(server.url, { clock }).push(KEY, BODY)).rejects.toThrow("503");
    expect(server.requests).toHaveLength(1);
  });

  test("a kept-alive connection that the other side has closed meanwhile", async () => {
    const server = await started((request, response) => {
      // Answered in full, then gone without a word: what a frozen function finds when it thaws.
      response.end(() => request.socket.destroy());
    });
    const client = clientOf(server.url);
    for (let push = 0; push < 5; push++) {
      expect(await client.push(KEY, BODY)).toMatchObject({ status: "accepted" });
    }
    expect(server.requests).toHaveLength(5);
  });

  test("a closed port, and the error asks whether the gateway runs", async () => {
    const server = await gatewayAnswering(200);
    await server.close();
    const error = await pushFailure(server.url);
    expect(error).toMatchObject({ status: undefined, retryable: true, notSent: true });
    expect(error.message).toMatch(/ECONNREFUSED 127\.0\.0\.1:\d+; is the gateway running there\?$/);
  });
});

describe("with one attempt, nothing is tried again:", () => {
  test.each<{ name: string; handler: RequestHandler }>([
    { name: "a 500", handler: (_, response) => response.writeHead(500).end() },
    { name: "a 429", handler: (_, response) => response.writeHead(429).end() },
    { name: "no answer", handler: (request) => request.socket.destroy() },
  ])("$name", async ({ handler }) => {
    const server = await started(handler);
    const client = clientOf(server.url);
    for (const call of [
      client.push(KEY, BODY, { attempts: 1 }),
      client.pushAdd(KEY, BODY, { attempts: 1 }),
      client.delete(KEY, { attempts: 1 }),
      client.get("/-/ready", { attempts: 1 }),
    ]) {
      await expect(call).rejects.toMatchObject({ code: "ERR_PUSH", retryable: true });
    }
    expect(server.requests.map(({ method }) => method).sort()).toEqual([
      "DELETE",
      "GET",
      "POST",
      "PUT",
    ]);
  });

  test("not even a kept-alive connection that was closed meanwhile", async () => {
    const server = await started((request, response) => {
      response.end(() => request.socket.destroy());
    });
    const client = clientOf(server.url);
    for (let push = 0; push < 5; push++) {
      await client.push(KEY, BODY, { attempts: 1 }).catch(() => {});
    }
    const [attempts] = client.metrics
      .families()
      .filter(({ name }) => name === "closing_bell_push_attempts_total");
    expect(attempts?.samples).toMatchObject([{ value: 5 }]);
  });
});

describe("the deadline holds against", () => {
  const timeoutMs = 300;

  test.each<{ name: string; serve: (socket: Socket) => void }>([
    { name: "a server that says nothing", serve: () => {} },
    {
      name: "a server that drips its head",
      serve: (socket) => drip(socket, "HTTP/1.1 200 OK\r\nX: "),
    },
    {
      name: "a server that drips its body",
      serve: (socket) => drip(socket, "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"),
    },
    {
      name: "a body that never comes",
      serve: (socket) => socket.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nok"),
    },
  ])("$name", async ({ serve: misbehave }) => {
    const url = await rawServer((socket) => {
      socket.once("data", () => misbehave(socket));
    });
    const error = await pushFailure(url, { timeoutMs });
    expect(error).toMatchObject({ status: undefined, retryable: true, notSent: false });
    expect(error.message).toContain(`no whole answer within ${timeoutMs} ms`);
  });

  test("a caller who gives up earlier is told so", async () => {
    const url = await rawServer(() => {});
    const caller = new AbortController();
    const push = clientOf(url).push(KEY, BODY, { signal: caller.signal });
    caller.abort();
    await expect(push).rejects.toThrow("ended by the caller");
  });
});

test("a switch to another protocol is an answer, and no success", async () => {
  const url = await rawServer((socket) => {
    socket.once("data", () => {
      socket.write(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
      );
    });
  });
  expect(await pushFailure(url)).toMatchObject({ status: 101, retryable: false });
});

describe("half an answer is no answer", () => {
  test("reset at every byte of the answer's head and body", async () => {
    const answer = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n";
    const cuts = Array.from(answer, (_, cut) => cut);
    const failures = cuts.map(async (cut) => {
      const url = await rawServer((socket) => {
        socket.once("data", () => socket.write(answer.slice(0, cut), () => socket.destroy()));
      });
      return pushFailure(url);
    });
    expect(await Promise.all(failures)).toHaveLength(answer.length);
  });

  test("an endless answer is read no further than 64 KB, and is an error", async () => {
    let sent = 0;
    const url = await rawServer((socket) => {
      socket.once("data", () => {
        socket.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        const chunk = `4000\r\n${"x".repeat(0x4000)}\r\n`;
        const pump = () => {
          while (!socket.destroyed && socket.write(chunk)) sent += 0x4000;
        };
        socket.on("drain", pump);
        pump();
      });
    });
    const error = await pushFailure(url);
    expect(error.message).toContain("the answer is not a gateway's");
    // What it managed to send before we hung up sits in socket buffers, not in our memory.
    expect(sent).toBeLessThan(64 * 1024 * 1024);
    expect(error.message.length).toBeLessThan(1000);
  });
});

test("secrets that a server echoes do not reach the message", async () => {
  const server = await started((request, response) => {
    response.writeHead(400).end(`bad header ${request.headers.authorization} for s3cret\u001b[31m`);
  });
  const url = new URL(server.url);
  url.username = "bell";
  url.password = "s3cret";
  const { message } = await pushFailure(url);
  expect(message).toContain("bad header Basic *** for ***");
  expect(message).not.toContain("s3cret");
  expect(message).not.toContain("\u001b");
});

test.each<{ name: string; options: PushClientOptions; message: string }>([
  {
    name: "an unknown option",
    options: { url: "http://a", timeout: 5 } as never,
    message: 'did you mean "timeoutMs"?',
  },
  { name: "no time at all", options: { url: "http://a", timeoutMs: 0 }, message: "timeoutMs" },
  {
    name: "endless time",
    options: { url: "http://a", timeoutMs: Number.POSITIVE_INFINITY },
    message: "timeoutMs",
  },
  { name: "no URL", options: { url: "gateway:9091/x y" }, message: "expected http or https" },
])("a client is refused with $name", ({ options, message }) => {
  expect(() => createPushClient(options)).toThrow(message);
});

function gauge(name: string, value: number): MetricFamily {
  return { type: "gauge", name, samples: [{ labels: {}, value }] };
}

function clientOf(url: URL, options: Partial<PushClientOptions> = {}) {
  const client = createPushClient({ url, ...options });
  cleanups.push(() => client.close());
  return client;
}

async function pushFailure(url: URL, options?: Partial<PushClientOptions>): Promise<PushError> {
  const settled = await clientOf(url, options)
    .push(KEY, BODY)
    .then(
      (receipt) => receipt,
      (error: unknown) => error,
    );
  expect(settled).toBeInstanceOf(PushError);
  return settled as PushError;
}

async function started(handler: RequestHandler) {
  const server = await serve(handler);
  cleanups.push(() => server.close());
  return server;
}

function gatewayAnswering(status: number) {
  return started((_, response) => {
    response.writeHead(status).end();
  });
}

/** A server below HTTP: it writes the bytes of its answer itself. */
async function rawServer(connected: (socket: Socket) => void): Promise<URL> {
  const open = new Set<Socket>();
  const server: Server = createServer((socket) => {
    open.add(socket);
    // The client hangs up on it: that is the point.
    socket.on("error", () => {});
    connected(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  cleanups.push(() => {
    for (const socket of open) socket.destroy();
    server.close();
  });
  return new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
}

function drip(socket: Socket, head: string): void {
  socket.write(head);
  const timer = setInterval(() => socket.write("x"), 20);
  socket.on("close", () => clearInterval(timer));
}
