import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { gunzipSync } from "node:zlib";
import { afterEach, describe, expect, test } from "@jest/globals";
import express from "express";
import fastify from "fastify";
import { Counter, Gauge, Registry } from "prom-client";
import { catalogue } from "../../src/metrics/catalogue.ts";
import { parseExposition } from "../../src/metrics/exposition/parse.ts";
import { createMetricSet } from "../../src/metrics/metric-set.ts";
import { createMetricsHandler, type MetricsHandlerOptions } from "../../src/scrape/handler.ts";

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

const SET = createMetricSet();
SET.get(catalogue.agentAnalysesTotal).inc(42);
const EXPECTED =
  "# HELP agent_analyses_total Total number of stock analyses performed by AI agent\n" +
  "# TYPE agent_analyses_total counter\nagent_analyses_total 42\n";

describe("the handler serves the same when it is mounted", () => {
  test("in node:http", async () => {
    const url = await listening(createMetricsHandler({ metrics: SET }));
    expect(await (await fetch(url)).text()).toBe(EXPECTED);
  });

  test("in Express, beside other routes", async () => {
    const app = express();
    app.get("/", (_, response) => void response.send("home"));
    app.get("/metrics", createMetricsHandler({ metrics: SET }));
    const url = await listening(app);
    const answer = await fetch(new URL("/metrics", url));
    expect(answer.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
    expect(await answer.text()).toBe(EXPECTED);
    expect(await (await fetch(url)).text()).toBe("home");
  });

  test("in Fastify, beside other routes", async () => {
    const app = fastify();
    const metrics = createMetricsHandler({ metrics: SET });
    app.get("/metrics", (request, reply) => {
      reply.hijack();
      return metrics(request.raw, reply.raw);
    });
    app.get("/", async () => "home");
    const url = await app.listen({ port: 0, host: "127.0.0.1" });
    cleanups.push(() => app.close());
    expect(await (await fetch(new URL("/metrics", url))).text()).toBe(EXPECTED);
    expect(await (await fetch(url)).text()).toBe("home");
  });
});

describe("content negotiation", () => {
  test.each([
    { accept: undefined, status: 200 },
    { accept: "", status: 200 },
    { accept: "*/*", status: 200 },
    { accept: "text/plain;version=0.0.4", status: 200 },
    {
      accept: "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
      status: 200,
    },
    { accept: "text/html, text/*;q=0.1", status: 200 },
    { accept: "application/openmetrics-text", status: 406 },
    { accept: "text/plain;q=0, */*", status: 406 },
    { accept: "application/json", status: 406 },
  ])("Accept: $accept is answered with $status", async ({ accept, status }) => {
    const url = await listening(createMetricsHandler({ metrics: SET }));
    const answer = await fetch(url, { headers: accept === undefined ? {} : { accept } });
    expect(answer.status).toBe(status);
  });

  test.each([
    { encoding: "gzip, deflate", gzip: true },
    { encoding: "br;q=1.0, *;q=0.5", gzip: true },
    { encoding: "gzip;q=0, *", gzip: false },
    { encoding: "identity", gzip: false },
  ])("Accept-Encoding: $encoding", async ({ encoding, gzip }) => {
    const metrics = createMetricSet();
    for (let n = 0; n < 100; n++) {
      metrics.get(catalogue.tradesTotal).inc({ ticker: `T${n}`, side: "BUY" });
    }
    const url = await listening(createMetricsHandler({ metrics }));
    const { status, headers, body } = await raw(url, { "accept-encoding": encoding });
    expect(status).toBe(200);
    expect(headers["content-encoding"]).toBe(gzip ? "gzip" : undefined);
    expect(headers["content-length"]).toBe(`${body.length}`);
    const text = (gzip ? gunzipSync(body) : body).toString();
    expect(parseExposition(text)[0]?.samples).toHaveLength(100);
  });

  test("a small answer is not compressed", async () => {
    const url = await listening(createMetricsHandler({ metrics: SET }));
    const { headers } = await raw(url, { "accept-encoding": "gzip" });
    expect(headers["content-encoding"]).toBeUndefined();
  });
});

describe("registries of prom-client", () => {
  test("are served beside our own, and default process metrics when they are asked for", async () => {
    const registry = new Registry();
    new Counter({ name: "rows_total", help: "Rows.", registers: [registry] }).inc(7);
    const text = await scrape({ metrics: SET, registries: [registry], processMetrics: true });
    const names = parseExposition(text).map(({ name }) => name);
    expect(names).toEqual(
      expect.arrayContaining(["agent_analyses_total", "rows_total", "process_cpu_seconds_total"]),
    );
  });

  test.each<{ name: string; collect: () => void | Promise<void> }>([
    {
      name: "throws",
      collect: () => {
        throw new Error("sensor is gone");
      },
    },
    { name: "rejects", collect: () => Promise.reject(new Error("sensor is gone")) },
    { name: "never answers", collect: () => new Promise(() => {}) },
  ])("one collector that $name costs only its own metric, and is counted", async ({ collect }) => {
    const registry = new Registry();
    new Gauge({ name: "broken", help: "B.", registers: [registry], collect });
    new Gauge({ name: "fine", help: "F.", registers: [registry] }).set(1);
    const text = await scrape({ metrics: SET, registries: [registry], collectTimeoutMs: 50 });
    expect(text).toContain("agent_analyses_total 42\n");
    expect(text).toContain("fine 1\n");
    expect(text).not.toContain("# TYPE broken");
    expect(text).toContain('closing_bell_scrape_errors_total{metric_name="broken"} 1\n');
  });

  test("in OpenMetrics are refused where they are handed over", () => {
    const registry = new Registry();
    registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE as never);
    expect(() => createMetricsHandler({ registries: [registry] })).toThrow("OpenMetrics");
    expect(() => createMetricsHandler({ registry: [] } as never)).toThrow('unknown key "registry"');
  });
});

test("an answer that somebody else has begun meanwhile is left to them", async () => {
  const handler = createMetricsHandler({ metrics: SET });
  const url = await listening(async (request, response) => {
    response.writeHead(503).write("timeout ");
    await handler(request, response);
    response.end("of a middleware");
  });
  expect(await (await fetch(url)).text()).toBe("timeout of a middleware");
});

async function scrape(options: MetricsHandlerOptions): Promise<string> {
  return (await fetch(await listening(createMetricsHandler(options)))).text();
}

async function listening(handler: RequestListener): Promise<URL> {
  const server = createServer(handler);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  cleanups.push(() => {
    server.close();
    server.closeAllConnections();
  });
  return new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
}

/** Without fetch, which would undo the encoding. */
async function raw(url: URL, headers: Record<string, string>) {
  const { request } = await import("node:http");
  return new Promise<{ status: number; headers: Record<string, unknown>; body: Buffer }>(
    (resolve, reject) => {
      request(url, { headers }, (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("end", () => {
          const { statusCode: status = 0, headers: answered } = response;
          resolve({ status, headers: answered, body: Buffer.concat(chunks) });
        });
      })
        .on("error", reject)
        .end();
    },
  );
}
