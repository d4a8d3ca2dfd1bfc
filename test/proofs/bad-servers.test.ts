import { connect, type Socket } from "node:net";
import { afterAll, describe, expect, test } from "@jest/globals";
import { Pushgateway, Registry, Gauge as TheirGauge } from "prom-client";
import { PushError } from "../../src/errors.ts";
import { groupingKey } from "../../src/grouping-key.ts";
import type { MetricFamily } from "../../src/metrics/exposition/family.ts";
import { type Exposition, expositionOf } from "../../src/push/body.ts";
import { createPushClient } from "../../src/push/client.ts";
import { startPushgateway } from "../../src/pushgateway/server.ts";
import { printTable } from "../support/print-table.ts";
import { pem, type SocketServer, serveSockets } from "../support/socket-server.ts";

/** Deadline given to both clients. */
const TIMEOUT_MS = 500;
/** How long a client is watched before it counts as hanging. */
const PATIENCE_MS = 3000;

const KEY = groupingKey("nightly", { strategy: "momentum" });
const BODY = expositionOf(KEY, [rows(7)]);

type Outcome = { readonly what: "accepted" | "unchecked" | "error" | "hangs"; readonly ms: number };

type BadServer = {
  readonly name: string;
  readonly serve: (socket: Socket) => void;
  readonly certificate?: "expired" | "wrong-host" | "self-signed";
};

const HEAD = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n";

const SERVERS: readonly BadServer[] = [
  { name: "silent", serve: () => {} },
  {
    name: "drips its head",
    serve: afterRequest((socket) => drip(socket, "HTTP/1.1 200 OK\r\nX: ")),
  },
  {
    name: "drips its body",
    serve: afterRequest((socket) =>
      drip(socket, "HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n"),
    ),
  },
  {
    name: "dies in mid-answer",
    serve: afterRequest((socket) => socket.write(`${HEAD}o`, () => socket.destroy())),
  },
  { name: "half-closes after the head", serve: afterRequest((socket) => socket.end(HEAD)) },
  {
    name: "answers nonsense",
    serve: afterRequest((socket) => socket.end("SSH-2.0-OpenSSH_9.2\r\n")),
  },
  { name: "301 elsewhere", serve: answering("301 Moved Permanently", "Location: /login") },
  {
    name: "302 to a login page",
    serve: answering("302 Found", "Location: http://127.0.0.1:1/login"),
  },
  {
    name: "200 with a login page",
    serve: answering("200 OK", "Content-Type: text/html", "<html>Sign in</html>"),
  },
  { name: "204", serve: answering("204 No Content") },
  { name: "400", serve: answering("400 Bad Request", "X: y", "inconsistent") },
  { name: "401", serve: answering("401 Unauthorized") },
  {
    name: "429 and come back in an hour",
    serve: answering("429 Too Many Requests", "Retry-After: 3600"),
  },
  { name: "503", serve: answering("503 Service Unavailable") },
  { name: "endless answer", serve: afterRequest(endless) },
  { name: "TLS self-signed", serve: answering("200 OK"), certificate: "self-signed" },
  { name: "TLS expired", serve: answering("200 OK"), certificate: "expired" },
  { name: "TLS for another host", serve: answering("200 OK"), certificate: "wrong-host" },
];

describe("a bad server", () => {
  const table: string[][] = [];
  afterAll(() => {
    printTable(
      `Bad servers, deadline ${TIMEOUT_MS} ms, watched for ${PATIENCE_MS} ms`,
      ["server", "prom-client 15.1.3", "closing-bell"],
      table,
    );
  });

  test.each(SERVERS)("that is $name gets no success out of us, in time", async (bad) => {
    const server = await serveSockets(bad.serve, bad.certificate);
    const theirs = await theirPush(server.url);
    const ours = await ourPush(server.url);
    table.push([bad.name, describeTheirs(theirs), describeOurs(ours)]);
    await server.close();
    expect(ours.what).toBe("error");
    // In time: nearer to the deadline than to hanging, on a busy machine too.
    expect(ours.ms).toBeLessThan(PATIENCE_MS);
  });

  test("whose kept-alive connection died in our sleep is asked again on a new one", async () => {
    const server = await serveSockets(
      afterRequest((socket) =>
        socket.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", () => socket.destroy()),
      ),
    );
    const client = createPushClient({ url: server.url, timeoutMs: TIMEOUT_MS });
    const ours: Outcome[] = [];
    for (let push = 0; push < 20; push++) ours.push(await watched(client.push(KEY, BODY)));
    client.close();
    await server.close();
    const lost = ours.filter(({ what }) => what !== "accepted").length;
    table.push([
      "dead kept-alive connection, 20 pushes",
      "-",
      `${20 - lost} accepted, ${lost} lost`,
    ]);
    expect(lost).toBe(0);
  });

  test("that goes away at any byte of its answer's head is no success", async () => {
    const answer =
      "HTTP/1.1 200 OK\r\nDate: Sun, 22 Nov 2026 22:20:00 GMT\r\nContent-Length: 0\r\n\r\n";
    const outcomes = await Promise.all(
      Array.from(answer, (_, cut) =>
        throughServer((socket) => {
          socket.write(answer.slice(0, cut), () => socket.destroy());
        }),
      ),
    );
    const lies = outcomes.filter(({ what }) => what !== "error").length;
    table.push([
      `gone at each of ${answer.length} bytes of the head`,
      "-",
      `${outcomes.length} errors, ${lies} lies`,
    ]);
    expect(lies).toBe(0);
  });

  test("that goes away at any line end of its answer's body is no success", async () => {
    const lines = Array.from({ length: 30 }, (_, line) => `line ${line}\n`);
    const head = `HTTP/1.1 200 OK\r\nContent-Length: ${lines.join("").length}\r\n\r\n`;
    const outcomes = await Promise.all(
      lines.map((_, cut) =>
        throughServer((socket) => {
          socket.write(head + lines.slice(0, cut).join(""), () => socket.destroy());
        }),
      ),
    );
    const lies = outcomes.filter(({ what }) => what !== "error").length;
    table.push([
      `gone at each of ${lines.length} line ends of the body`,
      "-",
      `${outcomes.length} errors, ${lies} lies`,
    ]);
    expect(lies).toBe(0);
  });

  test("a request cut at any line end of its body is no success, and nothing half is stored", async () => {
    const gateway = await startPushgateway({});
    const body = expositionOf(
      KEY,
      Array.from({ length: 20 }, (_, n) => rows(n, `rows_${n}`)),
    );
    const text = body.bytes.toString();
    const ends = [...text.matchAll(/\n/g)].map(({ index }) => index + 1).slice(0, -1);
    let half = 0;
    let lies = 0;
    for (const end of ends) {
      const proxy = await cuttingProxy(gateway.url, end);
      const { what } = await ourPush(proxy.url, body);
      if (what !== "error") lies++;
      await proxy.close();
      const scrape = await (await fetch(new URL("/metrics", gateway.url))).text();
      if (scrape.includes("rows_")) half++;
    }
    await gateway.close();
    table.push([
      `request cut at each of ${ends.length} line ends, embedded gateway`,
      "-",
      `${ends.length - lies} errors, ${lies} lies, ${half} stored in half`,
    ]);
    expect({ lies, half }).toEqual({ lies: 0, half: 0 });
  });
});

test("a certificate of an authority that is named is accepted, so the refusals above are about the rest", async () => {
  const server = await serveSockets(answering("200 OK"), "good");
  const client = createPushClient({ url: server.url, ca: pem("ca.pem") });
  expect(await watched(client.push(KEY, BODY))).toMatchObject({ what: "accepted" });
  client.close();
  await server.close();
});

test.each(["expired", "wrong-host"] as const)(
  "a certificate that is %s stays refused, whatever authority is named",
  async (certificate) => {
    const server = await serveSockets(answering("200 OK"), certificate);
    const client = createPushClient({ url: server.url, ca: pem("ca.pem") });
    const error = await client.push(KEY, BODY).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(PushError);
    expect(error).toMatchObject({ retryable: false });
    expect(server.connections()).toBe(1);
    client.close();
    await server.close();
  },
);

async function throughServer(answer: (socket: Socket) => void): Promise<Outcome> {
  const server = await serveSockets(afterRequest(answer));
  const outcome = await ourPush(server.url);
  await server.close();
  return outcome;
}

async function ourPush(url: URL, body: Exposition = BODY): Promise<Outcome> {
  const client = createPushClient({ url, timeoutMs: TIMEOUT_MS });
  const outcome = await watched(client.push(KEY, body));
  client.close();
  return outcome;
}

function theirPush(url: URL): Promise<Outcome> {
  const registry = new Registry();
  new TheirGauge({ name: "rows", help: "Rows.", registers: [registry] }).set(7);
  const gateway = new Pushgateway(url.origin, { timeout: TIMEOUT_MS }, registry);
  return watched(
    gateway.push({ jobName: "nightly" }).then(() => ({ status: "accepted" as const })),
  );
}

async function watched(
  push: Promise<{ readonly status: "accepted" | "unchecked" }>,
): Promise<Outcome> {
  const started = performance.now();
  let timer: NodeJS.Timeout | undefined;
  const hangs = new Promise<"hangs">((resolve) => {
    timer = setTimeout(() => resolve("hangs"), PATIENCE_MS);
  });
  const settled = push.then(
    ({ status }) => status,
    () => "error" as const,
  );
  const what = await Promise.race([settled, hangs]);
  clearTimeout(timer);
  return { what, ms: performance.now() - started };
}

function describeTheirs({ what, ms }: Outcome): string {
  if (what === "hangs") return `still waiting after ${PATIENCE_MS} ms`;
  const time = `${ms.toFixed(0)} ms`;
  return what === "error" ? `error, ${time}` : `SUCCESS, ${time}`;
}

function describeOurs({ what, ms }: Outcome): string {
  return `${what}, ${ms.toFixed(0)} ms`;
}

function rows(value: number, name = "rows"): MetricFamily {
  return { type: "gauge", name, help: "Rows.", samples: [{ labels: {}, value }] };
}

function afterRequest(answer: (socket: Socket) => void): (socket: Socket) => void {
  return (socket) => {
    socket.once("data", () => answer(socket));
  };
}

function answering(status: string, header = "X: y", body = ""): (socket: Socket) => void {
  const answer = `HTTP/1.1 ${status}\r\n${header}\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  return (socket) => {
    socket.on("data", () => socket.write(answer));
  };
}

function drip(socket: Socket, head: string): void {
  socket.write(head);
  const timer = setInterval(() => socket.write("x"), 50);
  socket.on("close", () => clearInterval(timer));
}

function endless(socket: Socket): void {
  socket.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
  const chunk = `4000\r\n${"x".repeat(0x4000)}\r\n`;
  // Slowly enough for this process to play both sides.
  const timer = setInterval(() => socket.writable && socket.write(chunk), 1);
  socket.on("close", () => clearInterval(timer));
}

/** Passes a request on to `target` up to that many bytes of its body, then cuts both sides. */
function cuttingProxy(target: URL, bodyBytes: number): Promise<SocketServer> {
  return serveSockets((client) => {
    const upstream = connect(Number(target.port), target.hostname);
    upstream.on("error", () => client.destroy());
    upstream.on("close", () => client.destroy());
    let head = "";
    let sent = 0;
    let inBody = false;
    client.on("data", (chunk: Buffer) => {
      let body = chunk;
      if (!inBody) {
        head += chunk.toString("latin1");
        const end = head.indexOf("\r\n\r\n");
        if (end < 0) return;
        inBody = true;
        upstream.write(head.slice(0, end + 4), "latin1");
        body = Buffer.from(head.slice(end + 4), "latin1");
      }
      const rest = body.subarray(0, bodyBytes - sent);
      sent += rest.length;
      upstream.write(rest, () => {
        if (sent >= bodyBytes) upstream.end(() => upstream.destroy());
      });
    });
  });
}
