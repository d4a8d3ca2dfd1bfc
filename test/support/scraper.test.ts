import { afterEach, expect, test } from "@jest/globals";
import { type RequestHandler, serve, type TestServer } from "./http-server.ts";
import { type Scraper, startScraper } from "./scraper.ts";

const stops: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

test("sees every value that stands for longer than a scrape, and no fall where there is none", async () => {
  const { scraper, expose } = await scraping();
  for (const value of [1, 2, 2, 5]) {
    expose(`# HELP runs_total Runs.\nruns_total{job="a"} ${value}\nother_total 9\n`);
    await scraper.next();
  }
  const { falls, last, sightings } = scraper.log;
  expect(falls).toEqual([]);
  expect(sightings.map(({ value }) => value)).toEqual([1, 2, 5]);
  expect([...last]).toEqual([['runs_total{job="a"}', 5]]);
});

test("tells a fall with its series, each series for itself", async () => {
  const { scraper, expose } = await scraping();
  expose('runs_total{job="a"} 7\nruns_total{job="b"} 3\n');
  await scraper.next();
  expose('runs_total{job="a"} 4\nruns_total{job="b"} 3\n');
  await scraper.next();
  expect(scraper.log.falls).toMatchObject([{ series: 'runs_total{job="a"}', from: 7, to: 4 }]);
});

test.each(['a"} 1', "a} 1", "a b", "{}"])("reads past a label value of %j", async (value) => {
  const { scraper, expose } = await scraping();
  const series = `runs_total{job="${value.replaceAll('"', '\\"')}"}`;
  expose(`${series} 7\n`);
  await scraper.next();
  expect([...scraper.log.last]).toEqual([[series, 7]]);
});

test("watches nothing but what it was told to: a longer name is another one", async () => {
  const { scraper, expose } = await scraping();
  expose("runs_total_created 9\nbatch_runs_total 9\nruns_total 1\n");
  await scraper.next();
  expect([...scraper.log.last]).toEqual([["runs_total", 1]]);
});

test.each([
  {
    name: "the series",
    during: (_: unknown, response: { end: (text: string) => void }) => response.end(""),
  },
  {
    name: "the server",
    during: (_: unknown, response: { destroy: () => void }) => response.destroy(),
  },
] as const)(
  "while $name is away that is no fall, but a lower value after it is",
  async ({ during }) => {
    const { scraper, expose, answer } = await scraping();
    expose("runs_total 7\n");
    await scraper.next();
    answer(during as RequestHandler);
    const { scrapes, failures } = scraper.log;
    await until(() => scraper.log.scrapes + scraper.log.failures > scrapes + failures + 3);
    expect(scraper.log.falls).toEqual([]);
    expose("runs_total 2\n");
    await scraper.next();
    expect(scraper.log.falls).toMatchObject([{ series: "runs_total", from: 7, to: 2 }]);
  },
);

test("a restart that it is told of forgets what was, and what was still under way", async () => {
  const { scraper, expose, answer } = await scraping();
  expose("runs_total 7\n");
  await scraper.next();
  let late = () => {};
  let asked = 0;
  answer((_, response) => {
    asked++;
    late = () => response.end("runs_total 8\n");
  });
  await until(() => asked === 1);
  scraper.restarted();
  expose("runs_total 1\n");
  late();
  await scraper.next();
  expect(scraper.log.falls).toEqual([]);
  expect(scraper.log.sightings.map(({ value }) => value)).toEqual([7, 1]);
});

test("a server that never answers does not hold it for longer than its timeout", async () => {
  const { scraper, expose, answer } = await scraping({ timeoutMs: 30 });
  let asked = 0;
  answer(() => {
    asked++;
  });
  await until(() => asked === 3);
  expect(scraper.log.failures).toBeGreaterThanOrEqual(2);
  expose("runs_total 1\n");
  await scraper.next();
  expect(scraper.log.last.get("runs_total")).toBe(1);
});

test("asks one request at a time", async () => {
  const { server, answer, scraper } = await scraping({ timeoutMs: 5000 });
  await scraper.next();
  const before = server.requests.length;
  let release = () => {};
  answer((_, response) => {
    release = () => response.end("");
  });
  await until(() => server.requests.length > before);
  const held = server.requests.length;
  await new Promise((resolve) => setTimeout(resolve, 60));
  expect(server.requests).toHaveLength(held);
  answer((_, response) => response.end(""));
  release();
  await scraper.next();
});

test("is over after stop, and whoever waits for more is told", async () => {
  const { server, scraper } = await scraping();
  await scraper.next();
  const next = scraper.next();
  const outcome = Promise.allSettled([next]);
  const log = await scraper.stop();
  expect(log.scrapes).toBeGreaterThan(0);
  const { length } = server.requests;
  await new Promise((resolve) => setTimeout(resolve, 30));
  expect(server.requests).toHaveLength(length);
  const [{ status } = { status: "pending" }] = await outcome;
  expect(["fulfilled", "rejected"]).toContain(status);
});

async function scraping({ timeoutMs = 1000 }: { readonly timeoutMs?: number } = {}): Promise<{
  readonly scraper: Scraper;
  readonly server: TestServer;
  readonly expose: (text: string) => void;
  readonly answer: (handler: RequestHandler) => void;
}> {
  let handler: RequestHandler = (_, response) => response.end("");
  const server = await serve((...exchange) => handler(...exchange));
  const scraper = startScraper({
    url: new URL("/metrics", server.url),
    names: ["runs_total"],
    timeoutMs,
  });
  stops.push(server.close, scraper.stop);
  return {
    scraper,
    server,
    answer(next) {
      handler = next;
    },
    expose(text) {
      handler = (_, response) => response.end(text);
    },
  };
}

async function until(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 5000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error("not within 5 s");
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
