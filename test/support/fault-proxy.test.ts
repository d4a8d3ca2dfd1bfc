import { request as openRequest } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, expect, test } from "@jest/globals";
import { type Fault, type FaultProxy, type FaultRequest, startFaultProxy } from "./fault-proxy.ts";
import { type RequestHandler, serve, type TestServer } from "./http-server.ts";
import { serveSockets } from "./socket-server.ts";

const opened: { close: () => Promise<void> }[] = [];

afterEach(async () => {
  for (const each of opened.splice(0).reverse()) await each.close();
});

test("what is passed arrives as it was sent, and comes back as it was answered", async () => {
  const { upstream, proxy } = await before(
    () => ({ type: "pass" }),
    (_, response) => response.writeHead(202, { "x-store": "queued" }).end("taken"),
  );

  const response = await fetch(new URL("/metrics/job@base64/YS9i?x=%2F", proxy.url), {
    method: "PUT",
    headers: { authorization: "Basic c2VjcmV0" },
    body: "rows 3\n",
  });

  expect(response.status).toBe(202);
  expect(response.headers.get("x-store")).toBe("queued");
  expect(await response.text()).toBe("taken");
  expect(upstream.requests).toMatchObject([
    {
      method: "PUT",
      path: "/metrics/job@base64/YS9i?x=%2F",
      headers: { authorization: "Basic c2VjcmV0" },
      body: Buffer.from("rows 3\n"),
    },
  ]);
  expect(proxy.requests).toMatchObject([
    { method: "PUT", index: 0, fault: "pass", upstreamStatus: 202, isLate: false },
  ]);
});

test("the fault is chosen per request", async () => {
  const seen: FaultRequest[] = [];
  const { proxy, upstream } = await before((request) => {
    seen.push(request);
    return request.index === 0 ? { type: "answer", status: 500 } : { type: "pass" };
  });

  expect((await fetch(new URL("/a", proxy.url))).status).toBe(500);
  expect((await fetch(new URL("/b", proxy.url), { method: "DELETE" })).status).toBe(200);

  expect(seen).toMatchObject([
    { method: "GET", path: "/a", index: 0 },
    { method: "DELETE", path: "/b", index: 1 },
  ]);
  expect(upstream.requests).toMatchObject([{ path: "/b" }]);
});

test.each([
  { name: "before it is passed on", fault: { type: "delay", forwardMs: 40 } },
  { name: "before it is answered", fault: { type: "delay", answerMs: 40 } },
] as const)("a request is held up $name", async ({ fault }) => {
  const { proxy } = await before(() => fault);
  const started = performance.now();
  expect((await fetch(proxy.url)).status).toBe(200);
  expect(performance.now() - started).toBeGreaterThan(35);
});

test("a request that is held up arrives although its client gave up", async () => {
  const { proxy, upstream } = await before(() => ({ type: "delay", forwardMs: 300 }));
  const gaveUp = new AbortController();
  const push = fetch(proxy.url, { method: "PUT", body: "a 1\n", signal: gaveUp.signal });
  const outcome = push.then(
    () => "answered",
    () => "given up",
  );
  await until(() => proxy.requests.length === 1);
  gaveUp.abort();
  expect(await outcome).toBe("given up");
  await until(() => upstream.requests.length === 1);
  expect(upstream.requests[0]?.body.toString()).toBe("a 1\n");
});

test("a request that was answered with 504 stays outstanding, and is carried out late", async () => {
  let release = () => {};
  const { proxy } = await before(
    () => ({ type: "gateway-timeout", afterMs: 20 }),
    (_, response) => {
      release = () => response.end();
    },
  );

  const response = await fetch(proxy.url, { method: "PUT", body: "a 1\n" });
  expect(response.status).toBe(504);
  await response.text();
  expect(proxy.requests[0]).toMatchObject({ isLate: true });
  expect(proxy.requests[0]?.upstreamStatus).toBeUndefined();

  release();
  await until(() => proxy.requests[0]?.upstreamStatus === 200);
});

test("a request that was answered with 504 may arrive only then", async () => {
  const { proxy, upstream } = await before(() => {
    return { type: "gateway-timeout", afterMs: 10, forwardMs: 300 };
  });
  expect((await fetch(proxy.url)).status).toBe(504);
  expect(upstream.requests).toEqual([]);
  await until(() => proxy.requests[0]?.upstreamStatus === 200);
  expect(upstream.requests).toHaveLength(1);
});

test("an upstream that answers in time is no gateway timeout", async () => {
  const { proxy } = await before(() => ({ type: "gateway-timeout", afterMs: 5000 }));
  expect((await fetch(proxy.url)).status).toBe(200);
  expect(proxy.requests[0]).toMatchObject({ upstreamStatus: 200, isLate: false });
});

test("a scripted answer has its status, headers and body, and goes no further", async () => {
  const headers = { "retry-after": "2", location: "/elsewhere" };
  const { proxy, upstream } = await before(() => {
    return { type: "answer", status: 307, headers, body: "over there" };
  });
  const response = await fetch(proxy.url, { redirect: "manual" });
  expect(response.status).toBe(307);
  expect(response.headers.get("retry-after")).toBe("2");
  expect(response.headers.get("location")).toBe("/elsewhere");
  expect(await response.text()).toBe("over there");
  expect(upstream.requests).toEqual([]);
});

test("an upstream that is not there is a 502", async () => {
  const { proxy, upstream } = await before(() => ({ type: "pass" }));
  await upstream.close();
  expect((await fetch(proxy.url)).status).toBe(502);
});

test.each<{ name: string; fault: Fault; code: string; arrived: number }>([
  { name: "half-closed", fault: { type: "half-close" }, code: "ECONNRESET", arrived: 1 },
  {
    name: "cut in its answer's head",
    fault: { type: "cut-answer", bytes: 9 },
    code: "ECONNRESET",
    arrived: 1,
  },
  {
    name: "cut before its answer",
    fault: { type: "cut-answer", bytes: 0 },
    code: "ECONNRESET",
    arrived: 1,
  },
  {
    name: "reset on its way there",
    fault: { type: "cut-request", bodyBytes: 4, how: "reset" },
    code: "ECONNRESET",
    arrived: 0,
  },
  { name: "stalled", fault: { type: "stall" }, code: "ETIMEDOUT", arrived: 0 },
])("an exchange that is $name has no whole answer", async ({ fault, code, arrived }) => {
  const { proxy, upstream } = await before(() => fault);
  expect(await put(proxy.url, "a 1\nb 2\n", code === "ETIMEDOUT" ? 100 : undefined)).toBe(code);
  expect(upstream.requests).toHaveLength(arrived);
});

test.each([0, 4, 6])("a body is cut after %d bytes and closed cleanly there", async (bodyBytes) => {
  let received = "";
  const upstream = await serveSockets((socket) => {
    socket.on("data", (chunk) => {
      received += chunk;
    });
    socket.on("end", () => socket.end("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
  });
  opened.push(upstream);
  const proxy = await proxied(upstream.url, () => {
    return { type: "cut-request", bodyBytes, how: "half-close" };
  });

  expect(await put(proxy.url, "a 1\nb 2\n")).toBe("ECONNRESET");

  const [head = "", body] = received.split("\r\n\r\n");
  expect(head.toLowerCase()).toContain("content-length: 8");
  expect(body).toBe("a 1\nb 2\n".slice(0, bodyBytes));
  expect(proxy.requests[0]?.upstreamStatus).toBe(200);
});

test("an endless answer goes on until its client has enough, and no faster than it reads", async () => {
  const { proxy } = await before(() => ({ type: "endless-answer" }));
  const response = await fetch(proxy.url);
  const reader = response.body?.getReader();
  let bytes = 0;
  while (bytes < 2 ** 20) bytes += (await reader?.read())?.value?.length ?? Number.NaN;
  const { arrayBuffers } = process.memoryUsage();
  await sleep(50);
  expect(process.memoryUsage().arrayBuffers - arrayBuffers).toBeLessThan(8 * 2 ** 20);
  await reader?.cancel();
});

test("a close ends what is stalled, delayed or outstanding", async () => {
  const silent = await serveSockets(() => {});
  opened.push(silent);
  const faults: Fault[] = [
    { type: "stall" },
    { type: "delay", forwardMs: 60_000 },
    { type: "pass" },
    { type: "gateway-timeout", afterMs: 60_000 },
  ];
  const proxy = await startFaultProxy(silent.url, ({ index }) => {
    return faults[index] ?? { type: "stall" };
  });
  const answers = faults.map(() => put(proxy.url, "", 60_000));
  await until(() => proxy.requests.length === faults.length);

  await proxy.close();

  expect(await Promise.all(answers)).toEqual(faults.map(() => "ECONNRESET"));
});

async function before(
  faultOf: (request: FaultRequest) => Fault,
  handler: RequestHandler = (_, response) => response.end(),
): Promise<{ proxy: FaultProxy; upstream: TestServer }> {
  const upstream = await serve(handler);
  opened.push(upstream);
  return { upstream, proxy: await proxied(upstream.url, faultOf) };
}

async function proxied(
  upstream: URL,
  faultOf: (request: FaultRequest) => Fault,
): Promise<FaultProxy> {
  const proxy = await startFaultProxy(upstream, faultOf);
  opened.push(proxy);
  return proxy;
}

/** Status of a whole answer, or the code of what went wrong with it. */
function put(url: URL, body: string, timeoutMs = 5000): Promise<number | string> {
  return new Promise((resolve) => {
    const request = openRequest(url, { method: "PUT", agent: false });
    const timer = setTimeout(() => {
      request.destroy(Object.assign(new Error("no answer"), { code: "ETIMEDOUT" }));
    }, timeoutMs);
    const settle = (outcome: number | string) => {
      clearTimeout(timer);
      resolve(outcome);
    };
    request.on("error", (error: NodeJS.ErrnoException) => settle(error.code ?? error.message));
    request.on("response", (response) => {
      response.on("error", (error: NodeJS.ErrnoException) => settle(error.code ?? error.message));
      response.on("end", () => settle(response.statusCode ?? 0));
      response.resume();
    });
    request.end(body);
  });
}

async function until(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 5000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error("not within 5 s");
    await sleep(2);
  }
}
