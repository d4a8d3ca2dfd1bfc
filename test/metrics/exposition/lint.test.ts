import { describe, expect, test } from "@jest/globals";
import { catalogue, runCatalogue } from "../../../src/metrics/catalogue.ts";
import type { MetricFamily } from "../../../src/metrics/exposition/family.ts";
import { lintFamilies } from "../../../src/metrics/exposition/lint.ts";
import { parseExposition } from "../../../src/metrics/exposition/parse.ts";

describe("a finding for", () => {
  test.each([
    {
      name: "a family without help",
      text: "# TYPE a_total counter\na_total 1\n",
      problem: "no help text",
    },
    {
      name: "milliseconds",
      text: gauge("latency_milliseconds"),
      problem: 'use base unit "seconds" instead of "milliseconds"',
    },
    { name: "bits", text: gauge("sent_bits"), problem: 'use base unit "bytes" instead of "bits"' },
    {
      name: "kilometers",
      text: gauge("way_kilometers"),
      problem: 'use base unit "meters" instead of "kilometers"',
    },
    {
      name: "a counter that is no total",
      text: "# HELP a x\n# TYPE a counter\na 1\n",
      problem: 'counter metrics should have "_total" suffix',
    },
    {
      name: "a gauge that is a total",
      text: gauge("rows_total"),
      problem: 'non-counter metrics should not have "_total" suffix',
    },
    {
      name: "a gauge named as a count",
      text: gauge("rows_count"),
      problem: 'non-histogram and non-summary metrics should not have "_count" suffix',
    },
    {
      name: "a gauge named as a sum",
      text: gauge("rows_sum"),
      problem: 'non-histogram and non-summary metrics should not have "_sum" suffix',
    },
    {
      name: "a gauge named as a bucket",
      text: gauge("rows_bucket"),
      problem: 'non-histogram metrics should not have "_bucket" suffix',
    },
    {
      name: "le on a gauge",
      text: gauge("a", '{le="1"}'),
      problem: 'non-histogram metrics should not have "le" label',
    },
    {
      name: "quantile on a gauge",
      text: gauge("a", '{quantile="1"}'),
      problem: 'non-summary metrics should not have "quantile" label',
    },
    {
      name: "a type in the name",
      text: gauge("rows_gauge"),
      problem: "metric name should not include type 'gauge'",
    },
    { name: "a colon", text: gauge("job:rows"), problem: "metric names should not contain ':'" },
    {
      name: "camelCase in a name",
      text: gauge("rowsRead"),
      problem: "metric names should be written in 'snake_case' not 'camelCase'",
    },
    {
      name: "camelCase in a label",
      text: gauge("a", '{fooBar="1"}'),
      problem: "label names should be written in 'snake_case' not 'camelCase'",
    },
    {
      name: "an abbreviated unit",
      text: gauge("latency_ms"),
      problem: "metric names should not contain abbreviated units",
    },
  ])("$name", ({ text, problem }) => {
    expect(lintFamilies(parseExposition(text)).map((finding) => finding.problem)).toEqual([
      problem,
    ]);
  });
});

test.each(["thermometers", "seconds", "up", "rows_read"])("%s is a good name", (name) => {
  expect(lintFamilies(parseExposition(gauge(name)))).toEqual([]);
});

test("our own families have one finding: a name of the reference that cannot be mended", () => {
  const families = [...Object.values(catalogue), ...Object.values(runCatalogue)].map(
    ({ name, help, type, labels }): MetricFamily => {
      const values = Object.fromEntries(Object.keys(labels).map((label) => [label, "x"]));
      if (type === "histogram") {
        const sample = { labels: values, buckets: [], count: 0, sum: 0 };
        return { type, name, help, samples: [sample] };
      }
      return { type, name, help, samples: [{ labels: values, value: 1 }] };
    },
  );
  expect(lintFamilies(families)).toEqual([
    {
      metric: "current_positions_count",
      problem: 'non-histogram and non-summary metrics should not have "_count" suffix',
    },
  ]);
});

function gauge(name: string, labels = ""): string {
  return `# HELP ${name} x\n# TYPE ${name} gauge\n${name}${labels} 1\n`;
}
