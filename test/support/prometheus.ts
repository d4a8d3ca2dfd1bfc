import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll } from "@jest/globals";
import { type RealServer, startRealServer } from "./servers.ts";

export type PrometheusOptions = {
  readonly scrapeIntervalMs: number;
  readonly targets: readonly ScrapeTarget[];
};

export type ScrapeTarget = {
  /** Name of the scrape job: the `job` label of what carries none, or may not keep its own. */
  readonly job: string;
  /** Scraped at `/metrics`. */
  readonly url: URL;
  /** Whether what is scraped keeps its own `job` and `instance`. */
  readonly honorLabels: boolean;
};

export type ConfiguredPrometheusOptions = {
  /** Text of its configuration file, for the `host:port` that it listens on. */
  readonly configuration: (address: string) => string;
  /** Further arguments of its command line. */
  readonly args?: readonly string[];
};

export type Labels = Readonly<Record<string, string>>;

export type Sample = {
  /** Unix seconds, to the millisecond: when the scrape began, or what was asked for. */
  readonly time: number;
  readonly value: number;
};

export type RealPrometheus = RealServer & {
  /** An expression's value per series, at a time in Unix seconds: now by default. */
  query(promql: string, time?: number): Promise<readonly (Sample & { readonly labels: Labels })[]>;
  /** Samples as they were stored, by a range selector such as `x[1h]`. Series without any are left out. */
  samples(
    rangeSelector: string,
    time?: number,
  ): Promise<readonly { readonly labels: Labels; readonly samples: readonly Sample[] }[]>;
  /** Resolves when so many scrapes that began after this call have ended in this way. */
  awaitScrapes(job: string, count: number, ended?: "well" | "badly"): Promise<void>;
};

/** Deadline of waiting, in milliseconds: for a server that hangs, never for a slow machine. */
const SCRAPES_TIMEOUT_MS = 120_000;

const POLL_MS = 25;

/** Prometheus may move a scrape's timestamp by so much, to keep them evenly spaced. */
const TIMESTAMP_TOLERANCE_SECONDS = 0.002;

const folders: string[] = [];

// After the servers were stopped: their file was imported first.
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** Starts a Prometheus with an empty store. Its first scrape comes about five seconds later. */
export async function startPrometheus({
  scrapeIntervalMs,
  targets,
}: PrometheusOptions): Promise<RealPrometheus> {
  return startConfiguredPrometheus({
    configuration: () => configuration(scrapeIntervalMs, targets),
  });
}

/** The same with a configuration of the caller's. */
export async function startConfiguredPrometheus({
  configuration,
  args = [],
}: ConfiguredPrometheusOptions): Promise<RealPrometheus> {
  const folder = mkdtempSync(join(tmpdir(), "closing-bell-prometheus-"));
  folders.push(folder);
  const configFile = join(folder, "prometheus.yml");

  const server = await startRealServer({
    name: "prometheus",
    args: (address) => {
      writeFileSync(configFile, configuration(address));
      return [
        `--config.file=${configFile}`,
        `--storage.tsdb.path=${join(folder, "data")}`,
        `--web.listen-address=${address}`,
        "--log.level=warn",
        ...args,
      ];
    },
  });

  async function ask(promql: string, time: number | undefined): Promise<readonly ApiSeries[]> {
    const url = new URL("/api/v1/query", server.url);
    url.searchParams.set("query", promql);
    if (time !== undefined) url.searchParams.set("time", `${time}`);
    const answer = (await (await fetch(url)).json()) as ApiAnswer;
    if (answer.status !== "success") throw new Error(`${promql}: ${answer.error}`);
    return answer.data.result;
  }

  async function samples(rangeSelector: string, time?: number) {
    const series = await ask(rangeSelector, time);
    return series.map(({ metric, values = [] }) => ({
      labels: metric,
      samples: values.map(toSample),
    }));
  }

  return {
    ...server,
    async query(promql, time) {
      const series = await ask(promql, time);
      return series.map(({ metric, value = [Number.NaN, "NaN"] }) => ({
        labels: metric,
        ...toSample(value),
      }));
    },
    samples,
    async awaitScrapes(job, count, ended = "well") {
      const since = Date.now() / 1000 + TIMESTAMP_TOLERANCE_SECONDS;
      const deadline = performance.now() + SCRAPES_TIMEOUT_MS;
      for (;;) {
        const series = await samples(`up{job=${JSON.stringify(job)}}[10m]`);
        const scrapes = series.flatMap((each) => each.samples).filter(({ time }) => time > since);
        const wanted = scrapes.filter(({ value }) => value === (ended === "well" ? 1 : 0));
        if (wanted.length >= count) return;
        if (performance.now() > deadline) {
          const found = `${wanted.length} of ${scrapes.length}`;
          throw new Error(`waited for ${count} scrapes of ${job} to end ${ended}: ${found} did`);
        }
        await sleep(POLL_MS);
      }
    },
  };
}

type ApiAnswer =
  | { readonly status: "success"; readonly data: { readonly result: readonly ApiSeries[] } }
  | { readonly status: "error"; readonly error: string };

/** `value` of an instant vector, `values` of a range vector. */
type ApiSeries = {
  readonly metric: Labels;
  readonly value?: ApiSample;
  readonly values?: readonly ApiSample[];
};

type ApiSample = readonly [time: number, value: string];

function toSample([time, value]: ApiSample): Sample {
  return { time, value: Number(value.replace("Inf", "Infinity")) };
}

/** JSON, which is YAML too. */
function configuration(scrapeIntervalMs: number, targets: readonly ScrapeTarget[]): string {
  return JSON.stringify({
    global: {
      scrape_interval: `${scrapeIntervalMs}ms`,
      // No longer than the interval, says Prometheus.
      scrape_timeout: `${scrapeIntervalMs}ms`,
    },
    scrape_configs: targets.map(({ job, url, honorLabels }) => ({
      job_name: job,
      honor_labels: honorLabels,
      static_configs: [{ targets: [url.host] }],
    })),
  });
}
