import type { LabelSet, MetricFamily } from "./exposition/family.ts";
import { Instrument, type MetricValue } from "./instruments/instrument.ts";
import { createSink, writeInstrument } from "./writer.ts";

/**
 * What is asked of a registry: prom-client 15, its successor `@prometheus-io/client`, or one that
 * looks like them.
 */
export type MetricRegistry = {
  getMetricsAsArray(): readonly unknown[];
  getMetricsAsJSON(): unknown;
  metrics(): string | Promise<string>;
  readonly contentType?: string;
};

/** A method that all hosts have and no declaration mentions. */
type PerMetric = { getMetricsAsString(metric: unknown): string | Promise<string> };

/**
 * A registry as text in one Buffer: byte for byte what `await registry.metrics()` gives. Our own
 * instruments are written from their cells, others by the registry itself; so is all of a registry
 * that adds something of its own, such as default labels or OpenMetrics.
 *
 * Rejects when a `collect` throws, as `metrics()` does.
 */
export async function renderRegistry(registry: MetricRegistry): Promise<Buffer> {
  if (!(await addsNothing(registry))) return Buffer.from(await registry.metrics());
  const host = registry as MetricRegistry & PerMetric;
  const sink = createSink();
  let first = true;
  for (const metric of registry.getMetricsAsArray()) {
    if (!first) sink.add("\n");
    first = false;
    if (metric instanceof Instrument) {
      await metric.collect?.();
      writeInstrument(metric, sink);
    } else sink.add(`${await host.getMetricsAsString(metric)}\n`);
  }
  // prom-client ends even an empty exposition with a line feed.
  if (first) sink.add("\n");
  return sink.finish();
}

/**
 * The text of each metric of a registry, read one by one, so that one that fails does not take the
 * others with it, as it does in prom-client's own `metrics()`.
 */
export function metricTexts(
  registry: MetricRegistry,
): readonly { readonly name: string; readonly text: () => Promise<string> }[] {
  const host = registry as MetricRegistry & Partial<PerMetric>;
  if (host.getMetricsAsString === undefined) {
    return [{ name: "registry", text: async () => registry.metrics() }];
  }
  return registry.getMetricsAsArray().map((metric) => ({
    name: `${(metric as { name?: unknown }).name}`,
    text: async () => `${await host.getMetricsAsString?.(metric)}\n`,
  }));
}

/** Families that prom-client's default metrics make: they tell of a process that is about to end. */
const PROCESS_FAMILIES = /^(?:process_|nodejs_)/;

/**
 * What a registry holds as plain families, without its default process metrics and without what was
 * never set.
 *
 * @throws {TypeError} for an answer that is no list of metrics, and whatever a `collect` throws.
 */
export async function registryFamilies(registry: MetricRegistry): Promise<readonly MetricFamily[]> {
  const metrics: unknown = await registry.getMetricsAsJSON();
  if (!Array.isArray(metrics)) throw new TypeError("a registry's getMetricsAsJSON gave no list");
  const openMetrics = `${registry.contentType}`.includes("openmetrics");
  return (metrics as readonly JsonMetric[])
    .filter(({ name }) => !PROCESS_FAMILIES.test(name))
    .map((metric) => familyOf(openMetrics ? withTotal(metric) : metric))
    .filter(({ samples }) => samples.length > 0);
}

type JsonMetric = {
  readonly name: string;
  readonly help: string;
  readonly type: string | number;
  readonly values?: readonly MetricValue[];
};

/** OpenMetrics names a counter without the ending that its samples have; its registry takes it away. */
function withTotal(metric: JsonMetric): JsonMetric {
  const counter = metric.type === "counter" && !metric.name.endsWith("_total");
  return counter ? { ...metric, name: `${metric.name}_total` } : metric;
}

function familyOf({ name, help, type, values = [] }: JsonMetric): MetricFamily {
  if (type === "histogram") return { type, name, help, samples: histograms(name, values) };
  if (type === "summary") return { type, name, help, samples: summaries(name, values) };
  const samples = values.map(({ value, labels }) => ({ labels: textLabels(labels), value }));
  if (type === "counter" || type === "gauge") return { type, name, help, samples };
  return { type: "untyped", name, help, samples };
}

type Draft = {
  readonly labels: LabelSet;
  readonly points: { readonly at: number; readonly value: number }[];
  count: number;
  sum: number;
};

/** Lines of one series belong together by their labels, less the one that tells them apart. */
function drafts(name: string, values: readonly MetricValue[], own: "le" | "quantile"): Draft[] {
  const byLabels = new Map<string, Draft>();
  for (const { labels, value, metricName = name } of values) {
    const { [own]: at, ...rest } = labels;
    const set = textLabels(rest);
    const key = JSON.stringify(Object.entries(set).sort());
    const draft = byLabels.get(key) ?? { labels: set, points: [], count: 0, sum: 0 };
    byLabels.set(key, draft);
    if (at !== undefined) draft.points.push({ at: at === "+Inf" ? Infinity : Number(at), value });
    else if (metricName.endsWith("_sum")) draft.sum = value;
    else if (metricName.endsWith("_count")) draft.count = value;
  }
  return [...byLabels.values()];
}

function histograms(name: string, values: readonly MetricValue[]) {
  return drafts(name, values, "le").map(({ labels, points, count, sum }) => ({
    labels,
    buckets: points
      .filter(({ at }) => at !== Infinity)
      .map(({ at, value }) => ({ upperBound: at, cumulativeCount: value })),
    count,
    sum,
  }));
}

function summaries(name: string, values: readonly MetricValue[]) {
  return drafts(name, values, "quantile").map(({ labels, points, count, sum }) => ({
    labels,
    quantiles: points.map(({ at, value }) => ({ quantile: at, value })),
    count,
    sum,
  }));
}

/** The host keeps whatever it was given; the text format knows strings, and no empty label. */
function textLabels(labels: MetricValue["labels"]): LabelSet {
  const set: Record<string, string> = Object.create(null);
  for (const [label, value] of Object.entries(labels)) {
    if (value !== undefined && `${value}` !== "") set[label] = `${value}`;
  }
  return set;
}

/** Asked with a metric of ours, since a registry has no other public way to tell. */
async function addsNothing(registry: MetricRegistry): Promise<boolean> {
  const probe = {
    get: async () => ({
      name: "probe",
      help: "p",
      type: "counter",
      values: [{ value: 1, labels: {} }],
    }),
  };
  const said = await (registry as Partial<PerMetric>).getMetricsAsString?.(probe);
  return said === "# HELP probe p\n# TYPE probe counter\nprobe 1";
}
