import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { createServer as createTlsServer, type TlsOptions } from "node:tls";
import { inspect } from "node:util";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterAll, afterEach, beforeAll, expect, test } from "@jest/globals";
import { type GroupingKey, groupingKey } from "../../src/grouping-key.ts";
import { createFileLedger } from "../../src/ledger/file-ledger.ts";
import { decodeSnapshot } from "../../src/ledger/snapshot.ts";
import { snapshotFamilies } from "../../src/ledger/snapshot-families.ts";
import type { LabelSet, MetricFamily } from "../../src/metrics/exposition/family.ts";
import { createPublisher, type Publisher } from "../../src/publish/publisher.ts";
import { createPushClient, type PushClient } from "../../src/push/client.ts";
import {
  type Fault,
  type FaultProxy,
  type FaultRequest,
  startFaultProxy,
} from "../support/fault-proxy.ts";
import { serve, type TestServer } from "../support/http-server.ts";
import { printTable } from "../support/print-table.ts";
import {
  counter,
  GROUP,
  gauge,
  histogram,
  runsTotal,
  sampleValue,
  success,
} from "../support/run-records.ts";
import { startScraper } from "../support/scraper.ts";
import { describeWithServer, startRealPushgateway } from "../support/servers.ts";
import { pem } from "../support/socket-server.ts";
import { removeStateDirectories, stateDirectory } from "../support/state-directory.ts";

/** Deadline of one request in most rows. Milliseconds. */
const TIMEOUT_MS = 500;

/** Deadline of a group in most rows. Milliseconds. */
const GROUP_TIMEOUT_MS = 2000;

/** What a busy machine may add to a deadline. Milliseconds. */
const SLACK_MS = 8000;

const MAX_GROWTH_BYTES = 20_000_000;

const USERNAME = "reporter";
/** Spelled differently in a URL, in JSON and as it is. */
const PASSWORD = 'pa/ss"w%rd-8c1f';
const TOKEN = Buffer.from(`${USERNAME}:${PASSWORD}`).toString("base64");

const OTHER = groupingKey("weekly", {});

/** What each run reports, but for being counted. */
const FAMILIES: readonly MetricFamily[] = [
  {
    type: "counter",
    name: "orders_total",
    samples: ["buy", "sell"].map((side) => ({ labels: { side }, value: 2 })),
  },
  histogram("step_duration_seconds", [0.5, 1.5, 7]),
  gauge("rows", 7),
];

/** Of a group, never of the gateway itself: that one counts from 0 when it starts. */
const COUNTERS = [
  "batch_job_runs_total",
  "orders_total",
  "clashing_total",
  "step_duration_seconds_(?:bucket|count|sum)",
  "closing_bell_ledger_version",
];

/** What a server answers that shows people what they sent. */
const ECHO = `You sent Basic ${TOKEN}: ${USERNAME}:${PASSWORD}, ${JSON.stringify(PASSWORD)}, ${encodeURIComponent(PASSWORD)}.\n`;

type Row = {
  readonly name: string;
  /** What the proxy does while the fault lasts. Default: it passes. */
  readonly fault?: (request: FaultRequest) => Fault;
  readonly begin?: (world: World) => void | Promise<void>;
  readonly end?: (world: World) => void | Promise<void>;
  /** What becomes of one group's publish meanwhile. */
  readonly status: "published" | "failed" | "refused" | "failed or refused";
  /** PUT requests that arrive of one group's publish, at most. */
  readonly puts: number;
  /** Requests of any kind that arrive of it, when that is part of the promise. */
  readonly requests?: number;
  /** Longest time of one group's publish. Milliseconds, default its deadline. */
  readonly withinMs?: number;
  /** The other group is published meanwhile. */
  readonly sparesOthers?: true;
  /** Deadlines of the defaults, instead of those of the tests. */
  readonly defaultDeadlines?: true;
  /** The way to the proxy is by TLS, with this certificate while the fault lasts. */
  readonly tls?: TlsOptions;
};

const answering = (status: number, headers: Readonly<Record<string, string>> = {}): Fault => {
  return { type: "answer", status, headers, body: ECHO };
};

const ROWS: readonly Row[] = [
  {
    name: "down",
    begin: ({ door }) => door.shut(),
    end: ({ door }) => door.open(),
    status: "failed",
    puts: 0,
    defaultDeadlines: true,
    withinMs: 2000,
  },
  {
    name: "killed behind a proxy, comes back empty",
    begin: ({ killGateway }) => killGateway(),
    end: ({ newGateway }) => newGateway(),
    status: "failed",
    puts: 2,
  },
  {
    name: "restarted empty",
    async begin({ killGateway, newGateway }) {
      await killGateway();
      await newGateway();
    },
    status: "published",
    puts: 1,
  },
  {
    name: "answers after 30 s",
    fault: () => ({ type: "delay", answerMs: 30_000 }),
    status: "failed",
    puts: 2,
  },
  {
    name: "stalled (SIGSTOP)",
    begin: ({ gateway }) => gateway().kill("SIGSTOP"),
    end: ({ gateway }) => gateway().kill("SIGCONT"),
    status: "failed",
    puts: 2,
  },
  { name: "never answers a PUT", fault: onPut({ type: "stall" }), status: "failed", puts: 2 },
  { name: "500", fault: onPut(answering(500)), status: "failed", puts: 2 },
  { name: "503 to everything", fault: () => answering(503), status: "failed", puts: 2 },
  {
    name: "429, Retry-After: 2",
    fault: onPut(answering(429, { "retry-after": "2" })),
    status: "failed",
    puts: 1,
    // The look, and the PUT.
    requests: 2,
  },
  {
    name: "400 to one group",
    fault: (request) => (isPutOf("nightly", request) ? answering(400) : { type: "pass" }),
    status: "refused",
    puts: 1,
    requests: 2,
    sparesOthers: true,
  },
  {
    name: "400, inconsistent with a foreign group",
    async begin({ gateway, report, commit }) {
      const foreign = new URL("/metrics/job/foreign", gateway().url);
      const body = "# TYPE clashing_total gauge\nclashing_total 1\n";
      expect((await fetch(foreign, { method: "PUT", body })).status).toBe(200);
      report(GROUP, counter("clashing_total", 1));
      await commit();
    },
    async end({ gateway }) {
      await fetch(new URL("/metrics/job/foreign", gateway().url), { method: "DELETE" });
    },
    status: "refused",
    puts: 1,
    requests: 2,
    sparesOthers: true,
  },
  { name: "401", fault: () => answering(401), status: "refused", puts: 1, requests: 1 },
  { name: "403", fault: () => answering(403), status: "refused", puts: 1, requests: 1 },
  ...[301, 307].map(
    (code): Row => ({
      name: `${code} to elsewhere`,
      fault: () =>
        answering(code, { location: `${elsewhere.url}?${encodeURIComponent(PASSWORD)}` }),
      status: "refused",
      puts: 1,
      requests: 1,
    }),
  ),
  {
    name: "200 with a login page",
    fault: () => answering(200, { "content-type": "text/html" }),
    status: "refused",
    puts: 1,
    requests: 1,
  },
  {
    name: "half-closed after the head",
    fault: onPut({ type: "half-close" }),
    status: "failed",
    puts: 2,
    // Seen at once, not at the deadline.
    defaultDeadlines: true,
    withinMs: 3000,
  },
  ...[0, 9, 40].map(
    (bytes): Row => ({
      name: `answer cut after ${bytes} bytes`,
      fault: onPut({ type: "cut-answer", bytes }),
      status: "failed",
      puts: 2,
    }),
  ),
  ...(["self-signed", "expired", "wrong-host"] as const).map(
    (name): Row => ({
      name: `TLS ${name}`,
      tls: certificate(name),
      status: "refused",
      puts: 0,
      requests: 0,
    }),
  ),
  {
    name: "TLS 1.1",
    tls: {
      ...certificate("good"),
      minVersion: "TLSv1",
      maxVersion: "TLSv1.1",
      ciphers: "DEFAULT@SECLEVEL=0",
    },
    status: "failed or refused",
    puts: 0,
    requests: 0,
    defaultDeadlines: true,
    withinMs: 2000,
  },
];

const table: string[][] = [];
const ended: (() => Promise<unknown>)[] = [];
let elsewhere: TestServer;

beforeAll(async () => {
  elsewhere = await serve((_, response) => response.end());
});

afterEach(async () => {
  for (const end of ended.splice(0).reverse()) await end();
  expect(elsewhere.requests).toEqual([]);
});

afterAll(async () => {
  await elsewhere.close();
  removeStateDirectories();
  printTable(
    "Faults between a publisher and a real Pushgateway; two groups, scraped every 5 ms",
    [
      "gateway",
      "publish",
      "ms",
      "PUTs",
      "requests",
      "publishAll",
      "cycles to heal",
      "falls",
      "scrapes",
    ],
    table,
  );
});

describeWithServer("pushgateway")("a gateway that is at fault", () => {
  test.each(ROWS)("$name", async (row) => {
    const world = await startWorld(row.tls);
    const { proxy, scraper } = world;
    const deadlines = row.defaultDeadlines
      ? {}
      : { timeoutMs: TIMEOUT_MS, groupTimeoutMs: GROUP_TIMEOUT_MS };
    const warm = world.publisher(deadlines);
    await world.commit();
    await warm.publishAll();
    await world.expectHealed();
    await world.commit();

    world.setFault(row.fault);
    if (row.tls !== undefined) world.door.present(row.tls);
    await row.begin?.(world);
    const publish = await observed(proxy, () => warm.publish(GROUP));
    await world.commit();
    const publishAll = await observed(proxy, () => world.publisher(deadlines).publishAll());
    world.setFault(undefined);
    if (row.tls !== undefined) world.door.present(certificate("good"));
    await row.end?.(world);

    let cycles = 0;
    let isHealed = false;
    while (!isHealed && cycles < 5) {
      cycles++;
      await observed(proxy, () => world.publisher().publishAll());
      isHealed = await world.isHealed();
    }
    const { falls, scrapes } = await scraper.stop();
    table.push([
      row.name,
      statusOf(publish),
      publish.ms.toFixed(0),
      `${publish.puts}`,
      `${publish.requests}`,
      statusOf(publishAll),
      `${cycles}`,
      `${falls.length}`,
      `${scrapes}`,
    ]);

    expect(row.status.split(" or ")).toContain(statusOf(publish));
    expect(publish.puts).toBeLessThanOrEqual(row.puts);
    if (row.requests !== undefined) expect(publish.requests).toBe(row.requests);
    const withinMs = row.withinMs ?? GROUP_TIMEOUT_MS + SLACK_MS;
    expect(publish.ms).toBeLessThan(withinMs);
    expect(publishAll.ms).toBeLessThan(2 * withinMs);
    if (row.status !== "published") expect(statusOf(publishAll)).not.toBe("published, published");
    if (row.sparesOthers) {
      expect(publishAll.result).toContainEqual(
        expect.objectContaining({ groupingKey: OTHER, status: "published" }),
      );
    }
    await world.expectCounted();
    expect(cycles).toBeLessThanOrEqual(2);
    // Else there was no secret to keep.
    for (const { headers } of proxy.requests) expect(headers.authorization).toBe(`Basic ${TOKEN}`);
    expect(falls).toEqual([]);
  });

  test("that answers 500 three times is asked four times, after pauses that differ, with one effect", async () => {
    const world = await startWorld();
    const { proxy, scraper } = world;
    const publisher = world.publisher();
    await world.commit();
    await publisher.publishAll();
    const pauses: number[] = [];
    for (let round = 0; round < 4; round++) {
      await world.commit();
      const before = proxy.requests.length;
      const puts = () => proxy.requests.slice(before).filter((each) => isPutOf("nightly", each));
      world.setFault((request) => {
        return isPutOf("nightly", request) && puts().length < 3 ? answering(500) : { type: "pass" };
      });
      let cycles = 0;
      let status = "failed";
      while (status === "failed" && cycles < 5) {
        cycles++;
        const published = await observed(proxy, () => publisher.publish(GROUP));
        status = statusOf(published);
      }
      expect(status).toBe("published");
      expect(cycles).toBe(2);
      expect(puts()).toHaveLength(4);
      const [first, second, third, fourth] = puts().map(({ at }) => at);
      pauses.push(between(first, second), between(third, fourth));
      await publisher.publish(OTHER);
      await world.expectHealed();
    }
    const { falls, scrapes } = await scraper.stop();
    const range = [Math.min(...pauses), Math.max(...pauses)];
    table.push([
      "500 three times, then 200",
      "failed, published",
      `pauses ${range.map((pause) => pause.toFixed(0)).join("..")}`,
      "4",
      "-",
      "-",
      "2",
      `${falls.length}`,
      `${scrapes}`,
    ]);
    await world.expectCounted();
    expect(falls).toEqual([]);
    // The barrier's 250 ms, and up to as much again.
    expect(range[0]).toBeGreaterThan(240);
    expect(between(...range)).toBeGreaterThan(50);
  });

  test.each([
    { name: "a PUT", fault: onPut({ type: "endless-answer" }), maxGrowth: MAX_GROWTH_BYTES },
    {
      name: "everything",
      fault: (): Fault => ({ type: "endless-answer" }),
      // A look has to read the whole gateway: up to 64 MiB of it, and what the collector has not seen to.
      maxGrowth: MAX_GROWTH_BYTES + 1.5 * 64 * 1024 * 1024,
    },
  ])(
    "that answers $name without end does not fill the memory",
    async ({ name, fault, maxGrowth }) => {
      const world = await startWorld();
      const { proxy, scraper } = world;
      // With the default deadlines: much can be read within them.
      const warm = world.publisher();
      await world.commit();
      await warm.publishAll();
      await world.commit();
      world.setFault(fault);
      const memory = peakMemory();
      const publish = await observed(proxy, () => warm.publish(GROUP));
      // This one meets the barrier.
      await observed(proxy, () => warm.publish(GROUP));
      const publishAll = await observed(proxy, () => warm.publishAll());
      const growth = memory.growth();
      world.setFault(undefined);
      const healed = await observed(proxy, () => world.publisher().publishAll());
      const isHealed = await world.isHealed();
      const { falls, scrapes } = await scraper.stop();
      table.push([
        `endless answer to ${name}, memory +${(growth / 1e6).toFixed(0)} MB`,
        statusOf(publish),
        publish.ms.toFixed(0),
        `${publish.puts}`,
        `${publish.requests}`,
        statusOf(publishAll),
        isHealed ? "1" : "more",
        `${falls.length}`,
        `${scrapes}`,
      ]);
      expect(statusOf(publish)).not.toBe("published");
      expect(publish.ms).toBeLessThan(GROUP_TIMEOUT_MS + SLACK_MS);
      expect(statusOf(healed)).not.toContain("throws");
      expect(isHealed).toBe(true);
      await world.expectCounted();
      expect(falls).toEqual([]);
      expect(growth).toBeLessThan(maxGrowth);
    },
  );

  test("that gets a PUT up to any of its line ends is no success, and whole again one cycle later", async () => {
    await Promise.all((["half-close", "reset"] as const).map(cutAtLineEnds));
  }, 180_000);
});

async function cutAtLineEnds(how: "half-close" | "reset"): Promise<void> {
  const world = await startWorld();
  const { proxy, scraper } = world;
  const publisher = world.publisher();
  await world.commit();
  await publisher.publishAll();
  await world.expectHealed();
  const { body } = proxy.requests.findLast((each) => isPutOf("nightly", each)) ?? {};
  if (body === undefined) throw new Error("nothing was published");
  // The last one is the end.
  const lines = lineEnds(body).length - 1;
  let ms = 0;
  for (let line = 0; line < lines; line++) {
    await world.commit();
    world.setFault((request) => {
      if (!isPutOf("nightly", request)) return { type: "pass" };
      return { type: "cut-request", bodyBytes: lineEnds(request.body)[line] ?? 0, how };
    });
    const publish = await observed(proxy, () => publisher.publish(GROUP));
    expect(publish).toMatchObject({ result: { status: "failed" }, puts: 2 });
    ms = Math.max(ms, publish.ms);
    world.setFault(undefined);
    await observed(proxy, () => world.publisher().publishAll());
    await world.expectHealed();
  }
  const { falls, scrapes } = await scraper.stop();
  const cuts = proxy.requests.filter(({ fault }) => fault === "cut-request");
  const stored = cuts.filter(({ upstreamStatus }) => upstreamStatus === 200);
  const [others, ofHistograms] = [false, true].map((is) => {
    return falls.filter(({ series }) => series.startsWith("step_duration_seconds") === is);
  });
  table.push([
    `${how} at ${lines} line ends of the PUT, which the gateway called 200 ${stored.length} of ${cuts.length} times`,
    "failed",
    `${ms.toFixed(0)}`,
    "2",
    "-",
    "-",
    "1",
    `${others?.length}, ${ofHistograms?.length} of histograms`,
    `${scrapes}`,
  ]);
  await world.expectCounted();
  // A gateway before 1.6.0 keeps half a histogram, and exposes 0 for the half that it did not get.
  expect(others).toEqual([]);
}

type Counter = { readonly name: string; readonly labels: LabelSet; readonly value: number };

/** What only grows: of a histogram its count. */
function countersOf(family: MetricFamily): readonly Counter[] {
  const { type, name } = family;
  if (type === "counter") return family.samples.map((sample) => ({ ...sample, name }));
  if (type !== "histogram") return [];
  return family.samples.map(({ labels, count }) => ({
    name: `${name}_count`,
    labels,
    value: count,
  }));
}

type Observed = {
  /** What came of it, or what was thrown. */
  readonly result: unknown;
  readonly ms: number;
  readonly puts: number;
  readonly requests: number;
};

/** Checks on the way that nothing that was returned or thrown tells the secret. */
async function observed(proxy: FaultProxy, work: () => Promise<unknown>): Promise<Observed> {
  const before = proxy.requests.length;
  const started = performance.now();
  const result = await work().catch((error: unknown) => error);
  const ms = performance.now() - started;
  const requests = proxy.requests.slice(before);
  expectNoSecret(result);
  const puts = requests.filter(({ method }) => method === "PUT").length;
  return { result, ms, puts, requests: requests.length };
}

/** Bytes up to each line end, that included. */
function lineEnds(body: Buffer): readonly number[] {
  return [...body.toString("latin1").matchAll(/\n/g)].map(({ index }) => index + 1);
}

function between(from = Number.NaN, to = Number.NaN): number {
  return to - from;
}

/** The most memory that this process has at a time from now on, above what it has now. Linux. */
function peakMemory(): { readonly growth: () => number } {
  setFlagsFromString("--expose-gc");
  const collect: (options?: { readonly type: "minor" }) => void = runInNewContext("gc");
  collect();
  const figure = (name: string) => {
    const line = new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(
      readFileSync("/proc/self/status", "utf8"),
    );
    return Number(line?.[1]) * 1024;
  };
  // Sets the mark back to what there is now.
  writeFileSync("/proc/self/clear_refs", "5");
  const before = figure("VmRSS");
  // What the scraper leaves lying about is not what is measured.
  const timer = setInterval(() => collect({ type: "minor" }), 20);
  return {
    growth() {
      clearInterval(timer);
      return figure("VmHWM") - before;
    },
  };
}

function statusOf({ result }: Observed): string {
  if (result instanceof Error) return `throws ${result.name}`;
  if (Array.isArray(result)) return result.map(({ status }) => status).join(", ");
  return (result as { status: string }).status;
}

function expectNoSecret(told: unknown): void {
  const text = inspect(told, { depth: 20, maxStringLength: null, maxArrayLength: null });
  const spellings = [PASSWORD, encodeURIComponent(PASSWORD), JSON.stringify(PASSWORD).slice(1, -1)];
  for (const secret of [TOKEN, ...spellings]) expect(text).not.toContain(secret);
}

function onPut(fault: Fault): (request: FaultRequest) => Fault {
  return ({ method }) => (method === "PUT" ? fault : { type: "pass" });
}

function isPutOf(job: string, { method, path }: FaultRequest): boolean {
  return method === "PUT" && path.startsWith(`/metrics/job/${job}`);
}

function certificate(name: "good" | "expired" | "wrong-host" | "self-signed"): TlsOptions {
  return { key: pem(`${name}.key`), cert: pem(`${name}.pem`) };
}

/** A gateway, the proxy in front of it, a ledger with two groups, and a scraper. */
type World = Awaited<ReturnType<typeof startWorld>>;

async function startWorld(tls?: TlsOptions) {
  let gateway = await startRealPushgateway();
  /** The gateway's address, whichever one it is. */
  const address = await startDoor(() => gateway.url);
  let fault: ((request: FaultRequest) => Fault) | undefined;
  const proxy = await startFaultProxy(address.url, (request) => {
    return fault?.(request) ?? { type: "pass" };
  });
  const door = await startDoor(() => proxy.url, tls && certificate("good"));
  const scraper = startScraper({
    url: new URL("/metrics", address.url),
    names: COUNTERS,
  });
  const ledger = createFileLedger({ directory: stateDirectory() });
  const clients: PushClient[] = [];
  const families = new Map([GROUP, OTHER].map((group) => [group, [runsTotal(), ...FAMILIES]]));
  let runs = 0;

  ended.push(async () => {
    for (const client of clients) client.close();
    await scraper.stop();
    await door.close();
    await proxy.close();
    await address.close();
    await gateway.stop();
  });

  const url = new URL(door.url);
  url.username = USERNAME;
  url.password = encodeURIComponent(PASSWORD);
  const totals = async (group: GroupingKey) => {
    const stored = await ledger.readSnapshot(group);
    return stored === undefined ? [] : snapshotFamilies(decodeSnapshot(group, stored));
  };
  /** O2: the gateway shows every counter as the ledger has it. */
  async function isHealed(): Promise<boolean> {
    await scraper.next();
    const shown = [...scraper.log.last];
    for (const group of [GROUP, OTHER]) {
      for (const { name, labels, value } of (await totals(group)).flatMap(countersOf)) {
        const pairs = Object.entries({ job: group.job, ...labels }).map(([k, v]) => `${k}="${v}"`);
        const found = shown.find(([series]) => {
          return series.startsWith(`${name}{`) && pairs.every((pair) => series.includes(pair));
        });
        if (found?.[1] !== value) return false;
      }
    }
    return true;
  }

  return {
    door,
    proxy,
    scraper,
    ledger,
    gateway: () => gateway,
    async killGateway() {
      await gateway.stop();
    },
    async newGateway() {
      gateway = await startRealPushgateway();
    },
    setFault(next: ((request: FaultRequest) => Fault) | undefined) {
      fault = next;
    },
    /** From the next run on, the group reports this too. */
    report(group: GroupingKey, family: MetricFamily) {
      families.get(group)?.push(family);
    },
    /** One more run of each group, told twice. */
    async commit() {
      runs++;
      for (const [group, reported] of families) {
        const record = success(`${group.job}-${runs}`, reported, { groupingKey: group });
        await ledger.append(record);
        await ledger.append(record);
      }
    },
    publisher({
      timeoutMs,
      groupTimeoutMs,
    }: {
      readonly timeoutMs?: number;
      readonly groupTimeoutMs?: number;
    } = {}): Publisher {
      const client = createPushClient({
        url,
        ca: pem("ca.pem"),
        ...(timeoutMs === undefined ? {} : { timeoutMs }),
      });
      clients.push(client);
      return createPublisher({
        ledger,
        client,
        scrapeIntervalSeconds: 0,
        ...(groupTimeoutMs === undefined ? {} : { groupTimeoutMs }),
      });
    },
    isHealed,
    async expectHealed() {
      expect(await isHealed()).toBe(true);
    },
    /** O1: the ledger holds each run once. */
    async expectCounted() {
      for (const group of [GROUP, OTHER]) {
        const counted = sampleValue(await totals(group), "batch_job_runs_total", {
          outcome: "succeeded",
        });
        expect(counted).toBe(runs);
      }
    },
  };
}

type Door = {
  readonly url: URL;
  readonly shut: () => Promise<void>;
  readonly open: () => Promise<void>;
  /** For TLS: the certificate, and all that goes with it, of connections from now on. */
  readonly present: (tls: TlsOptions) => void;
  readonly close: () => Promise<void>;
};

/** A loopback port that leads to whatever `target` says, and that can be shut and opened again. */
async function startDoor(target: () => URL, tls?: TlsOptions): Promise<Door> {
  const sockets = new Set<Socket>();
  const accept = (socket: Socket) => {
    const { hostname: host, port } = target();
    const onward = connect({ host, port: Number(port), allowHalfOpen: true });
    for (const [side, other] of [
      [socket, onward],
      [onward, socket],
    ] as const) {
      sockets.add(side);
      side.on("error", () => other.destroy());
      side.on("close", () => {
        sockets.delete(side);
        other.end();
      });
    }
    socket.pipe(onward).pipe(socket);
  };
  const server =
    tls === undefined
      ? createServer({ allowHalfOpen: true }, accept)
      : createTlsServer(tls, accept);
  // Of TCP: some never get to the end of their TLS handshake.
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;

  async function shut(): Promise<void> {
    if (!server.listening) return;
    const closed = once(server, "close");
    server.close();
    for (const socket of sockets) socket.destroy();
    await closed;
  }
  return {
    url: new URL(`${tls === undefined ? "http" : "https"}://127.0.0.1:${port}`),
    shut,
    async open() {
      server.listen(port, "127.0.0.1");
      await once(server, "listening");
    },
    present(next) {
      if (!("setSecureContext" in server)) throw new Error("not a door with TLS");
      server.setSecureContext(next);
      // What was agreed before does not count any more.
      for (const socket of sockets) socket.destroy();
    },
    close: shut,
  };
}
