import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { MetricFamily } from "../../../src/metrics/exposition/family.ts";
import { parseExposition } from "../../../src/metrics/exposition/parse.ts";
import {
  CONTENT_TYPE,
  formatValue,
  renderFamilies,
} from "../../../src/metrics/exposition/render.ts";
import { families, hostileText } from "./arbitrary.ts";

function render(...rendered: readonly MetricFamily[]): string {
  return renderFamilies(rendered).toString();
}

describe("rendering", () => {
  test.each<{ name: string; family: MetricFamily; text: string }>([
    {
      name: "a counter",
      family: {
        type: "counter",
        name: "trades_total",
        help: "Total number of executed trades",
        samples: [
          { labels: { ticker: "AAPL", side: "BUY" }, value: 2 },
          { labels: {}, value: 1.5 },
        ],
      },
      text:
        "# HELP trades_total Total number of executed trades\n" +
        "# TYPE trades_total counter\n" +
        'trades_total{ticker="AAPL",side="BUY"} 2\n' +
        "trades_total 1.5\n",
    },
    {
      name: "a family without help",
      family: { type: "untyped", name: "a:b", samples: [{ labels: {}, value: -0 }] },
      text: "# TYPE a:b untyped\na:b -0\n",
    },
    {
      name: "a timestamp",
      family: { type: "gauge", name: "g", samples: [{ labels: {}, value: 1, timestampMs: -5 }] },
      text: "# TYPE g gauge\ng 1 -5\n",
    },
    {
      name: "quotes, backslashes and line feeds, in values and help each in its own way",
      family: {
        type: "gauge",
        name: "g",
        help: 'a "b"\\c\nd',
        samples: [{ labels: { x: 'a "b"\\c\nd' }, value: 1 }],
      },
      text: '# HELP g a "b"\\\\c\\nd\n# TYPE g gauge\ng{x="a \\"b\\"\\\\c\\nd"} 1\n',
    },
    {
      name: "a histogram, with the +Inf bucket that is implied",
      family: {
        type: "histogram",
        name: "h",
        samples: [
          {
            labels: { a: "b" },
            buckets: [{ upperBound: 0.1, cumulativeCount: 1 }],
            count: 3,
            sum: 7,
          },
        ],
      },
      text:
        '# TYPE h histogram\nh_bucket{a="b",le="0.1"} 1\nh_bucket{a="b",le="+Inf"} 3\n' +
        'h_sum{a="b"} 7\nh_count{a="b"} 3\n',
    },
    {
      name: "a summary",
      family: {
        type: "summary",
        name: "s",
        samples: [{ labels: {}, quantiles: [{ quantile: 0.5, value: 2 }], count: 3, sum: 7 }],
      },
      text: '# TYPE s summary\ns{quantile="0.5"} 2\ns_sum 7\ns_count 3\n',
    },
  ])("$name", ({ family, text }) => {
    expect(render(family)).toBe(text);
  });

  test("is declared as the text format that every gateway reads", () => {
    expect(CONTENT_TYPE).toBe("text/plain; version=0.0.4; charset=utf-8");
  });

  test("of nothing is nothing", () => {
    expect(render()).toBe("");
  });

  test("and parsing give back the same families, whatever is in them", () => {
    fc.assert(
      fc.property(families(), (some) => {
        expect(parseExposition(render(...some))).toEqual(some);
      }),
      { numRuns: 1000 },
    );
  });

  test("makes no line that is not the family's, whatever its help and its labels hold", () => {
    fc.assert(
      fc.property(hostileText(), hostileText(), (help, value) => {
        const samples = [{ labels: { x: value, y: value }, value: 1 }];
        const lines = render({ type: "gauge", name: "ours", help, samples }).split("\n");
        expect(lines).toHaveLength(4);
        expect(lines[0]).toMatch(/^# HELP ours /);
        expect(lines[1]).toBe("# TYPE ours gauge");
        expect(lines[2]).toMatch(/^ours\{x="(?:[^"\\]|\\[\\n"])*",y="(?:[^"\\]|\\[\\n"])*"\} 1$/);
        expect(lines[3]).toBe("");
      }),
      { numRuns: 1000 },
    );
  });
});

describe("a value", () => {
  test.each([
    [0, "0"],
    [-0, "-0"],
    [1, "1"],
    [-1.5, "-1.5"],
    [1e21, "1e+21"],
    [123456789012345680000, "123456789012345680000"],
    [5e-324, "5e-324"],
    [1e-7, "1e-7"],
    [0.1 + 0.2, "0.30000000000000004"],
    [Number.MAX_VALUE, "1.7976931348623157e+308"],
    [Number.NaN, "NaN"],
    [Number.POSITIVE_INFINITY, "+Inf"],
    [Number.NEGATIVE_INFINITY, "-Inf"],
  ])("%p is written %s", (value, text) => {
    expect(formatValue(value)).toBe(text);
  });
});
