import { describe, expect, test } from "@jest/globals";
import { Counter, Gauge, Histogram, Registry } from "prom-client";
import { watchRegistries } from "../../src/metrics/registry-delta.ts";

describe("a registry that outlives a run", () => {
  test("gives the run what its counters and histograms grew by, and what its gauges hold", async () => {
    const registers = [new Registry()];
    const counter = new Counter({ name: "c_total", help: "C.", labelNames: ["a"], registers });
    const histogram = new Histogram({ name: "h", help: "H.", buckets: [1, 2], registers });
    const gauge = new Gauge({ name: "g", help: "G.", registers });
    counter.inc({ a: "x" }, 5);
    histogram.observe(0.5);
    gauge.set(1);

    const grown = await watchRegistries(registers);
    counter.inc({ a: "x" }, 2);
    counter.inc({ a: "new" }, 3);
    histogram.observe(1.5);
    gauge.set(7);
    expect(await grown()).toEqual([
      {
        type: "counter",
        name: "c_total",
        help: "C.",
        samples: [
          { labels: { a: "x" }, value: 2 },
          { labels: { a: "new" }, value: 3 },
        ],
      },
      {
        type: "histogram",
        name: "h",
        help: "H.",
        samples: [
          {
            labels: {},
            buckets: [
              { upperBound: 1, cumulativeCount: 0 },
              { upperBound: 2, cumulativeCount: 1 },
            ],
            count: 1,
            sum: 1.5,
          },
        ],
      },
      { type: "gauge", name: "g", help: "G.", samples: [{ labels: {}, value: 7 }] },
    ]);
  });

  test("and was reset in between, gives what it holds", async () => {
    const registers = [new Registry()];
    const counter = new Counter({ name: "c_total", help: "C.", registers });
    counter.inc(5);
    const grown = await watchRegistries(registers);
    counter.reset();
    counter.inc(3);
    expect(await grown()).toMatchObject([{ samples: [{ value: 3 }] }]);
  });

  test("and whose histogram was reset and has grown past what it was, gives what it holds", async () => {
    const registers = [new Registry()];
    const histogram = new Histogram({ name: "h", help: "H.", buckets: [1, 2], registers });
    for (const value of [0.5, 1.5, 1.5, 1.5]) histogram.observe(value);
    const grown = await watchRegistries(registers);
    histogram.reset();
    for (const value of [0.5, 0.5, 0.5, 1.5, 1.5]) histogram.observe(value);
    const buckets = [
      { upperBound: 1, cumulativeCount: 3 },
      { upperBound: 2, cumulativeCount: 5 },
    ];
    expect(await grown()).toMatchObject([{ samples: [{ buckets, count: 5, sum: 4.5 }] }]);
  });
});
