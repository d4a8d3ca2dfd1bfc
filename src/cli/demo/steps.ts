import { formatGroupingKey } from "../../grouping-key.ts";
import { readPrices } from "../../jobs/backtest/prices.ts";
import { runBacktest, STRATEGY } from "../../jobs/backtest.ts";
import { runCatalogue } from "../../metrics/catalogue.ts";
import { gaugeValue, type MetricFamily } from "../../metrics/exposition/family.ts";
import type { DeliveryReport } from "../../publish/delivery.ts";
import { lookAt } from "../../publish/look.ts";
import { readGroups, readScrape } from "../../push/groups.ts";
import { GROUP, type Stage } from "./stage.ts";

/**
 * What the demo saw, as `--json` prints it. Each step below does one thing and returns what it saw;
 * a claim that is not so is `false`.
 */
export type DemoFacts = {
  readonly gateway: { readonly url: string; readonly embedded: boolean };
  readonly ledger: string;
  readonly data: Awaited<ReturnType<typeof loadPrices>>;
  readonly backtest: Awaited<ReturnType<typeof runAndPublish>>;
  readonly scrape: Awaited<ReturnType<typeof scrapeGroup>>;
  readonly again: Awaited<ReturnType<typeof runAgain>>;
  readonly retry: Awaited<ReturnType<typeof retryOnce>>;
  readonly failure: Awaited<ReturnType<typeof failOnce>>;
  readonly wiped: Awaited<ReturnType<typeof wipeAndHeal>>;
  readonly outage: Awaited<ReturnType<typeof runWithoutGateway>>;
  /** Every claim holds. */
  readonly ok: boolean;
};

export async function loadPrices(pricesUrl: URL) {
  const bars = await readPrices(pricesUrl);
  // Without the query, which may hold a key.
  const source = `${pricesUrl.protocol}//${pricesUrl.host}${pricesUrl.pathname}`;
  return { rows: bars.length, from: bars[0]?.date, to: bars.at(-1)?.date, source };
}

/** The main job: backtest on real prices, recorded and published on completion. */
export async function runAndPublish({ runs }: Stage, pricesUrl: URL) {
  const started = performance.now();
  const { outcome, delivery } = await runBacktest(runs, { pricesUrl });
  const seconds = (performance.now() - started) / 1000;
  if (outcome.status !== "succeeded") throw outcome.error;
  return { strategy: STRATEGY, result: outcome.value, seconds, delivery: plain(delivery) };
}

/** What Prometheus would scrape of the job's group, one line per series. */
export async function scrapeGroup({ client }: Stage) {
  const text = await readScrape(client);
  const lines = text.split("\n").filter(belongsToBacktest);
  const buckets = lines.filter((line) => line.includes("_bucket{"));
  return { series: lines.length, buckets: buckets.length, lines };
}

/** The same strategy once more: the totals are those of both runs. */
export async function runAgain(stage: Stage, pricesUrl: URL) {
  const before = await totals(stage);
  const { outcome, delivery } = await runBacktest(stage.runs, { pricesUrl });
  const after = await totals(stage);
  const trades = outcome.status === "succeeded" ? outcome.value.trades : undefined;
  return {
    delivery: plain(delivery),
    before,
    after,
    totalsAdd:
      after.succeeded === before.succeeded + 1 && after.trades === before.trades + (trades ?? -1),
  };
}

/** A scheduler that delivers an event twice: the second execution of the same work adds nothing. */
export async function retryOnce(stage: Stage, pricesUrl: URL) {
  const before = await totals(stage);
  const runId = crypto.randomUUID();
  const first = await runBacktest(stage.runs, { pricesUrl, runId });
  const second = await runBacktest(stage.runs, { pricesUrl, runId });
  const after = await totals(stage);
  return {
    first: plain(first.delivery),
    second: plain(second.delivery),
    countedOnce:
      second.delivery.status === "already_counted" && after.succeeded === before.succeeded + 1,
  };
}

/** The same job fails: its error is its own, it counts as failed, and the last success stays. */
export async function failOnce(stage: Stage) {
  const before = await totals(stage);
  const broken = new Error("no prices today");
  const { outcome, delivery } = await stage.runs.settleJob(
    { job: GROUP.job, groupingKey: GROUP.labels },
    () => {
      throw broken;
    },
  );
  const after = await totals(stage);
  return {
    outcome: outcome.status,
    errorIsTheJobsOwn: outcome.status === "failed" && outcome.error === broken,
    delivery: plain(delivery),
    failureCounted: after.failed === before.failed + 1,
    lastSuccess: after.lastSuccess,
    lastSuccessKept: before.lastSuccess !== undefined && before.lastSuccess === after.lastSuccess,
  };
}

/** The gateway loses its memory: one `closing-bell publish` and it is whole again. */
export async function wipeAndHeal(stage: Stage) {
  const before = await totals(stage);
  await stage.wipe();
  const gone = await totals(stage);
  await stage.publisher.publishAll({ groups: [GROUP] });
  const after = await totals(stage);
  return {
    before,
    after,
    wholeAgain: gone.succeeded === 0 && JSON.stringify(before) === JSON.stringify(after),
  };
}

/** No gateway at the end of a run: the job does not notice, and the next publish brings its counts. */
export async function runWithoutGateway(stage: Stage, pricesUrl: URL) {
  const before = await totals(stage);
  const { outcome, delivery } = await runBacktest(stage.runsWithoutGateway, { pricesUrl });
  await stage.publisher.publishAll({ groups: [GROUP] });
  const after = await totals(stage);
  return {
    outcome: outcome.status,
    jobSucceeded: outcome.status === "succeeded",
    delivery: plain(delivery),
    countedLater: after.succeeded === before.succeeded + 1,
  };
}

/** A delivery report as JSON. */
export type PlainDelivery = {
  readonly status: DeliveryReport["status"];
  readonly group?: string;
  readonly publication?: {
    readonly status: string;
    readonly version?: number;
    readonly series?: number;
    readonly seconds?: number;
    readonly error?: string;
  };
  readonly error?: string;
};

function plain(delivery: DeliveryReport): PlainDelivery {
  switch (delivery.status) {
    case "recorded":
    case "already_counted": {
      const { status, groupingKey, publication } = delivery;
      const group = formatGroupingKey(groupingKey);
      switch (publication.status) {
        case "published": {
          const { version, series, seconds } = publication;
          return { status, group, publication: { status: "published", version, series, seconds } };
        }
        case "failed":
        case "refused": {
          const { message: error } = publication.error;
          return { status, group, publication: { status: publication.status, error } };
        }
        default:
          return { status, group, publication: { status: publication.status } };
      }
    }
    case "delivered":
      return { status: delivery.status };
    case "disabled":
      return { status: delivery.status, error: delivery.reason };
    default:
      return { status: delivery.status, error: delivery.error.message };
  }
}

function belongsToBacktest(line: string): boolean {
  return (
    !line.startsWith("#") &&
    line.includes('job="backtest"') &&
    line.includes('mode="backtest"') &&
    line.includes(`strategy="${STRATEGY}"`)
  );
}

/** What the gateway shows of the job. */
async function totals({ client }: Stage) {
  const { families } = lookAt(await readGroups(client), GROUP);
  return {
    succeeded: sum(families, "batch_job_runs_total", { outcome: "succeeded" }),
    failed: sum(families, "batch_job_runs_total", { outcome: "failed" }),
    trades: sum(families, "trades_total", {}),
    lastSuccess: gaugeValue(families, runCatalogue.lastSuccessTimestampSeconds.name),
  };
}

function sum(
  families: readonly MetricFamily[],
  name: string,
  labels: Readonly<Record<string, string>>,
): number {
  const family = families.find((each) => each.name === name);
  if (family?.type !== "counter") return 0;
  return family.samples
    .filter((sample) => Object.entries(labels).every(([k, v]) => sample.labels[k] === v))
    .reduce((total, { value }) => total + value, 0);
}
