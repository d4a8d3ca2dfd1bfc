import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { setAiPrices } from "../../../src/ai.ts";
import { systemClock } from "../../../src/clock.ts";
import { withMetricSet } from "../../../src/metrics/current.ts";
import { createMetricSet } from "../../../src/metrics/metric-set.ts";
import { createDirectPush } from "../../../src/publish/direct-push.ts";
import { createLedgerDelivery } from "../../../src/publish/ledger-delivery.ts";
import { createPublisher } from "../../../src/publish/publisher.ts";
import { createPushClient, type PushClient } from "../../../src/push/client.ts";
import { createReporter, type Reporter } from "../../../src/reporter/report.ts";
import { createRunJob, type RunJobs } from "../../../src/run/run-job.ts";
import { type MetricsServer, startMetricsServer } from "../../../src/scrape/server.ts";
import { prometheusOnLoopback } from "../../prometheus/on-loopback.ts";
import { createMemoryLedger } from "../../support/memory-ledger.ts";
import { printTable } from "../../support/print-table.ts";
import { type RealPrometheus, startConfiguredPrometheus } from "../../support/prometheus.ts";
import { describeWithServer, startRealPushgateway } from "../../support/servers.ts";
import { queriesOf, shippedBoards } from "./grafana.ts";
import { TABLES } from "./held/tables.ts";
import { perform } from "./perform.ts";
import { APP_STARTED_AT, planOf, TRACKING } from "./plan.ts";
import { client as asking } from "./store.ts";
import { PRICES, type Run } from "./work.ts";

/*
 * The day is a simulated one. Here is a little real time: a real Pushgateway, a real Prometheus that
 * scrapes every second and evaluates the shipped rules, and programs that report meanwhile.
 */

jest.setTimeout(180_000);

const INTERVAL_MS = 1000;

/** Deadline, for a machine that hangs: it takes about a quarter of a minute. Milliseconds. */
const DEADLINE_MS = 120_000;

const GOES_ON = new AbortController().signal;

/** What a good moment has no data for; and what is looked at on the full minute, for which nobody waits. */
const NOT_NOW: readonly string[] = [
  "What is wrong | A",
  "annotation Critical alerts | ",
  "Runs by outcome | B",
  "Data age | B",
];

describeWithServer("pushgateway", "prometheus")("dashboards, in real time", () => {
  const ledger = createMemoryLedger();
  const system = createMetricSet();
  const works = worksOf(planOf("good").runs);
  let client: PushClient;
  let jobs: RunJobs;
  let reporter: Reporter;
  let server: MetricsServer;
  let prometheus: RealPrometheus;
  let seconds = Number.NaN;

  beforeAll(async () => {
    setAiPrices(PRICES);
    const gateway = await startRealPushgateway();
    client = createPushClient({ url: gateway.url });
    const scrapeIntervalSeconds = INTERVAL_MS / 1000;
    const publisher = createPublisher({ ledger, client, scrapeIntervalSeconds });
    const log = () => {};
    jobs = createRunJob({
      delivery: createLedgerDelivery({
        ledger,
        log,
        publish: (group, signal) => publisher.publish(group, { signal }),
      }),
    });
    reporter = createReporter({
      figures: {
        mode: "live",
        sources: {
          portfolio: {
            name: "portfolio",
            read: async () => ({ ...planOf("good").accountAt(Date.now() / 1000), currency: "USD" }),
          },
          timescale: { name: "timescale", read: async () => true as const },
          redis: { name: "redis", read: async () => true as const },
          killSwitch: { name: "kill_switch", read: async () => false },
          appStart: { name: "app_start", read: async () => APP_STARTED_AT },
        },
        tracking: TRACKING,
        push: createDirectPush({ client, ledger }),
      },
      gateway: client.gateway,
      counting: {
        ledger,
        publisher,
        runs: createRunJob({ delivery: createLedgerDelivery({ ledger, log }) }),
      },
      clock: systemClock,
    });
    server = await startMetricsServer({ port: 0, host: "127.0.0.1", metrics: system });
    prometheus = await startConfiguredPrometheus({
      configuration: (address) =>
        prometheusOnLoopback({
          targets: {
            pushgateway: gateway.url.host,
            "ai-trading-system": server.url.host,
            prometheus: address,
            alertmanager: address,
          },
          intervalMs: INTERVAL_MS,
        }),
    });
  });

  afterAll(async () => {
    client?.close();
    await server?.close();
    printTable(
      "Dashboards in real time",
      ["what", "seconds"],
      [["start to data for all queries", seconds.toFixed(1)]],
    );
  });

  /** What happens in a moment: every job once, the trading system, and a look. */
  async function live(): Promise<void> {
    for (const { job, labels, work } of works) {
      await jobs.settleJob({ job, groupingKey: labels }, () => perform(work));
    }
    for (const { work } of planOf("good").moments.slice(0, 1)) {
      withMetricSet(system, () => perform(work));
    }
    await reporter.look(GOES_ON);
  }

  /** Queries of all panels, of those that can have data, that have none now. */
  async function empty(): Promise<readonly string[]> {
    const asked = asking(() => prometheus.url);
    const now = Math.floor(Date.now() / 1000);
    const keys: string[] = [];
    for (const board of shippedBoards()) {
      const viewer = { now, scrapeSeconds: INTERVAL_MS / 1000, atMost: 120 };
      for (const { key, expr } of await queriesOf(board, asked, viewer)) {
        const [dashboard = "", ...rest] = key.split(" | ");
        const query = rest.join(" | ");
        if (TABLES[dashboard]?.[query]?.to === "none" || NOT_NOW.includes(query)) continue;
        // Of a range its last moment: steps of five minutes have none yet.
        if ((await asked.instant(expr, now)).length === 0) keys.push(key);
      }
    }
    return keys;
  }

  test("every query that can have data soon has some", async () => {
    const started = performance.now();
    let missing: readonly string[] = ["everything"];
    while (missing.length > 0 && performance.now() - started < DEADLINE_MS) {
      await live();
      await prometheus.awaitScrapes("pushgateway", 1);
      missing = await empty();
    }
    seconds = (performance.now() - started) / 1000;
    expect(missing).toEqual([]);
  });
});

/** Of each group the first run. */
function worksOf(runs: readonly Run[]): readonly Run[] {
  const groups = new Map<string, Run>();
  for (const run of runs) {
    const name = `${run.job} ${JSON.stringify(run.labels)}`;
    if (!groups.has(name) && run.outcome === "succeeded") groups.set(name, run);
  }
  return [...groups.values()];
}
