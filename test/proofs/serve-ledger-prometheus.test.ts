import { type AddressInfo, connect, createServer, type Server } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { systemClock } from "../../src/clock.ts";
import { groupingKey } from "../../src/grouping-key.ts";
import { createFileLedger } from "../../src/ledger/file-ledger.ts";
import { createLedgerReader } from "../../src/publish/serve-ledger.ts";
import { completionRecord, newExecutionId } from "../../src/record/run-record.ts";
import { startLedgerServer } from "../../src/scrape/ledger.ts";
import { type Labels, type RealPrometheus, startPrometheus } from "../support/prometheus.ts";
import { counter, histogram } from "../support/run-records.ts";
import { describeWithServer } from "../support/servers.ts";
import { removeStateDirectories, stateDirectory } from "../support/state-directory.ts";

/**
 * A ledger that is served, and two real Prometheus servers that scrape it, at different intervals and
 * from different addresses. Runs end whenever they like, each strategy and ticker for the first time
 * somewhere in between; the server is stopped and started again. What the runs added is known.
 */

type Run = {
  readonly strategy: string;
  readonly ticker: string;
  readonly trades: number;
  readonly latencies: readonly number[];
  /** Milliseconds until the next one ends. */
  readonly pauseMs: number;
};

const RUNS: readonly Run[] = [
  { strategy: "momentum", ticker: "AAPL", trades: 3, latencies: [0.5], pauseMs: 40 },
  { strategy: "reversion", ticker: "AAPL", trades: 7, latencies: [1.5], pauseMs: 700 },
  { strategy: "momentum", ticker: "NVDA", trades: 10, latencies: [0.5, 45], pauseMs: 90 },
  { strategy: "carry", ticker: "GLD", trades: 5, latencies: [2.25], pauseMs: 10 },
  { strategy: "momentum", ticker: "AAPL", trades: 8, latencies: [8], pauseMs: 1200 },
  { strategy: "reversion", ticker: "TSLA", trades: 13, latencies: [90], pauseMs: 130 },
];
const RUNS_AFTER_RESTART: readonly Run[] = [
  { strategy: "pairs", ticker: "MSFT", trades: 20, latencies: [0.125], pauseMs: 0 },
  { strategy: "momentum", ticker: "NVDA", trades: 12, latencies: [3.5], pauseMs: 400 },
  { strategy: "reversion", ticker: "MSFT", trades: 11, latencies: [1.25], pauseMs: 900 },
  { strategy: "pairs", ticker: "MSFT", trades: 15, latencies: [10.5], pauseMs: 200 },
];

const JOB = "backtest";
const SCRAPE_JOB = "ledger";
const INTERVALS_MS = [250, 600];
const COUNTERS = ["trades_total", "latency_count", "latency_sum", "latency_bucket"];

/** Last less first, and all values in between, by Prometheus and by series. */
type Seen = ReadonlyMap<string, readonly number[]>;

describeWithServer("prometheus")("a served ledger, in two real Prometheus servers", () => {
  let seen: readonly Seen[];

  beforeAll(async () => {
    seen = await play();
  }, 300_000);
  afterAll(removeStateDirectories);

  test("each series grows by exactly what the runs added, its first one included", () => {
    for (const each of seen) {
      const grown = [...each].map(([series, values]) => [
        series,
        round((values.at(-1) ?? Number.NaN) - (values[0] ?? Number.NaN)),
      ]);
      expect(Object.fromEntries(grown.filter(([, amount]) => amount !== 0))).toEqual(addedBy());
    }
  });

  test("no series falls, the server's restart included", () => {
    for (const each of seen) {
      const falling = [...each].filter(([, values]) =>
        values.some((value, index) => value < (values[index - 1] ?? 0)),
      );
      expect(falling).toEqual([]);
    }
  });
});

async function play(): Promise<readonly Seen[]> {
  const directory = stateDirectory();
  const ledger = createFileLedger({ directory });
  const serve = (port: number) =>
    startLedgerServer({
      host: "127.0.0.1",
      port,
      // As a process of its own has it.
      read: createLedgerReader({ ledger: createFileLedger({ directory }), clock: systemClock }),
      onLack: (message) => {
        throw new Error(message);
      },
    });
  const first = await serve(0);
  const port = Number(first.url.port);
  const relay = await startRelay(port, "127.0.0.2");
  const targets = [first.url, new URL(`http://127.0.0.1:${relay.port}`)];
  const servers = await Promise.all(
    INTERVALS_MS.map((scrapeIntervalMs, index) =>
      startPrometheus({
        scrapeIntervalMs,
        targets: [{ job: SCRAPE_JOB, url: targets[index] ?? first.url, honorLabels: true }],
      }),
    ),
  );
  const scraped = (count: number) =>
    Promise.all(servers.map((each) => each.awaitScrapes(SCRAPE_JOB, count)));
  async function record(runs: readonly Run[]): Promise<void> {
    for (const run of runs) {
      await ledger.append(recordOf(run));
      await sleep(run.pauseMs);
    }
  }

  await scraped(1);
  await record(RUNS);
  await first.close();
  await Promise.all(servers.map((each) => each.awaitScrapes(SCRAPE_JOB, 1, "badly")));
  const second = await serve(port);
  await record(RUNS_AFTER_RESTART);
  await scraped(4);
  await second.close();
  relay.server.close();
  const seen = await Promise.all(servers.map(readSeen));
  await Promise.all(servers.map((each) => each.stop()));
  return seen;
}

function recordOf({ strategy, ticker, trades, latencies }: Run) {
  return completionRecord({
    groupingKey: groupingKey(JOB, { strategy, mode: "backtest" }),
    executionId: newExecutionId(),
    outcome: "succeeded",
    completedAt: Date.now() / 1000,
    families: [counter("trades_total", trades, { ticker }), histogram("latency", latencies)],
  });
}

async function readSeen(prometheus: RealPrometheus): Promise<Seen> {
  const seen = new Map<string, readonly number[]>();
  for (const name of COUNTERS) {
    for (const { labels, samples } of await prometheus.samples(`${name}{job="${JOB}"}[1h]`)) {
      // Not even Prometheus's own.
      expect(labels).not.toHaveProperty("instance");
      seen.set(
        seriesName(name, labels),
        samples.map(({ value }) => value),
      );
    }
  }
  return seen;
}

/** What all runs add to each series, worked out by hand. */
function addedBy(): Readonly<Record<string, number>> {
  const sums: Record<string, number> = {};
  const add = (series: string, amount: number) => {
    if (amount !== 0) sums[series] = round((sums[series] ?? 0) + amount);
  };
  for (const { strategy, ticker, trades, latencies } of [...RUNS, ...RUNS_AFTER_RESTART]) {
    add(seriesName("trades_total", { strategy, ticker }), trades);
    add(seriesName("latency_count", { strategy }), latencies.length);
    add(
      seriesName("latency_sum", { strategy }),
      latencies.reduce((sum, each) => sum + each, 0),
    );
    for (const le of ["1", "2", "+Inf"]) {
      const upTo = latencies.filter((each) => le === "+Inf" || each <= Number(le)).length;
      add(seriesName("latency_bucket", { strategy, le }), upTo);
    }
  }
  return sums;
}

function seriesName(name: string, labels: Labels): string {
  const pairs = Object.entries(labels).filter(([label]) =>
    ["strategy", "ticker", "le"].includes(label),
  );
  return `${name}${JSON.stringify(pairs.sort())}`;
}

/** Amounts are whole thousandths. */
function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}

/** Makes a port of another machine of it: what is passed on comes from another address. */
async function startRelay(
  port: number,
  localAddress: string,
): Promise<{ readonly port: number; readonly server: Server }> {
  const server = createServer((socket) => {
    const onward = connect({ host: "127.0.0.1", port, localAddress });
    socket.pipe(onward).pipe(socket);
    for (const each of [socket, onward]) {
      each.on("error", () => each.destroy());
      each.on("close", () => {
        socket.destroy();
        onward.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { port: (server.address() as AddressInfo).port, server };
}
