import { once } from "node:events";
import { request } from "node:http";
import { connect } from "node:net";
import { afterEach, describe, expect, test } from "@jest/globals";
import type { LabelSet, MetricFamily } from "../../src/metrics/exposition/family.ts";
import { parseExposition } from "../../src/metrics/exposition/parse.ts";
import { type Lack, type Scrape, startLedgerServer } from "../../src/scrape/ledger.ts";
import { counter, gauge, sampleValue } from "../support/run-records.ts";

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

const ERRORS = "closing_bell_ledger_scrape_errors_total";

describe("a scrape of a ledger", () => {
  test("is its groups' families, and what the server says of itself", async () => {
    const { url } = await start({ families: [gauge("lag", 3)] });
    const answer = await fetch(url);
    const families = parseExposition(await answer.text());
    expect(answer.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
    expect(sampleValue(families, "lag", { instance: "", job: "nightly" })).toBe(3);
    for (const reason of ["fold", "read", "conflict", "note"]) {
      expect(sampleValue(families, ERRORS, { reason })).toBe(0);
    }
  });

  test("says who asks, and how long they wait", async () => {
    const { url, scrapes } = await start();
    await fetch(url);
    await fetch(url, { headers: { "X-Prometheus-Scrape-Timeout-Seconds": "2.5" } });
    await fetch(url, { method: "HEAD" });
    expect(scrapes).toEqual([
      { scraper: "127.0.0.1", timeoutMs: 10_000 },
      { scraper: "127.0.0.1", timeoutMs: 2500 },
      { scraper: undefined, timeoutMs: 10_000 },
    ]);
  });

  test("counts what it went without, and tells each once", async () => {
    const lacks: Lack[] = [
      { reason: "fold", message: "a" },
      { reason: "fold", message: "b" },
    ];
    const { url, told } = await start({
      lacks,
      late: [{ reason: "note", message: "c" }],
      groups: [
        { labels: { job: "x" }, families: [counter("rows", 1)] },
        { labels: { job: "y" }, families: [gauge("rows", 1)] },
      ],
    });
    await scrapeOf(url);
    const families = await scrapeOf(url);
    expect(sampleValue(families, ERRORS, { reason: "fold" })).toBe(4);
    expect(sampleValue(families, ERRORS, { reason: "conflict" })).toBe(2);
    expect(sampleValue(families, ERRORS, { reason: "note" })).toBe(1);
    expect(told).toEqual([
      "a",
      "b",
      'left out: rows is a gauge in {job="y"} and a counter in {job="x"}',
      "c",
    ]);
  });

  test("that cannot be read at all is a 500, and nothing was sent", async () => {
    const { url, sent } = await start({ fails: true });
    const answer = await fetch(url);
    expect(answer.status).toBe(500);
    expect(await answer.text()).toBe("metrics could not be rendered: no such ledger\n");
    expect(sent()).toBe(0);
  });
});

describe("what was sent is noted", () => {
  test("once the whole answer was", async () => {
    const { url, sent } = await start();
    await (await fetch(url)).text();
    expect(sent()).toBe(1);
  });

  test("of an answer that is larger than any buffer, only when it was taken", async () => {
    const { url, sent } = await start({ families: [large()] });
    const response = await new Promise<NodeJS.ReadableStream>((resolve) =>
      request(url, resolve).end(),
    );
    response.pause();
    await tick(200);
    expect(sent()).toBe(0);
    response.resume();
    await once(response, "end");
    await tick(50);
    expect(sent()).toBe(1);
  });

  test("but not of one that was cut off", async () => {
    const { url, sent, closed } = await start({ families: [large()] });
    const socket = connect(Number(url.port), url.hostname);
    socket.write("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
    await once(socket, "data");
    socket.resetAndDestroy();
    await closed();
    await tick(200);
    expect(sent()).toBe(0);
  });

  test("nor of one whose asker left before there was one", async () => {
    let answer = () => {};
    const { url, sent, scrapes, closed } = await start({
      until: new Promise<void>((resolve) => {
        answer = resolve;
      }),
    });
    const socket = connect(Number(url.port), url.hostname);
    socket.write("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
    while (scrapes.length === 0) await tick(5);
    socket.resetAndDestroy();
    await closed();
    answer();
    await tick(200);
    expect(sent()).toBe(0);
  });
});

type StartOptions = {
  readonly families?: readonly MetricFamily[];
  readonly groups?: readonly { labels: LabelSet; families: readonly MetricFamily[] }[];
  readonly lacks?: readonly Lack[];
  readonly late?: readonly Lack[];
  readonly fails?: boolean;
  /** Before it is read. */
  readonly until?: Promise<void>;
};

async function start({
  families = [],
  groups = [{ labels: { job: "nightly" }, families }],
  lacks = [],
  late = [],
  fails = false,
  until = Promise.resolve(),
}: StartOptions = {}) {
  const scrapes: Scrape[] = [];
  const told: string[] = [];
  let sent = 0;
  const server = await startLedgerServer({
    host: "127.0.0.1",
    port: 0,
    onLack: (message) => told.push(message),
    async read(scrape) {
      scrapes.push(scrape);
      await until;
      if (fails) throw new Error("no such ledger");
      return {
        groups,
        lacks,
        async sent() {
          sent++;
          return late;
        },
      };
    },
  });
  cleanups.push(() => server.close());
  return {
    url: server.url,
    scrapes,
    told,
    sent: () => sent,
    /** Resolves when the server has nothing more to do with connections that were cut. */
    closed: () => tick(100),
  };
}

async function scrapeOf(url: URL): Promise<readonly MetricFamily[]> {
  const text = await (await fetch(url)).text();
  await tick(20);
  return parseExposition(text);
}

/** Ten megabytes: more than the system takes off a server's hands. */
function large(): MetricFamily {
  return { ...gauge("lag", 1), help: "x".repeat(10_000_000) };
}

function tick(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
