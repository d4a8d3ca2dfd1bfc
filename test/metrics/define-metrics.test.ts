import { describe, expect, test } from "@jest/globals";
import { InvalidMetricError, InvalidOptionError } from "../../src/errors.ts";
import { withMetricSet } from "../../src/metrics/current.ts";
import {
  bindDefined,
  defineMetrics,
  type MetricDefinitions,
} from "../../src/metrics/define-metrics.ts";
import { createMetricSet } from "../../src/metrics/metric-set.ts";
import { exposed } from "./exposed.ts";

const own = defineMetrics({
  ordersTotal: {
    name: "orders_total",
    type: "counter",
    help: "Orders sent.",
    labels: { venue: "any", side: ["BUY", "SELL"] },
  },
  spreadRatio: { name: "spread_ratio", type: "gauge", help: "Spread as a share of the price." },
  fillSeconds: {
    name: "fill_seconds",
    type: "histogram",
    help: "Time to fill in seconds.",
    buckets: [0.1, 1],
  },
});

describe("families of one's own", () => {
  test("write to the run that they are used in, and are reported only when set", () => {
    const set = createMetricSet();
    withMetricSet(set, () => {
      own.ordersTotal.inc({ venue: "XNAS", side: "BUY" }, 2);
      own.ordersTotal.labels({ venue: "XNAS", side: "SELL" }).inc();
      own.spreadRatio.set(0.01);
    });
    expect(exposed(set)).toEqual([
      'orders_total{venue="XNAS",side="BUY"} 2',
      'orders_total{venue="XNAS",side="SELL"} 1',
      "spread_ratio 0.01",
    ]);
  });

  test("are bound to a run, wherever they are called", () => {
    const set = createMetricSet();
    bindDefined(own, set).fillSeconds.observe(0.5);
    expect(set.families()).toMatchObject([{ name: "fill_seconds", samples: [{ count: 1 }] }]);
    expect(() => bindDefined({}, set)).toThrow(InvalidOptionError);
  });

  test("need a mode when they say that they are of trading", () => {
    const { exposure } = defineMetrics({
      exposure: { name: "exposure_usd", type: "gauge", help: "Exposure in USD.", trading: true },
    });
    const set = createMetricSet();
    withMetricSet(set, () => exposure.set(5));
    expect(set.tradingFamilies()).toEqual(["exposure_usd"]);
  });

  test("keep so many label sets; further ones become other, and are counted", () => {
    const { rows } = defineMetrics({
      rows: {
        name: "rows_total",
        type: "counter",
        help: "Rows.",
        labels: { table: "any", kind: ["a", "b"] },
        maxLabelSets: 2,
      },
    });
    const set = createMetricSet();
    withMetricSet(set, () => {
      rows.inc({ table: "one", kind: "a" });
      rows.inc({ table: "two", kind: "a" });
      for (const table of ["three", "four", "five"]) rows.inc({ table, kind: "a" });
      rows.inc({ table: "three", kind: "b" });
      rows.inc({ table: "other", kind: "b" });
      rows.inc({ table: "one", kind: "a" });
    });
    expect(exposed(set)).toEqual([
      'rows_total{table="one",kind="a"} 2',
      'rows_total{table="two",kind="a"} 1',
      'rows_total{table="other",kind="a"} 3',
      'rows_total{table="other",kind="b"} 2',
      "closing_bell_dropped_label_sets_total 4",
    ]);
  });

  test.each<{
    name: string;
    definitions: object;
    error: typeof InvalidMetricError | typeof InvalidOptionError;
    message: string;
  }>([
    {
      name: "a name that is none",
      definitions: { a: { name: "a b", type: "counter", help: "x" } },
      error: InvalidMetricError,
      message: "is not a metric name",
    },
    {
      name: "a name of ours",
      definitions: { a: { name: "trades_total", type: "counter", help: "x" } },
      error: InvalidMetricError,
      message: "one of closing-bell's own families",
    },
    {
      name: "no help",
      definitions: { a: { name: "a", type: "counter", help: "" } },
      error: InvalidMetricError,
      message: "needs a help text",
    },
    {
      name: "a label of histograms",
      definitions: { a: { name: "a", type: "counter", help: "x", labels: { le: "any" } } },
      error: InvalidMetricError,
      message: 'label "le"',
    },
    {
      name: "buckets out of order",
      definitions: { a: { name: "a", type: "histogram", help: "x", buckets: [2, 1] } },
      error: InvalidMetricError,
      message: "strictly ascending",
    },
    {
      name: "a type that is none",
      definitions: { a: { name: "a", type: "summary", help: "x" } },
      error: InvalidMetricError,
      message: "counter, gauge or histogram",
    },
    {
      name: "no room at all",
      definitions: { a: { name: "a", type: "counter", help: "x", maxLabelSets: 0 } },
      error: InvalidMetricError,
      message: "maxLabelSets",
    },
    {
      name: "one name twice",
      definitions: {
        a: { name: "a", type: "gauge", help: "x" },
        b: { name: "a", type: "gauge", help: "x" },
      },
      error: InvalidMetricError,
      message: "is defined twice",
    },
    {
      name: "a misspelt key",
      definitions: { a: { name: "a", type: "counter", help: "x", lables: {} } },
      error: InvalidOptionError,
      message: 'did you mean "labels"?',
    },
  ])("are refused with $name", ({ definitions, error, message }) => {
    const define = () => defineMetrics(definitions as MetricDefinitions);
    expect(define).toThrow(error);
    expect(define).toThrow(message);
  });

  test("have labels that the compiler knows", () => {
    const misuses = () => {
      // @ts-expect-error: not one of its values
      own.ordersTotal.inc({ venue: "XNAS", side: "HOLD" });
      // @ts-expect-error: a label is missing
      own.ordersTotal.inc({ venue: "XNAS" });
      // @ts-expect-error: a gauge does not observe
      own.spreadRatio.observe(1);
      // @ts-expect-error: no such family
      own.nothing.inc();
    };
    expect(misuses).toBeInstanceOf(Function);
  });
});
