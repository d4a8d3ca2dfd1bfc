import { once } from "node:events";
import type { LookupFunction, Socket } from "node:net";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "@jest/globals";
import { SourceError } from "../../src/errors.ts";
import { getJson } from "../../src/sources/get-json.ts";
import { type HttpTargetOptions, httpTarget } from "../../src/sources/http-target.ts";
import { readSource } from "../../src/sources/source.ts";
import { VERSION } from "../../src/version.ts";
import { freePort } from "../support/free-port.ts";
import { pem } from "../support/socket-server.ts";
import {
  answering,
  expectNoSecrets,
  rawAnswer,
  serving,
  servingSockets,
  sourceErrorOf,
} from "./serving.ts";

const NEVER = new AbortController().signal;
const TOKEN = "t0k3n/of+mine";

describe("a request", () => {
  test("is a GET that asks for JSON, uncompressed, and says who asks", async () => {
    const server = await answering({ a: [1, "2", null] });
    const url = new URL("/v1/state?account=7", server.url);
    expect(await get({ url, token: TOKEN })).toEqual({ a: [1, "2", null] });
    expect(server.requests).toHaveLength(1);
    expect(server.requests[0]).toMatchObject({
      method: "GET",
      path: "/v1/state?account=7",
      headers: {
        accept: expect.stringMatching(/^application\/json/),
        "accept-encoding": "identity",
        authorization: `Bearer ${TOKEN}`,
        connection: "close",
        "user-agent": `closing-bell/${VERSION}`,
      },
    });
  });

  test("takes user-info out of the URL and sends it as basic auth", async () => {
    const server = await answering({});
    const url = new URL(server.url);
    url.username = "bell";
    url.password = "p@ss:wörd";
    await get({ url });
    const basic = Buffer.from("bell:p@ss:wörd").toString("base64");
    expect(server.requests[0]?.headers.authorization).toBe(`Basic ${basic}`);
  });

  test("goes over TLS to a certificate of the given authority", async () => {
    const server = await servingSockets(answeringRaw(rawAnswer('{"equity":"1"}')), "good");
    expect(await get({ url: server.url, ca: pem("ca.pem") })).toEqual({ equity: "1" });
  });

  test.each([
    { name: "of an unknown authority", certificate: "good", ca: undefined },
    { name: "that is over", certificate: "expired", ca: pem("ca.pem") },
    { name: "for another host", certificate: "wrong-host", ca: pem("ca.pem") },
    { name: "of its own making", certificate: "self-signed", ca: pem("ca.pem") },
  ] as const)("is not sent to a certificate $name", async (given) => {
    let received = 0;
    const server = await servingSockets(
      (socket) => socket.on("data", () => received++),
      given.certificate,
    );
    const error = await errorOf({ url: server.url, token: TOKEN, ca: given.ca });
    expect(error.message).toMatch(
      /failed: .*; check the certificate, or give its authority as ca$/s,
    );
    expect(received).toBe(0);
  });

  test("over TLS to a server without it names TLS", async () => {
    const server = await answering({});
    const url = `https://127.0.0.1:${server.url.port}/`;
    expect((await errorOf({ url })).message).toMatch(/; does it speak TLS 1.2 or later there\?$/);
  });
});

describe("an answer that is no 200", () => {
  test.each([
    { status: 400, says: "answered 400 (no), not 200" },
    { status: 401, says: "answered 401 (no); check the credentials" },
    { status: 403, says: "answered 403 (no); check the credentials" },
    { status: 404, says: "answered 404 (no); check the path in the URL" },
    { status: 429, says: "answered 429 (no): too many requests" },
    { status: 500, says: "answered 500 (no): trouble on the server's side, not here" },
    { status: 503, says: "answered 503 (no): trouble on the server's side, not here" },
    { status: 201, says: "answered 201 (no), not 200" },
  ])("$status says so, with the URL and what to do", async ({ status, says }) => {
    const server = await answering("no", status);
    const error = await errorOf({ url: new URL("/v1/x?key=abc", server.url), token: TOKEN });
    expect(error.message).toBe(`portfolio: GET ${server.url.origin}/v1/x ${says}`);
    expect(error.source).toBe("portfolio");
  });

  test("204 has nothing to say", async () => {
    const server = await answering("", 204);
    expect((await errorOf({ url: server.url })).message).toMatch(/answered 204, not 200$/);
  });

  test("429 says when to come back", async () => {
    const server = await answering("", 429, {
      "Retry-After": "30",
      "X-RateLimit-Reset": "1795000000",
    });
    expect((await errorOf({ url: server.url })).message).toMatch(
      /too many requests; Retry-After: 30, X-RateLimit-Reset: 1795000000 \(2026-11-18T11:06:40\.000Z\)$/,
    );
  });

  test("a reset that is no Unix time stands as it came", async () => {
    const server = await answering("", 429, { "X-RateLimit-Reset": "17" });
    expect((await errorOf({ url: server.url })).message).toMatch(/X-RateLimit-Reset: 17$/);
  });

  test("503 says when to come back", async () => {
    const server = await answering("", 503, { "Retry-After": "120" });
    expect((await errorOf({ url: server.url })).message).toMatch(/not here; Retry-After: 120$/);
  });

  test.each([301, 302, 303, 307, 308])("a redirect (%i) is not followed", async (status) => {
    const elsewhere = await answering({ equity: 1 });
    const location = new URL(`/login?session=${"s".repeat(20)}`, elsewhere.url).href;
    const server = await answering("", status, { Location: location });
    const error = await errorOf({ url: server.url, token: TOKEN });
    expect(error.message).toBe(
      `portfolio: GET ${server.url.origin}/ answered ${status}, a redirect to ` +
        `${elsewhere.url.origin}/login; redirects are not followed, check the URL`,
    );
    expect(elsewhere.requests).toHaveLength(0);
    expect(server.requests).toHaveLength(1);
  });

  test("a relative redirect names the whole URL, one without a place is none", async () => {
    const relative = await answering("", 302, { Location: "../login" });
    expect((await errorOf({ url: relative.url })).message).toContain(
      `${relative.url.origin}/login;`,
    );
    const nowhere = await answering("", 304);
    expect((await errorOf({ url: nowhere.url })).message).toMatch(/answered 304, not 200$/);
    const odd = await answering("", 302, { Location: "javascript:alert(1)" });
    expect((await errorOf({ url: odd.url })).message).toContain("a redirect to another scheme");
  });

  test("101 is one as well", async () => {
    const upgrade = "HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n";
    const server = await servingSockets(answeringRaw(upgrade));
    expect((await errorOf({ url: server.url })).message).toMatch(/answered 101, not 200$/);
  });

  test("is told with its status even when its body is cut off", async () => {
    const cut = "HTTP/1.1 401 No\r\nContent-Length: 100\r\n\r\nwrong k";
    const server = await servingSockets(answeringRaw(cut));
    expect((await errorOf({ url: server.url })).message).toMatch(/answered 401 \(wrong k\); check/);
  });
});

describe("a 200 that is no JSON", () => {
  test.each<{ name: string; body: string | Buffer; says: RegExp }>([
    {
      name: "a page",
      body: "<!doctype html><p>Log in",
      says: /no JSON: <!doctype html><p>Log in; check/,
    },
    { name: "half a document", body: '{"equity": "1', says: /no JSON: \{"equity": "1;/ },
    { name: "NaN", body: '{"equity": NaN}', says: /no JSON: \{"equity": NaN\}/ },
    { name: "Infinity", body: "[Infinity]", says: /no JSON/ },
    { name: "a comma too many", body: "[1,]", says: /no JSON/ },
    { name: "two documents", body: "{}{}", says: /no JSON/ },
    { name: "nothing", body: "", says: /answered nothing; check the URL$/ },
    { name: "space", body: " \n", says: /answered nothing; check the URL$/ },
    { name: "a long page", body: "<".repeat(5000), says: /no JSON: <{100}…; check the URL$/ },
    { name: "not UTF-8", body: Buffer.from([0x22, 0xff, 0x22]), says: /not UTF-8: "ÿ"$/ },
    { name: "UTF-16", body: Buffer.from('{"a":1}', "utf16le"), says: /no JSON: \{ " a " : 1 \};/ },
    { name: "2 MiB", body: `"${"x".repeat(2 << 20)}"`, says: /answered more than 1048576 bytes$/ },
  ])("$name is refused with what came back", async ({ body, says }) => {
    const server = await answering(body);
    expect((await errorOf({ url: server.url })).message).toMatch(says);
  });

  test.each([1 << 20, (1 << 20) + 1])("of %i bytes: up to 1 MiB is read", async (size) => {
    const server = await answering(`"${"x".repeat(size - 2)}"`);
    const outcome = await get({ url: server.url }).then(
      (text) => (text as string).length + 2,
      () => "refused",
    );
    expect(outcome).toBe(size === 1 << 20 ? size : "refused");
  });

  test("compressed although nobody asked for it", async () => {
    const body = gzipSync('{"equity":1}');
    const server = await answering(body, 200, { "Content-Encoding": "gzip" });
    expect((await errorOf({ url: server.url })).message).toMatch(/in the encoding gzip, which/);
  });

  test("nested 100,000 deep is read and harms nobody", async () => {
    const server = await answering(`${"[".repeat(100_000)}${"]".repeat(100_000)}`);
    expect(Array.isArray(await get({ url: server.url }))).toBe(true);
  });

  test("a byte order mark is passed over", async () => {
    const server = await answering('\ufeff{"a":1}');
    expect(await get({ url: server.url })).toEqual({ a: 1 });
  });

  test("cut off before its Content-Length", async () => {
    const server = await servingSockets(answeringRaw(rawAnswer('{"equity": 1}', 100)));
    expect((await errorOf({ url: server.url })).message).toMatch(
      /answered 200, but was cut off after 13 bytes of the body$/,
    );
  });

  test("cut off between chunks", async () => {
    const chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n[1,2]\r\n";
    const server = await servingSockets(answeringRaw(chunked));
    expect((await errorOf({ url: server.url })).message).toMatch(/cut off after 5 bytes/);
  });
});

describe("no answer", () => {
  test("where nobody listens", async () => {
    const url = `http://127.0.0.1:${await freePort()}/x`;
    const error = await errorOf({ url, token: TOKEN });
    expect(error.message).toMatch(
      /^portfolio: GET http:.*\/x failed: connect ECONNREFUSED .*; is it running there\?$/,
    );
    expect(error.cause).toMatchObject({ code: "ECONNREFUSED" });
  });

  test("from a host that is not known", async () => {
    const lookup: LookupFunction = (host, _, answer) => {
      const error = new Error(`getaddrinfo ENOTFOUND ${host}`);
      answer(Object.assign(error, { code: "ENOTFOUND" }), "");
    };
    const target = { ...httpTarget({ url: "https://api.example" }, "test"), lookup };
    const error = await sourceErrorOf(getJson("portfolio", target, NEVER));
    expect(error.message).toBe(
      "portfolio: GET https://api.example/ failed: getaddrinfo ENOTFOUND api.example; " +
        "check the host name in the URL",
    );
  });

  test("from a host whose name is looked up for ever", async () => {
    const target = { ...httpTarget({ url: "https://api.example" }, "test"), lookup: () => {} };
    const read = (signal: AbortSignal) => getJson("portfolio", target, signal);
    const reading = await readSource({ name: "portfolio", timeoutMs: 30, read }, NEVER);
    expect(reading).toMatchObject({ status: "failed" });
  });

  test("but a connection closed at once", async () => {
    const server = await servingSockets((socket) => socket.destroy());
    expect((await errorOf({ url: server.url })).message).toMatch(/failed: .*(hang up|ECONNRESET)/);
  });

  test("but another protocol", async () => {
    const server = await servingSockets((socket) => socket.end("SSH-2.0-OpenSSH_9.6\r\n"));
    const error = await errorOf({ url: server.url });
    expect(error.message).toMatch(/failed: Parse Error.*; does it speak HTTP there\?$/);
    expect(error.cause).toBeUndefined();
  });

  test("is sought when the signal has aborted before", async () => {
    const server = await answering({});
    const { href } = server.url;
    const stopped = AbortSignal.abort(new Error("SIGTERM"));
    const error = await sourceErrorOf(
      getJson("portfolio", httpTarget({ url: href }, "test"), stopped),
    );
    expect(error.message).toBe(`portfolio: GET ${href} was given up: SIGTERM`);
    expect(server.requests).toHaveLength(0);
  });
});

describe("the signal closes the connection", () => {
  const drip = (socket: Socket) => {
    socket.write(rawAnswer("[", 1 << 20));
    const timer = setInterval(() => socket.write("1,"), 2);
    socket.on("close", () => clearInterval(timer));
  };

  test.each([
    { name: "accepts and says nothing", behave: () => {} },
    { name: "drips its body", behave: drip },
    {
      name: "never ends its headers",
      behave: (socket: Socket) => socket.write("HTTP/1.1 200 OK\r\nX: "),
    },
    {
      name: "refuses and never ends saying so",
      behave: (socket: Socket) => socket.write("HTTP/1.1 500 No\r\nContent-Length: 9\r\n\r\nno"),
    },
  ])("to a server that $name", async ({ behave }) => {
    const { promise: closed, resolve } = promiseAndResolve();
    const server = await servingSockets((socket) => {
      socket.on("close", resolve);
      socket.once("data", () => behave(socket));
    });
    const target = httpTarget({ url: server.url, token: TOKEN }, "test");
    let own: Promise<unknown> = Promise.resolve();
    const read = (signal: AbortSignal) => {
      own = getJson("portfolio", target, signal);
      return own;
    };
    const reading = await readSource({ name: "portfolio", timeoutMs: 200, read }, NEVER);
    expect(reading).toMatchObject({
      status: "failed",
      error: new SourceError("portfolio", "gave no answer within 200 ms"),
    });
    expect(reading.seconds).toBeLessThan(5);
    await closed;
    await sourceErrorOf(own, [TOKEN]);
  });

  test("and so does its own end", async () => {
    const { promise: closed, resolve } = promiseAndResolve();
    const server = await serving((request, response) => {
      request.socket.on("close", resolve);
      response.end("{}");
    });
    await get({ url: server.url });
    await closed;
  });

  test("and so does an answer that is too long", async () => {
    const { promise: closed, resolve } = promiseAndResolve();
    const server = await serving((request, response) => {
      request.socket.on("close", resolve);
      // Without an end.
      response.write("x".repeat(2 << 20));
    });
    await errorOf({ url: server.url });
    await closed;
  });
});

describe("credentials are in no message", () => {
  const key = "query-key-0123456789";
  const password = "p@ss/wörd+é";

  test("of an answer that echoes them, wherever it does", async () => {
    for (const status of [200, 302, 401, 429, 500]) {
      const server = await serving((request, response) => {
        const { authorization = "" } = request.headers;
        const [, basic = ""] = authorization.split(" ");
        const plain = Buffer.from(basic, "base64").toString();
        response.writeHead(status, {
          Location: `https://login.example/${encodeURIComponent(plain)}`,
          "Retry-After": key,
          "X-RateLimit-Reset": basic,
        });
        response.end(`${key} ${authorization} ${plain} ${JSON.stringify(request.headers)}`);
      });
      const url = new URL(`/${key}/x?key=${key}`, server.url);
      url.username = "bell";
      url.password = password;
      const basic = Buffer.from(`bell:${password}`).toString("base64");
      const secrets = [key, password, encodeURIComponent(password), basic];
      const error = await sourceErrorOf(get({ url }), secrets);
      expect(error.message).toContain("***");
    }
  });

  test("of a server that answers nonsense instead of HTTP", async () => {
    const server = await servingSockets((socket) => {
      socket.once("data", (data) => socket.end(data));
    });
    const error = await errorOf({ url: server.url, token: TOKEN });
    expectNoSecrets(error, [TOKEN]);
  });
});

function get(options: HttpTargetOptions): Promise<unknown> {
  return getJson("portfolio", httpTarget(options, "test"), NEVER);
}

function errorOf(options: HttpTargetOptions): Promise<SourceError> {
  return sourceErrorOf(get(options), [TOKEN]);
}

/** Writes bytes once something was asked, and hangs up. */
function answeringRaw(bytes: string): (socket: Socket) => void {
  return (socket) => {
    once(socket, "data").then(
      () => socket.end(bytes),
      () => {},
    );
  };
}

function promiseAndResolve() {
  let resolve = () => {};
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve: () => resolve() };
}
