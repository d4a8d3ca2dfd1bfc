import { Agent, get } from "node:http";
import { connect } from "node:net";
import { gunzipSync, gzipSync } from "node:zlib";
import { afterEach, describe, expect, test } from "@jest/globals";
import { Counter, Pushgateway, Registry } from "prom-client";
import { InvalidOptionError } from "../../src/errors.ts";
import {
  type PushgatewayServer,
  type PushgatewayServerOptions,
  startPushgateway,
} from "../../src/pushgateway/server.ts";
import { manualClock } from "../support/manual-clock.ts";
import { ask } from "./observe.ts";

const started: PushgatewayServer[] = [];

async function start(options: PushgatewayServerOptions = {}): Promise<PushgatewayServer> {
  const gateway = await startPushgateway(options);
  started.push(gateway);
  return gateway;
}

afterEach(async () => {
  await Promise.all(started.splice(0).map((gateway) => gateway.close()));
});

const scrape = async ({ url }: PushgatewayServer) =>
  (await ask(url, { method: "GET", path: "/metrics" })).body;

describe("startPushgateway", () => {
  test("listens on a free loopback port by default, and says which", async () => {
    const [one, other] = await Promise.all([start(), start()]);
    expect(one.url.href).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/$/);
    expect(one.url.port).not.toBe(other.url.port);
  });

  test("listens on IPv6 too", async () => {
    const { url } = await start({ host: "::1" });
    expect(url.href).toMatch(/^http:\/\/\[::1\]:\d+\/$/);
    expect((await fetch(new URL("/-/ready", url))).status).toBe(200);
  });

  test("refuses a port that is taken", async () => {
    const { url } = await start();
    await expect(startPushgateway({ port: Number(url.port) })).rejects.toThrow(
      `startPushgateway: cannot listen on 127.0.0.1:${url.port}: `,
    );
  });

  test.each<{ options: object; message: string }>([
    { options: { prot: 1 }, message: 'startPushgateway: unknown key "prot"; did you mean "port"?' },
    {
      options: { maxBodyBytes: 0 },
      message: "maxBodyBytes must be a positive whole number, not 0",
    },
    {
      options: { persistenceIntervalMs: 1.5 },
      message: "persistenceIntervalMs must be a positive",
    },
    {
      options: { port: 70_000 },
      message: "port must be a whole number from 0 to 65535, not 70000",
    },
    { options: { host: 1 }, message: "host must be a string, not 1" },
  ])("refuses $options", async ({ options, message }) => {
    const starting = startPushgateway(options);
    await expect(starting).rejects.toThrow(InvalidOptionError);
    await expect(starting).rejects.toThrow(message);
  });

  test("takes its times from the clock that it is given", async () => {
    const clock = manualClock(1_700_000_000.5);
    const { url } = await start({ clock });
    await ask(url, { method: "PUT", path: "/metrics/job/j", body: "a 1\n" });
    clock.advance(10);
    await ask(url, { method: "PUT", path: "/metrics/job/j", body: "a 1 1\n" });

    const text = await (await fetch(new URL("/metrics", url))).text();
    expect(text).toContain('push_time_seconds{instance="",job="j"} 1700000000.5\n');
    expect(text).toContain('push_failure_time_seconds{instance="",job="j"} 1700000010.5\n');
  });
});

describe("close", () => {
  test("ends a kept-alive connection, so that its client sees that the gateway is gone", async () => {
    const gateway = await startPushgateway();
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const ready = () =>
      new Promise<number | undefined>((resolve, reject) => {
        get(new URL("/-/ready", gateway.url), { agent }, (response) => {
          response.resume().once("end", () => resolve(response.statusCode));
        }).once("error", reject);
      });
    expect(await ready()).toBe(200);

    await gateway.close();

    await expect(ready()).rejects.toThrow(/ECONNREFUSED|ECONNRESET|socket hang up/);
    agent.destroy();
  });

  test("does not wait for a request that is under way", async () => {
    const gateway = await startPushgateway();
    const socket = connect(Number(gateway.url.port), gateway.url.hostname);
    const ended = new Promise<void>((resolve) => socket.once("close", () => resolve()));
    await new Promise<void>((resolve) => socket.once("connect", resolve));
    socket.on("error", () => undefined);
    socket.write("PUT /metrics/job/j HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\na 1\n");
    await fetch(new URL("/-/ready", gateway.url)).then((response) => response.text());

    await Promise.all([gateway.close(), ended]);
  });

  test("may be called twice", async () => {
    const gateway = await startPushgateway();
    await Promise.all([gateway.close(), gateway.close()]);
  });
});

describe("bodies", () => {
  const TEXT = `a{x="${"y".repeat(1000)}"} 1\n`;

  test.each<{ name: string; body: Buffer; gzip: boolean; status: number }>([
    { name: "at the limit", body: Buffer.from(TEXT), gzip: false, status: 200 },
    { name: "beyond the limit", body: Buffer.from(`\n${TEXT}`), gzip: false, status: 413 },
    { name: "at the limit once inflated", body: gzipSync(TEXT), gzip: true, status: 200 },
    { name: "beyond it once inflated", body: gzipSync(`\n${TEXT}`), gzip: true, status: 413 },
    { name: "far beyond", body: Buffer.alloc(5_000_000, "\n"), gzip: false, status: 413 },
  ])("$name: $status", async ({ body, gzip, status }) => {
    const gateway = await start({ maxBodyBytes: TEXT.length });
    const headers = gzip ? { "content-encoding": "gzip" } : {};
    const answer = await ask(gateway.url, { method: "PUT", path: "/metrics/job/j", body, headers });
    expect(answer.status).toBe(status);
    expect((await scrape(gateway)).includes('job="j"')).toBe(status === 200);
  });

  test("in chunks are taken whole", async () => {
    const gateway = await start();
    const body = new ReadableStream({
      start(controller) {
        for (const part of ["a ", "1\nb", " 2\n"])
          controller.enqueue(new TextEncoder().encode(part));
        controller.close();
      },
    });
    const target = new URL("/metrics/job/j", gateway.url);
    expect((await fetch(target, { method: "PUT", body, duplex: "half" })).status).toBe(200);
    expect(await scrape(gateway)).toContain('b{instance="",job="j"} 2\n');
  });

  test("whose last chunk never came are not stored", async () => {
    const gateway = await start();
    const socket = connect(Number(gateway.url.port), gateway.url.hostname);
    const answer = new Promise<string>((resolve) => {
      let text = "";
      socket.on("data", (chunk) => {
        text += chunk;
      });
      socket.once("close", () => resolve(text));
    });
    socket.end(
      "PUT /metrics/job/j HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n4\r\na 1\n\r\n",
    );
    expect(await answer).toMatch(/^HTTP\/1\.1 400 .*a body that ends early/s);
    expect(await scrape(gateway)).not.toContain('job="j"');
  });
});

describe("the answers", () => {
  test("a scrape is compressed for who wants it", async () => {
    const { url } = await start();
    const body = await new Promise<Buffer>((resolve, reject) => {
      const headers = { "accept-encoding": "deflate, gzip" };
      get(new URL("/metrics", url), { headers }, (response) => {
        expect(response.headers["content-encoding"]).toBe("gzip");
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.once("end", () => resolve(Buffer.concat(chunks)));
      }).once("error", reject);
    });
    expect(gunzipSync(body).toString()).toContain("pushgateway_build_info{");
  });

  test("a scrape names the text format", async () => {
    const { url } = await start();
    const response = await fetch(new URL("/metrics", url));
    expect(response.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
  });

  test("a path of 2 MB is too long, one of 100 KB is not", async () => {
    const { url } = await start();
    const path = (length: number) => `/metrics/job/${"j".repeat(length)}`;
    expect((await ask(url, { method: "PUT", path: path(100_000) })).status).toBe(200);
    const answer = await ask(url, { method: "PUT", path: path(2_000_000) }).catch(() => undefined);
    expect(answer?.status ?? 431).toBe(431);
  });

  test("a wrong method is told the right ones", async () => {
    const { url } = await start();
    const response = await fetch(new URL("/metrics/job/j", url));
    expect(response.status).toBe(405);
    expect(response.headers.get("allow")).toBe("DELETE, OPTIONS, POST, PUT");
  });

  test("the API may be read from another site", async () => {
    const { url } = await start();
    const response = await fetch(new URL("/api/v1/metrics", url));
    expect(response.headers.get("access-control-allow-origin")).toBe("*");
  });

  test("the start page says what this is", async () => {
    const { url } = await start();
    expect(await (await fetch(url)).text()).toContain("the Pushgateway embedded in closing-bell");
  });
});

test("prom-client's own Pushgateway class pushes, adds and deletes", async () => {
  const gateway = await start();
  const registry = new Registry();
  const runs = new Counter({ name: "runs_total", help: "Runs.", registers: [registry] });
  runs.inc(3);
  const client = new Pushgateway(gateway.url.href.replace(/\/$/, ""), {}, registry);
  const group = { jobName: "backtest", groupings: { mode: "live" } };
  const line = 'runs_total{instance="",job="backtest",mode="live"}';

  await client.push(group);
  expect(await scrape(gateway)).toContain(
    `# HELP runs_total Runs.\n# TYPE runs_total counter\n${line} 3\n`,
  );
  runs.inc();
  await client.pushAdd(group);
  expect(await scrape(gateway)).toContain(`${line} 4\n`);
  await client.delete(group);
  expect(await scrape(gateway)).not.toContain("runs_total");
});
