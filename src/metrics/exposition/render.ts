import { escapeHelp, escapeLabelValue } from "./escape.ts";
import {
  type HistogramSample,
  hasInfiniteBucket,
  type LabelSet,
  type MetricFamily,
  type SummarySample,
} from "./family.ts";

/** Media type of the text exposition format that every Pushgateway and Prometheus reads. */
export const CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/**
 * Families as text exposition format 0.0.4, in the order given. Pure: what may leave the process is
 * checked where it leaves (`push/`).
 */
export function renderFamilies(families: readonly MetricFamily[]): Buffer {
  const lines: string[] = [];
  for (const family of families) {
    if (family.help !== undefined) lines.push(`# HELP ${family.name} ${escapeHelp(family.help)}\n`);
    lines.push(`# TYPE ${family.name} ${family.type}\n`);
    switch (family.type) {
      case "histogram":
        for (const sample of family.samples) renderHistogram(lines, family.name, sample);
        break;
      case "summary":
        for (const sample of family.samples) renderSummary(lines, family.name, sample);
        break;
      default:
        for (const { labels, value, timestampMs } of family.samples) {
          lines.push(line(family.name, labels, value, timestampMs));
        }
    }
  }
  return Buffer.from(lines.join(""));
}

/** A value as both Go and JavaScript read it back exactly. */
export function formatValue(value: number): string {
  if (Number.isFinite(value)) return Object.is(value, -0) ? "-0" : `${value}`;
  if (Number.isNaN(value)) return "NaN";
  return value > 0 ? "+Inf" : "-Inf";
}

function renderHistogram(lines: string[], name: string, sample: HistogramSample): void {
  const { labels, buckets, count, sum, timestampMs } = sample;
  for (const { upperBound, cumulativeCount } of buckets) {
    const le = formatValue(upperBound);
    lines.push(line(`${name}_bucket`, { ...labels, le }, cumulativeCount, timestampMs));
  }
  if (!hasInfiniteBucket(sample)) {
    lines.push(line(`${name}_bucket`, { ...labels, le: "+Inf" }, count, timestampMs));
  }
  lines.push(line(`${name}_sum`, labels, sum, timestampMs));
  lines.push(line(`${name}_count`, labels, count, timestampMs));
}

function renderSummary(lines: string[], name: string, sample: SummarySample): void {
  const { labels, quantiles, count, sum, timestampMs } = sample;
  for (const { quantile, value } of quantiles) {
    const withQuantile = { ...labels, quantile: formatValue(quantile) };
    lines.push(line(name, withQuantile, value, timestampMs));
  }
  lines.push(line(`${name}_sum`, labels, sum, timestampMs));
  lines.push(line(`${name}_count`, labels, count, timestampMs));
}

function line(name: string, labels: LabelSet, value: number, timestampMs?: number): string {
  const pairs = Object.entries(labels).map(
    ([label, text]) => `${label}="${escapeLabelValue(text)}"`,
  );
  const series = pairs.length === 0 ? name : `${name}{${pairs.join(",")}}`;
  const timestamp = timestampMs === undefined ? "" : ` ${timestampMs}`;
  return `${series} ${formatValue(value)}${timestamp}\n`;
}
