import { describe, expect, test } from "@jest/globals";
import { InvalidMetricError } from "../../src/errors.ts";
import { groupingKey } from "../../src/grouping-key.ts";
import type { MetricFamily } from "../../src/metrics/exposition/family.ts";
import { expositionOf, expositionOfText } from "../../src/push/body.ts";

const KEY = groupingKey("nightly", { strategy: "momentum" });

describe("text is pushed as it is", () => {
  test.each([
    { name: "without types", text: "a 1\n" },
    { name: "an untyped family that is not a number", text: "a NaN\n" },
    { name: "a gauge below zero", text: '# TYPE a gauge\na{b="c"} -1\n' },
    {
      name: "a histogram",
      text: '# TYPE h histogram\nh_bucket{le="1"} 1\nh_bucket{le="+Inf"} 2\nh_sum 3\nh_count 2\n',
    },
    { name: "a summary", text: '# TYPE s summary\ns{quantile="0.5"} 1\ns_sum 3\ns_count 2\n' },
    { name: "nothing", text: "" },
  ])("$name", ({ text }) => {
    expect(expositionOfText(KEY, text).bytes.toString()).toBe(text);
  });
});

describe("refused before anything is sent", () => {
  test.each([
    {
      name: "a counter of NaN",
      text: "# TYPE c counter\nc NaN\n",
      message: "metric c: the series {} is NaN",
    },
    { name: "a counter below zero", text: "# TYPE c counter\nc -1\n", message: "not below 0" },
    { name: "an infinite counter", text: "# TYPE c counter\nc +Inf\n", message: "finite number" },
    { name: "a timestamp", text: "a 1 1700000000000\n", message: "has a timestamp" },
    {
      name: "a series given twice",
      text: 'a{x="1"} 1\na{x="1"} 2\n',
      message: 'metric a: the series {x="1"} is given twice',
    },
    {
      name: "a series given twice, once with an empty label",
      text: 'a{x=""} 1\na 2\n',
      message: "metric a: the series {} is given twice",
    },
    {
      name: "a grouping label",
      text: 'a{strategy="other"} 1\n',
      message:
        'label strategy is also a grouping label; the gateway would overwrite it with "momentum"',
    },
    { name: "a label job", text: 'a{job="other"} 1\n', message: "label job is reserved" },
    { name: "le outside of a histogram", text: 'a{le="1"} 1\n', message: "label le is reserved" },
    {
      name: "a label reserved for Prometheus",
      text: 'a{__x="1"} 1\n',
      message: 'label name "__x" is not usable',
    },
    {
      name: "a control character",
      text: 'a{x="\u0000"} 1\n',
      message: "label x holds a control character",
    },
    {
      name: "a label value of 2 KB",
      text: `a{x="${"v".repeat(2048)}"} 1\n`,
      message: "longer than 1024 bytes",
    },
    {
      name: "the gateway's push time",
      text: "push_time_seconds 1\n",
      message: "one of the gateway's own families",
    },
    {
      name: "the gateway's process metrics",
      text: "go_goroutines 1\n",
      message: "one of the gateway's own families",
    },
    {
      name: "two families with one series name",
      text: '# TYPE h histogram\nh_bucket{le="+Inf"} 1\nh_sum 1\nh_count 1\n# TYPE g gauge\ng 1\n',
      families: [{ type: "gauge", name: "h_sum", samples: [{ labels: {}, value: 1 }] }],
      message: "its series h_sum is also one of h",
    },
    {
      name: "buckets that fall",
      text: '# TYPE h histogram\nh_bucket{le="1"} 3\nh_bucket{le="2"} 2\nh_sum 1\nh_count 3\n',
      message: "counts 2 up to 2, 3 below it and 3 in all",
    },
    {
      name: "a bucket given twice",
      text: '# TYPE h histogram\nh_bucket{le="1"} 1\nh_bucket{le="1"} 1\nh_sum 1\nh_count 1\n',
      message: "has the bucket 1 after 1",
    },
    {
      name: "a bucket above the count",
      text: '# TYPE h histogram\nh_bucket{le="1"} 5\nh_sum 1\nh_count 3\n',
      message: "3 in all",
    },
  ] as const)("$name", (row) => {
    const act = () => {
      if (!("families" in row)) return expositionOfText(KEY, row.text);
      const { families } = expositionOfText(KEY, row.text);
      return expositionOf(KEY, [...families, ...(row.families as readonly MetricFamily[])]);
    };
    expect(act).toThrow(InvalidMetricError);
    expect(act).toThrow(row.message);
  });

  test("a body over the limit, naming the largest family", () => {
    const text = `small 1\n${Array.from({ length: 50 }, (_, i) => `big{i="${i}"} ${i}\n`).join("")}`;
    expect(() => expositionOfText(KEY, text, { maxBytes: 500 })).toThrow(
      /metric big: the push is \d+ bytes, more than 500; this family is its largest with 50 series/,
    );
  });

  test("one family given twice", () => {
    const family: MetricFamily = { type: "gauge", name: "a", samples: [{ labels: {}, value: 1 }] };
    expect(() => expositionOf(KEY, [family, family])).toThrow("metric a: is given twice");
  });
});
