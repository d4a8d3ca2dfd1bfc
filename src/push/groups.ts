import { PushError } from "../errors.ts";
import type { GroupingKey } from "../grouping-key.ts";
import {
  type HistogramSample,
  type LabelSet,
  type MetricFamily,
  type SummarySample,
  seriesCount,
} from "../metrics/exposition/family.ts";
import type { CallOptions, PushClient } from "./client.ts";

/*
 * The gateway's read side: what it says of its groups and of itself. Over 250 lines, because what its
 * JSON is like is nobody else's business.
 */

/** A group as the gateway lists it. */
export type GatewayGroup = {
  /** All labels of its grouping key, `job` included. */
  readonly labels: Readonly<Record<string, string>>;
  readonly lastPushSuccessful: boolean;
  /** Unix seconds; 0 when no push to the group ever succeeded. */
  readonly pushTimeSeconds: number;
  /** Unix seconds; 0 when none failed. */
  readonly pushFailureTimeSeconds: number;
  /** Metric families by name, without the two above. */
  readonly families: ReadonlyMap<string, GatewayFamily>;
};

export type GatewayFamily = {
  readonly type: string;
  readonly help: string | undefined;
  /** As the gateway writes them: values are text. */
  readonly metrics: readonly GatewaySample[];
};

export type GatewaySample = {
  readonly labels: Readonly<Record<string, string>>;
  /** Absent for histograms and summaries. */
  readonly value: number | undefined;
  /** Of a histogram. */
  readonly histogram?: Pick<HistogramSample, "buckets" | "count" | "sum">;
  readonly summary?: Pick<SummarySample, "quantiles" | "count" | "sum">;
};

/** What the gateway says of itself. */
export type GatewayStatus = {
  readonly version: string;
  /** Unix seconds. */
  readonly startTime: number;
  /** Command-line flags by name, values as text. */
  readonly flags: Readonly<Record<string, string>>;
  /** False: pushes are stored unseen, and one bad one breaks every scrape. */
  readonly consistencyCheck: boolean;
  /** A gateway that comes back with old data makes counters fall. */
  readonly persistenceFile: string | undefined;
};

/** Text of `GET /metrics`: what Prometheus would scrape. */
export function readScrape(client: PushClient, options?: CallOptions): Promise<string> {
  return client.get("/metrics", options);
}

/** Every group, from `GET /api/v1/metrics`: a gateway cannot be asked for a single one. */
export async function readGroups(
  client: PushClient,
  options?: CallOptions,
): Promise<readonly GatewayGroup[]> {
  const data = await readApi(client, "/api/v1/metrics", options);
  if (!Array.isArray(data)) throw notAGateway(client, "/api/v1/metrics");
  return data.map((group: unknown) => groupOf(client, group));
}

/** Whether a group of the gateway is the one of a grouping key. An empty label is one to a gateway. */
export function isGroup({ labels }: GatewayGroup, { job, labels: own }: GroupingKey): boolean {
  const { job: theirJob, ...others } = labels;
  const names = Object.keys(own);
  return (
    theirJob === job &&
    Object.keys(others).length === names.length &&
    names.every((name) => others[name] === own[name])
  );
}

/** A group's labels as a grouping key, also of one that no request can name. */
export function keyOfGroup({ labels: { job = "", ...labels } }: GatewayGroup): GroupingKey {
  const sorted = Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1));
  return { job, labels: Object.fromEntries(sorted) };
}

/** Lines with a value that were pushed to a group. */
export function seriesOfGroup(group: GatewayGroup): number {
  return pushedFamilies(group).reduce((lines, family) => lines + seriesCount(family), 0);
}

/** What was pushed to a group, as it was pushed: without the labels that the gateway added. */
export function pushedFamilies(group: GatewayGroup): readonly MetricFamily[] {
  return [...group.families].flatMap(([name, { type, help, metrics }]): MetricFamily[] => {
    const head = help === undefined ? { name } : { name, help };
    const samples = metrics.map((sample) => ({ ...sample, labels: ownLabels(sample, group) }));
    switch (type) {
      case "counter":
      case "gauge":
      case "untyped":
        return [
          {
            type,
            ...head,
            samples: samples.flatMap(({ labels, value }) =>
              value === undefined ? [] : [{ labels, value }],
            ),
          },
        ];
      case "histogram":
        return [
          {
            type,
            ...head,
            samples: samples.flatMap(({ labels, histogram }) =>
              histogram === undefined ? [] : [{ labels, ...histogram }],
            ),
          },
        ];
      case "summary":
        return [
          {
            type,
            ...head,
            samples: samples.flatMap(({ labels, summary }) =>
              summary === undefined ? [] : [{ labels, ...summary }],
            ),
          },
        ];
      default:
        return [];
    }
  });
}

/** The gateway adds the group's labels, and an empty `instance` unless there is one. */
function ownLabels({ labels }: GatewaySample, { labels: added }: GatewayGroup): LabelSet {
  return Object.fromEntries(
    Object.entries(labels).filter(
      ([name, value]) => !Object.hasOwn(added, name) && !(name === "instance" && value === ""),
    ),
  );
}

/** Version, flags and start time, from `GET /api/v1/status`. */
export async function readStatus(
  client: PushClient,
  options?: CallOptions,
): Promise<GatewayStatus> {
  const data = record(await readApi(client, "/api/v1/status", options));
  const flags = Object.fromEntries(
    Object.entries(record(data["flags"])).map(([name, value]) => [name, `${value}`]),
  );
  const version = record(data["build_information"])["version"];
  if (typeof version !== "string") throw notAGateway(client, "/api/v1/status");
  return {
    version,
    startTime: Date.parse(`${data["start_time"]}`) / 1000,
    flags,
    consistencyCheck: flags["push.disable-consistency-check"] !== "true",
    persistenceFile: flags["persistence.file"] || undefined,
  };
}

async function readApi(
  client: PushClient,
  path: string,
  options: CallOptions | undefined,
): Promise<unknown> {
  const text = await client.get(path, options);
  try {
    const answer = record(JSON.parse(text));
    if (answer["status"] === "success") return answer["data"];
  } catch (cause) {
    throw notAGateway(client, path, cause);
  }
  throw notAGateway(client, path);
}

function groupOf(client: PushClient, group: unknown): GatewayGroup {
  const { labels, last_push_successful: lastPushSuccessful, ...rest } = record(group);
  if (typeof lastPushSuccessful !== "boolean") throw notAGateway(client, "/api/v1/metrics");
  const families = new Map(
    Object.entries(rest).map(([name, family]) => [name, familyOf(record(family))]),
  );
  const time = (name: string) => {
    const seconds = families.get(name)?.metrics[0]?.value ?? 0;
    families.delete(name);
    return seconds;
  };
  const pushTimeSeconds = time("push_time_seconds");
  const pushFailureTimeSeconds = time("push_failure_time_seconds");
  return {
    labels: strings(labels),
    lastPushSuccessful,
    pushTimeSeconds,
    pushFailureTimeSeconds,
    families,
  };
}

function familyOf({ type, help, metrics }: Record<string, unknown>): GatewayFamily {
  const samples = Array.isArray(metrics) ? metrics : [];
  return {
    type: `${type}`.toLowerCase(),
    help: typeof help === "string" ? help : undefined,
    metrics: samples.map((sample: unknown) => {
      const { labels, value, buckets, quantiles, count, sum } = record(sample);
      return {
        labels: strings(labels),
        value: value === undefined ? undefined : numberOf(`${value}`),
        ...(type === "HISTOGRAM" ? { histogram: histogramOf(buckets, count, sum) } : {}),
        ...(type === "SUMMARY" ? { summary: summaryOf(quantiles, count, sum) } : {}),
      };
    }),
  };
}

function histogramOf(buckets: unknown, count: unknown, sum: unknown) {
  const cumulative = Object.entries(strings(buckets)).map(([bound, upTo]) => {
    return { upperBound: numberOf(bound), cumulativeCount: numberOf(upTo) };
  });
  return {
    buckets: cumulative.sort((a, b) => a.upperBound - b.upperBound),
    count: numberOf(`${count}`),
    sum: numberOf(`${sum}`),
  };
}

function summaryOf(quantiles: unknown, count: unknown, sum: unknown) {
  const values = Object.entries(strings(quantiles)).map(([quantile, value]) => {
    return { quantile: numberOf(quantile), value: numberOf(value) };
  });
  return {
    quantiles: values.sort((a, b) => a.quantile - b.quantile),
    count: numberOf(`${count}`),
    sum: numberOf(`${sum}`),
  };
}

/** Go writes infinities as `+Inf` and `-Inf`, which are no numbers to JavaScript. */
function numberOf(text: string): number {
  return Number(text.replace(/^([+-])Inf$/, "$1Infinity"));
}

/** An object's own entries on no prototype: a gateway's labels and names may be called anything. */
function record(value: unknown): Record<string, unknown> {
  return Object.assign(Object.create(null), typeof value === "object" ? value : {});
}

function strings(value: unknown): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(record(value)).map(([name, text]) => [name, `${text}`]));
}

function notAGateway(client: PushClient, path: string, cause?: unknown): PushError {
  return new PushError(
    `GET ${path} at ${client.gateway}: the answer is not a Pushgateway's; check the gateway URL`,
    { status: 200, retryable: false, cause },
  );
}
