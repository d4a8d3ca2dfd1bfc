import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promtool } from "../../mixin/promtool.ts";
import type { Labels, Sample } from "../../support/prometheus.ts";
import { type RealServer, startRealServer } from "../../support/servers.ts";

export type Series = { readonly labels: Labels; readonly samples: readonly Sample[] };

export type Range = { readonly start: number; readonly end: number; readonly step: number };

/** What a Prometheus answers. */
export type Asked = {
  /** At a time in Unix seconds: one sample a series. */
  instant(promql: string, time: number): Promise<readonly Series[]>;
  range(promql: string, range: Range): Promise<readonly Series[]>;
  /** As Grafana's `label_values(selector, label)`. */
  labelValues(
    selector: string,
    label: string,
    range: Omit<Range, "step">,
  ): Promise<readonly string[]>;
};

/** A Prometheus of blocks that others have made, which scrapes nobody. */
export type Store = Asked & {
  readonly url: () => URL;
  /** Adds what is in a file of OpenMetrics. Seen after `reopen`. */
  importFile(file: string): Promise<void>;
  /** Adds what recording rules, as a file of rules, come to in that time. Seen after `reopen`. */
  importRules(rules: string, span: Omit<Range, "step">): Promise<void>;
  reopen(): Promise<void>;
  close(): Promise<void>;
};

/** The day in a piece or two, instead of blocks of two hours: each is another pass over the file. */
const BLOCKS = "--max-block-duration=48h";

/**
 * A scrape tells at once what is gone, and blocks from a file cannot: so what is gone is forgotten in
 * less than the minute between two samples, and not after five.
 */
export const LOOKBACK_SECONDS = 59;

export async function createStore(): Promise<Store> {
  const folder = mkdtempSync(join(tmpdir(), "closing-bell-store-"));
  const data = join(folder, "data");
  let server: RealServer | undefined;

  function url(): URL {
    if (server === undefined) throw new Error("the store is not open");
    return server.url;
  }

  async function run(args: readonly string[]): Promise<void> {
    const { code, output } = await promtool(
      ["tsdb", "create-blocks-from", BLOCKS, ...args],
      folder,
    );
    if (code !== 0) throw new Error(`promtool ${args.join(" ")}: ${output}`);
  }

  return {
    ...client(url),
    url,
    importFile: (file) => run(["openmetrics", file, data]),
    async importRules(rules, { start, end }) {
      // Always the same name: promtool, as Prometheus, derives from it when within a minute it evaluates.
      const file = "rules.yml";
      writeFileSync(join(folder, file), rules);
      const span = [`--start=${start}`, `--end=${end}`, "--eval-interval=60s"];
      await run(["rules", `--url=${url().href}`, ...span, `--output-dir=${data}`, file]);
    },
    async reopen() {
      await server?.stop();
      writeFileSync(join(folder, "prometheus.yml"), "{}");
      server = await startRealServer({
        name: "prometheus",
        args: (address) => [
          `--config.file=${join(folder, "prometheus.yml")}`,
          `--storage.tsdb.path=${data}`,
          "--storage.tsdb.retention.time=100y",
          `--query.lookback-delta=${LOOKBACK_SECONDS}s`,
          `--web.listen-address=${address}`,
          "--log.level=warn",
        ],
      });
    },
    async close() {
      await server?.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Asks the Prometheus at an address. */
export function client(url: () => URL): Asked {
  async function ask(path: string, parameters: Readonly<Record<string, string>>): Promise<unknown> {
    const body = new URLSearchParams(parameters);
    const response = await fetch(new URL(`/api/v1/${path}`, url()), { method: "POST", body });
    const answer = (await response.json()) as ApiAnswer;
    if (answer.status !== "success")
      throw new Error(`${JSON.stringify(parameters)}: ${answer.error}`);
    return answer.data;
  }

  const seriesOf = (data: unknown) =>
    (data as { readonly result: readonly ApiSeries[] }).result.map(
      ({ metric, value, values = [] }) => ({
        labels: metric,
        samples: (value === undefined ? values : [value]).map(([time, text]) => ({
          time,
          value: Number(text.replace("Inf", "Infinity")),
        })),
      }),
    );

  return {
    async instant(query, time) {
      return seriesOf(await ask("query", { query, time: `${time}` }));
    },
    async range(query, { start, end, step }) {
      return seriesOf(
        await ask("query_range", { query, start: `${start}`, end: `${end}`, step: `${step}` }),
      );
    },
    async labelValues(selector, label, { start, end }) {
      const query = new URLSearchParams({ "match[]": selector, start: `${start}`, end: `${end}` });
      const response = await fetch(new URL(`/api/v1/label/${label}/values?${query}`, url()));
      return ((await response.json()) as { readonly data: readonly string[] }).data;
    },
  };
}

type ApiAnswer = { readonly status: string; readonly error?: string; readonly data: unknown };

type ApiSample = readonly [time: number, value: string];

type ApiSeries = {
  readonly metric: Labels;
  readonly value?: ApiSample;
  readonly values?: readonly ApiSample[];
};
