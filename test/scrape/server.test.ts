import { request } from "node:http";
import { type AddressInfo, connect, createServer } from "node:net";
import { afterEach, describe, expect, test } from "@jest/globals";
import { InvalidOptionError } from "../../src/errors.ts";
import { catalogue } from "../../src/metrics/catalogue.ts";
import { isProcessMetricSetServed, processMetricSet } from "../../src/metrics/current.ts";
import { createMetricSet } from "../../src/metrics/metric-set.ts";
import { type MetricsServer, startMetricsServer } from "../../src/scrape/server.ts";

const open: MetricsServer[] = [];

afterEach(async () => {
  for (const server of open.splice(0)) await server.close();
  processMetricSet.reset();
});

async function start(options: Parameters<typeof startMetricsServer>[0] = {}) {
  const server = await startMetricsServer({ port: 0, host: "127.0.0.1", ...options });
  open.push(server);
  return server;
}

type Answer = { readonly status: number; readonly headers: object; readonly body: string };

function ask(url: URL, method = "GET", path = url.pathname): Promise<Answer> {
  return new Promise((resolve, reject) => {
    request({ host: url.hostname, port: url.port, method, path }, async (response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of response) chunks.push(chunk as Buffer);
      const { statusCode = 0, headers } = response;
      resolve({ status: statusCode, headers, body: Buffer.concat(chunks).toString() });
    })
      .on("error", reject)
      .end();
  });
}

describe("/metrics", () => {
  test("serves what was set, and nothing else, as it stands at the scrape", async () => {
    const metrics = createMetricSet();
    metrics.get(catalogue.killSwitchStatus);
    const { url } = await start({ metrics });
    expect(await ask(url)).toMatchObject({ status: 200, body: "" });

    metrics.get(catalogue.agentAnalysesTotal).inc(42);
    const { status, headers, body } = await ask(url);
    expect({ status, body }).toEqual({
      status: 200,
      body:
        "# HELP agent_analyses_total Total number of stock analyses performed by AI agent\n" +
        "# TYPE agent_analyses_total counter\n" +
        "agent_analyses_total 42\n",
    });
    expect(headers).toMatchObject({
      "content-type": "text/plain; version=0.0.4; charset=utf-8",
      "content-length": String(Buffer.byteLength(body)),
    });
  });

  test("answers HEAD with the same headers and no body", async () => {
    const metrics = createMetricSet();
    metrics.get(catalogue.tradesTotal).inc({ ticker: "Ünïcödé", side: "BUY" });
    const { url } = await start({ metrics });
    const [get, head] = [await ask(url), await ask(url, "HEAD")];
    expect(head).toMatchObject({ status: 200, body: "" });
    expect(head.headers).toMatchObject({
      "content-type": "text/plain; version=0.0.4; charset=utf-8",
      "content-length": String(Buffer.byteLength(get.body)),
    });
  });

  test.each(["/metrics?name[]=a&b", "http://scraped.example:8001/metrics"])(
    "is found at %s",
    async (target) => {
      const { url } = await start({ metrics: createMetricSet() });
      expect(await ask(url, "GET", target)).toMatchObject({ status: 200 });
    },
  );

  test.each(["/", "/metrics/", "/metricsx", "/METRICS", "/a/metrics", "//", "//metrics", "//["])(
    "is not found at %s, and the process lives on",
    async (target) => {
      const { url } = await start({ metrics: createMetricSet() });
      expect(await ask(url, "GET", target)).toMatchObject({
        status: 404,
        body: "Metrics are at /metrics\n",
      });
      expect(await ask(url)).toMatchObject({ status: 200 });
    },
  );

  test.each(["POST", "PUT", "DELETE", "OPTIONS", "PATCH"])("refuses %s", async (method) => {
    const { url } = await start({ metrics: createMetricSet() });
    const { status, headers } = await ask(url, method);
    expect(status).toBe(405);
    expect(headers).toMatchObject({ allow: "GET, HEAD" });
  });
});

describe("a metrics server", () => {
  test("names its address, that of IPv6 included", async () => {
    const { url } = await start({ metrics: createMetricSet() });
    expect(url.href).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/metrics$/);
    const v6 = await startMetricsServer({ port: 0, host: "::1", metrics: createMetricSet() }).catch(
      ({ code }: NodeJS.ErrnoException) => code,
    );
    // Where there is no IPv6 the address is refused, never the name that was made of it.
    if (typeof v6 === "string") expect(["EADDRNOTAVAIL", "EAFNOSUPPORT"]).toContain(v6);
    else if (v6 !== undefined) {
      open.push(v6);
      expect(v6.url.href).toMatch(/^http:\/\/\[::1\]:\d+\/metrics$/);
    }
  });

  test("closes although a scraper keeps its connection", async () => {
    const { url, close } = await start({ metrics: createMetricSet() });
    const socket = connect(Number(url.port), url.hostname);
    await new Promise((resolve) => socket.once("connect", resolve));
    const closed = new Promise((resolve) => socket.once("close", resolve));
    socket.on("error", () => undefined);
    await close();
    await closed;
    await expect(ask(url)).rejects.toThrow(/ECONNREFUSED/);
  });

  test("refuses options that it has not", async () => {
    const started = startMetricsServer({ prot: 0 } as object);
    await expect(started).rejects.toThrow(InvalidOptionError);
    await expect(started).rejects.toThrow('did you mean "port"');
  });

  test("serves the process's own set unless told otherwise, and has it from when it listens", async () => {
    const taken = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => taken.once("listening", resolve));
    const { port } = taken.address() as AddressInfo;
    await expect(startMetricsServer({ port, host: "127.0.0.1" })).rejects.toMatchObject({
      code: "EADDRINUSE",
    });
    await new Promise((resolve) => taken.close(resolve));
    await start({ metrics: createMetricSet() });
    expect(isProcessMetricSetServed()).toBe(false);

    processMetricSet.get(catalogue.cacheHitRate).set(0.95);
    const { url } = await start();
    expect(isProcessMetricSetServed()).toBe(true);
    expect((await ask(url)).body).toContain("\ncache_hit_rate 0.95\n");
  });
});
