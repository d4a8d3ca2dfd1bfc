import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { Counter, Histogram, Pushgateway, Registry } from "prom-client";
import { createFileLedger } from "../../src/ledger/file-ledger.ts";
import { catalogue } from "../../src/metrics/catalogue.ts";
import { createLedgerDelivery } from "../../src/publish/ledger-delivery.ts";
import { createPublisher } from "../../src/publish/publisher.ts";
import { createPushClient } from "../../src/push/client.ts";
import { createRunJob } from "../../src/run/run-job.ts";
import { printTable } from "../support/print-table.ts";
import { type Labels, type RealPrometheus, startPrometheus } from "../support/prometheus.ts";
import { describeWithServer, startRealPushgateway } from "../support/servers.ts";
import { removeStateDirectories, stateDirectory } from "../support/state-directory.ts";

/*
 * The same runs, reported in two ways, each to a real Pushgateway of its own that a real Prometheus
 * scrapes. What they add is known, and compared with what Prometheus makes of it. Over 250 lines: the
 * experiment, both ways and what is expected of them, to be read together.
 */

/** What one run does. */
type Run = {
  readonly strategy: string;
  /** By ticker. */
  readonly trades: Readonly<Record<string, readonly [buys: number, sells: number]>>;
  /** USD. */
  readonly cost: number;
  /** Seconds. */
  readonly latencies: readonly number[];
};

/**
 * New label sets come up all the time: at the first run of a strategy, beside others that are known,
 * right before the gateway's restart and right after it. One strategy never runs again.
 */
const RUNS_BEFORE_RESTART: readonly Run[] = [
  { strategy: "momentum", trades: { AAPL: [3, 1] }, cost: 0.1, latencies: [0.25, 1.5] },
  { strategy: "reversion", trades: { AAPL: [7, 2] }, cost: 0.2, latencies: [4.75] },
  { strategy: "momentum", trades: { AAPL: [10, 4] }, cost: 0.7, latencies: [0.5, 0.5, 45] },
  { strategy: "carry", trades: { GLD: [5, 5] }, cost: 0.1, latencies: [2.25] },
  { strategy: "momentum", trades: { AAPL: [8, 2], NVDA: [6, 3] }, cost: 0.3, latencies: [8] },
  { strategy: "reversion", trades: { AAPL: [4, 9], TSLA: [13, 1] }, cost: 0.05, latencies: [90] },
];
const RUNS_AFTER_RESTART: readonly Run[] = [
  { strategy: "reversion", trades: { AAPL: [2, 3], MSFT: [11, 4] }, cost: 0.15, latencies: [1.25] },
  { strategy: "momentum", trades: { AAPL: [9, 1], NVDA: [12, 5] }, cost: 0.9, latencies: [3.5, 6] },
  { strategy: "pairs", trades: { MSFT: [20, 19] }, cost: 0.4, latencies: [0.125] },
  { strategy: "momentum", trades: { NVDA: [1, 7] }, cost: 0.1, latencies: [6] },
  {
    strategy: "reversion",
    trades: { AAPL: [6, 1], TSLA: [3, 8] },
    cost: 0.35,
    latencies: [2, 500],
  },
  { strategy: "pairs", trades: { MSFT: [15, 2] }, cost: 0.6, latencies: [10.5] },
];
const RUNS = [...RUNS_BEFORE_RESTART, ...RUNS_AFTER_RESTART];

/** Everything in these that grows. The gateway's own labels are left out. */
const COUNTERS = [
  "trades_total",
  "batch_job_runs_total",
  "ai_api_cost_usd_total",
  "ai_api_latency_seconds_count",
  "ai_api_latency_seconds_sum",
  "ai_api_latency_seconds_bucket",
] as const;

const SCRAPE_INTERVAL_MS = 250;
const SCRAPE_JOB = "pushgateway";
const JOB = "backtest";
const MODE = "backtest";
const MODEL = "claude";

/** Holds the whole experiment, and nothing else: the Prometheus is younger than that. */
const RANGE = "1h";

/** A way of reporting runs to a gateway. */
type Way = {
  report(run: Run): Promise<void>;
  /** What a cron job does from time to time. */
  tick(): Promise<void>;
  close(): void;
};

/** What Prometheus has of one series at the end. */
type Seen = {
  readonly values: readonly number[];
  /** Unix seconds of the last sample. */
  readonly lastAt: number;
  readonly increase: number;
};

/** By the series' name and labels, as `seriesName` writes them. */
type BySeries<T> = ReadonlyMap<string, T>;

describeWithServer("pushgateway", "prometheus")("counters of runs, in a real Prometheus", () => {
  const added = addedBy(RUNS);
  let before: BySeries<Seen>;
  let after: BySeries<Seen>;

  beforeAll(async () => {
    [before, after] = await Promise.all([playRuns(promClientWay), playRuns(closingBellWay)]);
  }, 300_000);

  afterAll(() => {
    removeStateDirectories();
    if (after === undefined) return;
    printTable(
      `${RUNS.length} runs in a real Prometheus; after ${RUNS_BEFORE_RESTART.length} the gateway is killed and starts empty`,
      [
        "",
        "added",
        "prom-client: last - first",
        "increase()",
        "closing-bell: last - first",
        "increase()",
      ],
      COUNTERS.filter((name) => !name.endsWith("_bucket")).map((name) => [
        name,
        figure(sumOf(name, added)),
        ...[before, after].flatMap((seen) => [
          figure(sumOf(name, mapValues(seen, growth))),
          figure(
            sumOf(
              name,
              mapValues(seen, ({ increase }) => increase),
            ),
          ),
        ]),
      ]),
    );
  });

  test("grow by exactly what the runs added, each series from its first sample to its last", () => {
    expect(whatGrew(mapValues(after, growth))).toEqual(whatGrew(added));
  });

  test("never fall, the gateway's restart included", () => {
    const falling = [...after].filter(([, { values }]) =>
      values.some((value, index) => value < (values[index - 1] ?? 0)),
    );
    expect(falling).toEqual([]);
  });

  test("are all there in the last scrape, also of jobs that ran before the restart only", () => {
    const ends = new Set([...after.values()].map(({ lastAt }) => lastAt));
    expect([...ends]).toHaveLength(1);
  });

  test("have an increase() that is exact up to Prometheus's extrapolation", () => {
    const outside = [...after].filter(([, seen]) => {
      const least = growth(seen) * (1 - ROUNDING);
      const most = growth(seen) * (1 + extrapolation(seen) + ROUNDING);
      return !(seen.increase >= least && seen.increase <= most);
    });
    expect(outside).toEqual([]);
  });

  test("say what the last run added less what the first one did, when each pushes its own", () => {
    const grown = whatGrew(mapValues(before, growth));
    expect(grown).toEqual(whatGrew(lastLessFirst(RUNS)));
    expect(grown).not.toEqual(whatGrew(added));
  });

  test("have an increase() that misses runs, when each pushes its own", () => {
    const increases = mapValues(before, ({ increase }) => increase);
    expect(sumOf("batch_job_runs_total", increases)).toBe(0);
    expect(sumOf("trades_total", increases)).toBeLessThan(0.8 * sumOf("trades_total", added));
  });
});

/** Plays all runs to a gateway of their own, and says what Prometheus has of them. */
async function playRuns(wayTo: (gateway: string) => Way): Promise<BySeries<Seen>> {
  const gateway = await startRealPushgateway();
  const { url } = gateway;
  const prometheus = await startPrometheus({
    scrapeIntervalMs: SCRAPE_INTERVAL_MS,
    targets: [{ job: SCRAPE_JOB, url, honorLabels: true }],
  });
  const way = wayTo(url.href);

  async function play(runs: readonly Run[]): Promise<void> {
    for (const run of runs) {
      await way.report(run);
      await prometheus.awaitScrapes(SCRAPE_JOB, 2);
      await way.tick();
      await prometheus.awaitScrapes(SCRAPE_JOB, 2);
    }
  }

  await prometheus.awaitScrapes(SCRAPE_JOB, 1);
  await play(RUNS_BEFORE_RESTART);

  await gateway.stop();
  await prometheus.awaitScrapes(SCRAPE_JOB, 1, "badly");
  const successor = await startRealPushgateway({ port: Number(url.port) });

  await play(RUNS_AFTER_RESTART);
  await way.tick();
  await prometheus.awaitScrapes(SCRAPE_JOB, 2);
  way.close();

  // So that nothing changes between the questions.
  await successor.stop();
  await prometheus.awaitScrapes(SCRAPE_JOB, 1, "badly");
  const seen = await readCounters(prometheus);
  await prometheus.stop();
  return seen;
}

async function readCounters(prometheus: RealPrometheus): Promise<BySeries<Seen>> {
  const seen = new Map<string, Seen>();
  for (const name of COUNTERS) {
    const selector = `${name}{job="${JOB}"}[${RANGE}]`;
    const increases = await prometheus.query(`increase(${selector})`);
    const byName = new Map(increases.map((each) => [seriesName(name, each.labels), each.value]));
    for (const { labels, samples } of await prometheus.samples(selector)) {
      const series = seriesName(name, labels);
      const values = samples.map(({ value }) => value);
      const lastAt = samples.at(-1)?.time ?? Number.NaN;
      seen.set(series, { values, lastAt, increase: byName.get(series) ?? Number.NaN });
    }
  }
  return seen;
}

/** Every run pushes counters of its own, as prom-client's README has it. */
function promClientWay(gateway: string): Way {
  return {
    async report(run) {
      const registry = new Registry();
      const registers = [registry];
      const make = ({ name, help, labels }: Definition) => {
        return { name, help, labelNames: Object.keys(labels), registers };
      };
      const { tradesTotal, aiApiCostUsdTotal, aiApiLatencySeconds } = catalogue;
      const { buckets } = aiApiLatencySeconds;
      perform(run, {
        trades: new Counter(make(tradesTotal)),
        cost: new Counter(make(aiApiCostUsdTotal)),
        latency: new Histogram({ ...make(aiApiLatencySeconds), buckets: [...buckets] }),
      });
      const runs = { name: "batch_job_runs_total", help: "Runs", labelNames: ["outcome"] };
      new Counter({ ...runs, registers }).inc({ outcome: "succeeded" });

      const groupings = { strategy: run.strategy, mode: MODE };
      await new Pushgateway(gateway, {}, registry).pushAdd({ jobName: JOB, groupings });
    },
    async tick() {},
    close() {},
  };
}

/** Every run is recorded in the ledger and publishes its totals; a cron job publishes as well. */
function closingBellWay(gateway: string): Way {
  const ledger = createFileLedger({ directory: stateDirectory() });
  const client = createPushClient({ url: gateway });
  const publisher = createPublisher({
    ledger,
    client,
    scrapeIntervalSeconds: SCRAPE_INTERVAL_MS / 1000,
  });
  const { settleJob } = createRunJob({
    delivery: createLedgerDelivery({
      ledger,
      log: () => {},
      publish: (group, signal) => publisher.publish(group, { signal }),
    }),
  });
  return {
    async report(run) {
      const groupingKey = { strategy: run.strategy, mode: MODE };
      const { delivery } = await settleJob({ job: JOB, groupingKey }, ({ metrics }) => {
        const { tradesTotal, aiApiCostUsdTotal, aiApiLatencySeconds } = metrics;
        perform(run, {
          trades: tradesTotal,
          cost: aiApiCostUsdTotal,
          latency: aiApiLatencySeconds,
        });
      });
      expect(delivery).toMatchObject({
        status: "recorded",
        publication: { status: "published" },
      });
    },
    async tick() {
      for (const { status } of await publisher.publishAll()) {
        expect(["published", "current"]).toContain(status);
      }
    },
    close: () => client.close(),
  };
}

type Definition = {
  readonly name: string;
  readonly help: string;
  readonly labels: Readonly<Record<string, unknown>>;
};

type Instruments = {
  readonly trades: {
    inc(labels: { readonly ticker: string; readonly side: "BUY" | "SELL" }, by: number): void;
  };
  readonly cost: { inc(labels: { readonly model_name: string }, by: number): void };
  readonly latency: { observe(labels: { readonly model_name: string }, value: number): void };
};

/** What a run's program does, whatever it is instrumented with. */
function perform({ trades, cost, latencies }: Run, instruments: Instruments): void {
  for (const [ticker, [buys, sells]] of Object.entries(trades)) {
    instruments.trades.inc({ ticker, side: "BUY" }, buys);
    instruments.trades.inc({ ticker, side: "SELL" }, sells);
  }
  instruments.cost.inc({ model_name: MODEL }, cost);
  for (const latency of latencies) instruments.latency.observe({ model_name: MODEL }, latency);
}

/** What a run adds to each series, worked out by hand. */
function additions({ strategy, trades, cost, latencies }: Run): BySeries<number> {
  const byModel = { strategy, model_name: MODEL };
  const latency = catalogue.aiApiLatencySeconds;
  const bounds = [...latency.buckets, Number.POSITIVE_INFINITY];
  return new Map([
    ...Object.entries(trades).flatMap(([ticker, [buys, sells]]) => [
      [seriesName("trades_total", { strategy, ticker, side: "BUY" }), buys] as const,
      [seriesName("trades_total", { strategy, ticker, side: "SELL" }), sells] as const,
    ]),
    [seriesName("batch_job_runs_total", { strategy, outcome: "succeeded" }), 1],
    [seriesName("ai_api_cost_usd_total", byModel), cost],
    [seriesName(`${latency.name}_count`, byModel), latencies.length],
    [seriesName(`${latency.name}_sum`, byModel), latencies.reduce((sum, each) => sum + each, 0)],
    ...bounds.map((bound) => {
      const upTo = latencies.filter((each) => each <= bound).length;
      return [seriesName(`${latency.name}_bucket`, { ...byModel, le: `${bound}` }), upTo] as const;
    }),
  ]);
}

/** What runs add to each series in all: exactly, as all amounts are whole thousandths. */
function addedBy(runs: readonly Run[]): BySeries<number> {
  const thousandths = new Map<string, number>();
  for (const [series, amount] of runs.flatMap((run) => [...additions(run)])) {
    thousandths.set(series, (thousandths.get(series) ?? 0) + Math.round(amount * 1000));
  }
  return mapValues(thousandths, (sum) => sum / 1000);
}

/** Of each series, what the last run that has it added, less what the first one did. */
function lastLessFirst(runs: readonly Run[]): BySeries<number> {
  const amounts = runs.flatMap((run) => [...additions(run)]);
  const first = new Map(amounts.toReversed());
  const last = new Map(amounts);
  return new Map([...last].map(([series, amount]) => [series, amount - (first.get(series) ?? 0)]));
}

/** A series without the labels that all of them have. Servers differ in how they write `le`. */
function seriesName(name: string, labels: Labels): string {
  const pairs = Object.entries(labels)
    .filter(([label]) => !["__name__", "job", "instance", "mode"].includes(label))
    .map(([label, value]) => {
      return [label, label === "le" ? `${Number(value.replace(/Inf$/, "Infinity"))}` : value];
    })
    .sort();
  return `${name}{${pairs.map(([label, value]) => `${label}="${value}"`).join(",")}}`;
}

/** Last sample minus first. */
function growth({ values }: Seen): number {
  return (values.at(-1) ?? Number.NaN) - (values[0] ?? Number.NaN);
}

/** Of `increase()`, which multiplies and divides by seconds. */
const ROUNDING = 1e-9;

/**
 * By how much of the growth `increase()` may be above it. Prometheus supposes that a series went on
 * growing after its last sample: up to the end of the range when that is nearer than 1.1 average
 * distances between samples, else for half of one (`extrapolatedRate` in its promql/functions.go;
 * n samples have n - 1 distances). It supposes the same of the time before the first sample, except
 * that it does not let a counter come from below 0, and ours begin there.
 */
function extrapolation({ values }: Seen): number {
  return 1.1 / (values.length - 1);
}

function mapValues<T, R>(map: BySeries<T>, change: (value: T) => R): BySeries<R> {
  return new Map([...map].map(([series, value]) => [series, change(value)]));
}

function whatGrew(growths: BySeries<number>): Readonly<Record<string, number>> {
  return Object.fromEntries([...growths].filter(([, amount]) => amount !== 0));
}

function sumOf(name: string, values: BySeries<number>): number {
  const own = [...values].filter(([series]) => series.startsWith(`${name}{`));
  return own.reduce((sum, [, value]) => sum + value, 0);
}

function figure(value: number): string {
  return `${Number(value.toFixed(3))}`;
}
