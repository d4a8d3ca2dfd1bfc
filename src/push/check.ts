import { InvalidMetricError } from "../errors.ts";
import { type GroupingKey, LABEL_NAME, labelValueProblem } from "../grouping-key.ts";
import {
  type HistogramSample,
  type LabelSet,
  METRIC_NAME,
  type MetricFamily,
} from "../metrics/exposition/family.ts";

/** Families that the gateway makes itself, for each group and of its own process. */
const GATEWAY_FAMILIES =
  /^(?:push_time_seconds|push_failure_time_seconds|pushgateway_.*|promhttp_.*|go_.*|process_.*)$/;

/** Labels of series inside a histogram or summary, and the one that the group's path decides. */
const RESERVED_LABELS: readonly string[] = ["job", "le", "quantile"];

/**
 * Refuses, before anything is sent, what a gateway would refuse, silently change, or store although
 * it breaks the scrape of every other group.
 *
 * @throws {InvalidMetricError} naming the metric and, where there is one, the label.
 */
export function checkFamilies(families: readonly MetricFamily[], key: GroupingKey): void {
  const seriesNames = new Map<string, string>();
  for (const family of families) {
    checkName(family);
    for (const name of namesOf(family)) {
      const owner = seriesNames.get(name);
      if (owner !== undefined) {
        throw new InvalidMetricError(
          family.name,
          owner === family.name
            ? "is given twice in one push"
            : `its series ${name} is also one of ${owner}`,
        );
      }
      seriesNames.set(name, family.name);
    }
    checkSamples(family, key);
  }
}

function checkName({ name, help }: MetricFamily): void {
  if (!METRIC_NAME.test(name) || name.length > 1024) {
    throw new InvalidMetricError(JSON.stringify(name.slice(0, 100)), "is not a metric name");
  }
  if (GATEWAY_FAMILIES.test(name)) {
    throw new InvalidMetricError(
      name,
      "is one of the gateway's own families; rename or leave it out",
    );
  }
  if (help !== undefined && /\p{Surrogate}/u.test(help)) {
    throw new InvalidMetricError(name, "its help text is not well-formed Unicode");
  }
}

/** Names under which a family's series are stored: two families must not share one. */
function namesOf({ type, name }: MetricFamily): readonly string[] {
  if (type === "histogram") return [name, `${name}_bucket`, `${name}_sum`, `${name}_count`];
  if (type === "summary") return [name, `${name}_sum`, `${name}_count`];
  return [name];
}

function checkSamples(family: MetricFamily, key: GroupingKey): void {
  const { name } = family;
  const seen = new Set<string>();
  for (const sample of family.samples) {
    checkLabels(name, sample.labels, key);
    // To Prometheus an empty label is none: the gateway would store both, and break the scrape.
    const set = Object.entries(sample.labels).filter(([, value]) => value !== "");
    const identity = JSON.stringify(set.sort(byName));
    if (seen.has(identity)) {
      throw new InvalidMetricError(name, `the series ${describe(sample.labels)} is given twice`);
    }
    seen.add(identity);
    if (sample.timestampMs !== undefined) {
      throw new InvalidMetricError(
        name,
        `the series ${describe(sample.labels)} has a timestamp; a gateway refuses them, put the time in a value`,
      );
    }
  }
  switch (family.type) {
    case "counter":
      for (const { labels, value } of family.samples) checkTotal(name, labels, value);
      break;
    case "histogram":
      for (const sample of family.samples) checkHistogram(name, sample);
      break;
    case "summary":
      for (const { labels, count } of family.samples) checkTotal(name, labels, count);
      break;
    case "gauge":
    case "untyped":
      for (const { labels, value } of family.samples) {
        if (typeof value !== "number") {
          throw new InvalidMetricError(name, `the series ${describe(labels)} has no number`);
        }
      }
      break;
    default:
      family satisfies never;
  }
}

function checkLabels(metric: string, labels: LabelSet, key: GroupingKey): void {
  for (const [name, value] of Object.entries(labels)) {
    if (!LABEL_NAME.test(name)) {
      throw new InvalidMetricError(metric, `label name ${JSON.stringify(name)} is not usable`);
    }
    if (Object.hasOwn(key.labels, name)) {
      throw new InvalidMetricError(
        metric,
        `label ${name} is also a grouping label; the gateway would overwrite it with "${key.labels[name]}"`,
      );
    }
    if (RESERVED_LABELS.includes(name)) {
      throw new InvalidMetricError(metric, `label ${name} is reserved`);
    }
    const problem = labelValueProblem(value);
    if (problem !== undefined) throw new InvalidMetricError(metric, `label ${name} ${problem}`);
  }
}

function checkHistogram(name: string, { labels, buckets, count, sum }: HistogramSample): void {
  checkTotal(name, labels, count);
  if (!Number.isFinite(sum)) {
    throw new InvalidMetricError(name, `the series ${describe(labels)} has the sum ${sum}`);
  }
  let before = { upperBound: Number.NEGATIVE_INFINITY, cumulativeCount: 0 };
  for (const bucket of buckets) {
    if (!(bucket.upperBound > before.upperBound)) {
      throw new InvalidMetricError(
        name,
        `the series ${describe(labels)} has the bucket ${bucket.upperBound} after ${before.upperBound}`,
      );
    }
    if (!(bucket.cumulativeCount >= before.cumulativeCount && bucket.cumulativeCount <= count)) {
      throw new InvalidMetricError(
        name,
        `the series ${describe(labels)} counts ${bucket.cumulativeCount} up to ${bucket.upperBound}, ${before.cumulativeCount} below it and ${count} in all`,
      );
    }
    before = bucket;
  }
}

function checkTotal(name: string, labels: LabelSet, value: number): void {
  if (!(value >= 0 && value < Number.POSITIVE_INFINITY)) {
    throw new InvalidMetricError(
      name,
      `the series ${describe(labels)} is ${value}; a count is a finite number, not below 0`,
    );
  }
}

function describe(labels: LabelSet): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  return `{${pairs.join(",")}}`;
}

function byName([a]: readonly [string, string], [b]: readonly [string, string]): number {
  return a < b ? -1 : 1;
}
