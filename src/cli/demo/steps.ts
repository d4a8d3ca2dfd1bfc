import type { GroupingKey } from "../../grouping-key.ts";
import { readPrices } from "../../jobs/backtest/prices.ts";
import { runBacktest, STRATEGY } from "../../jobs/backtest.ts";
import type { MetricFamily } from "../../metrics/exposition/family.ts";
import { parseExposition } from "../../metrics/exposition/parse.ts";
import type { DeliveryReport } from "../../publish/delivery.ts";
import { createDirectDelivery } from "../../publish/direct-delivery.ts";
import type { PushClient } from "../../push/client.ts";
import { readScrape } from "../../push/groups.ts";
import { createRunJob } from "../../run/run-job.ts";

/**
 * What the demo saw, as `--json` prints it. Each step below does one thing and returns what it saw;
 * a claim that is not so is `false`.
 */
export type DemoFacts = {
  readonly gateway: { readonly url: string; readonly embedded: boolean };
  readonly data: Awaited<ReturnType<typeof loadPrices>>;
  readonly backtest: Awaited<ReturnType<typeof runAndPush>>;
  readonly scrape: Awaited<ReturnType<typeof scrapeGroup>>;
  readonly failure: Awaited<ReturnType<typeof failOnce>>;
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

/** The main job: backtest on real prices, reported on completion. */
export async function runAndPush(client: PushClient, pricesUrl: URL) {
  const started = performance.now();
  const { outcome, delivery } = await runBacktest(runsOver(client), { pricesUrl });
  const seconds = (performance.now() - started) / 1000;
  if (outcome.status !== "succeeded") throw outcome.error;
  return { strategy: STRATEGY, result: outcome.value, seconds, push: plain(delivery) };
}

/** What Prometheus would scrape of the job's group, one line per series. */
export async function scrapeGroup(client: PushClient) {
  const text = await readScrape(client);
  const lines = text.split("\n").filter(belongsToBacktest);
  const buckets = lines.filter((line) => line.includes("_bucket{"));
  return { series: lines.length, buckets: buckets.length, lines };
}

/** The same job fails: its error is its own, and what the last success left stays. */
export async function failOnce(client: PushClient) {
  const before = await lastSuccess(client);
  const broken = new Error("no prices today");
  const { outcome, delivery } = await runsOver(client).settleJob(
    { job: "backtest", groupingKey: { strategy: STRATEGY, mode: "backtest" } },
    () => {
      throw broken;
    },
  );
  const after = await lastSuccess(client);
  const failed = await sampleValue(client, "batch_job_runs_total", { outcome: "failed" });
  return {
    outcome: outcome.status,
    errorIsTheJobsOwn: outcome.status === "failed" && outcome.error === broken,
    push: plain(delivery),
    failureOnTheGateway: failed === 1,
    lastSuccess: after,
    lastSuccessKept: before !== undefined && before === after,
  };
}

/** The gateway is gone: the job does not notice. `client` is one of a gateway that was stopped. */
export async function runWithoutGateway(client: PushClient, pricesUrl: URL) {
  const started = performance.now();
  const { outcome, delivery } = await runBacktest(runsOver(client), { pricesUrl });
  return {
    outcome: outcome.status,
    jobSucceeded: outcome.status === "succeeded",
    push: plain(delivery),
    seconds: (performance.now() - started) / 1000,
  };
}

function runsOver(client: PushClient) {
  return createRunJob({ delivery: createDirectDelivery(client) });
}

/** A delivery report as JSON. */
export type PlainDelivery = {
  readonly status: DeliveryReport["status"];
  readonly verb?: "PUT" | "POST";
  readonly groupingKey?: GroupingKey;
  readonly series?: number;
  readonly seconds?: number;
  readonly error?: string;
};

function plain(delivery: DeliveryReport): PlainDelivery {
  switch (delivery.status) {
    case "delivered": {
      const { status, verb, groupingKey, series, seconds } = delivery;
      return { status, verb, groupingKey, series, seconds };
    }
    case "disabled":
      return { status: delivery.status, error: delivery.reason };
    case "recorded":
    case "already_counted":
      return { status: delivery.status, groupingKey: delivery.groupingKey };
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

function lastSuccess(client: PushClient): Promise<number | undefined> {
  return sampleValue(client, "batch_job_last_success_timestamp_seconds", {});
}

async function sampleValue(
  client: PushClient,
  name: string,
  labels: Readonly<Record<string, string>>,
): Promise<number | undefined> {
  const wanted = Object.entries({ ...labels, job: "backtest", strategy: STRATEGY });
  const families: readonly MetricFamily[] = parseExposition(await readScrape(client));
  const family = families.find((candidate) => candidate.name === name);
  if (family === undefined || family.type === "histogram" || family.type === "summary") {
    return undefined;
  }
  return family.samples.find((sample) => wanted.every(([k, v]) => sample.labels[k] === v))?.value;
}
