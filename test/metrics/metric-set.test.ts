import { describe, expect, test } from "@jest/globals";
import { InvalidMetricError } from "../../src/errors.ts";
import { catalogue, runCatalogue } from "../../src/metrics/catalogue.ts";
import type { CounterDefinition, HistogramDefinition } from "../../src/metrics/definition.ts";
import { createMetricSet } from "../../src/metrics/metric-set.ts";
import { exposed } from "./exposed.ts";

describe("a metric set", () => {
  test("reports what was set and nothing else", () => {
    const set = createMetricSet();
    for (const definition of Object.values(catalogue)) set.get(definition);
    expect(set.families()).toEqual([]);
    set.get(catalogue.portfolioCash).set(0);
    set.get(catalogue.portfolioTotalValue).set(5);
    expect(set.families().map(({ name }) => name)).toEqual([
      "portfolio_total_value",
      "portfolio_cash",
    ]);
  });

  test("reports families in the order in which they were first asked for", () => {
    const set = createMetricSet();
    set.get(catalogue.tradesTotal).inc({ ticker: "SPX", side: "BUY" });
    set.get(catalogue.agentAnalysesTotal).inc();
    set.get(catalogue.tradesTotal).inc({ ticker: "SPX", side: "SELL" });
    expect(exposed(set)).toEqual([
      'trades_total{ticker="SPX",side="BUY"} 1',
      'trades_total{ticker="SPX",side="SELL"} 1',
      "agent_analyses_total 1",
    ]);
  });

  test("makes of every definition the instrument that it says, with its help and its buckets", () => {
    const set = createMetricSet();
    for (const definition of Object.values({ ...catalogue, ...runCatalogue })) {
      const labels = Object.fromEntries(Object.keys(definition.labels).map((name) => [name, "v"]));
      const instrument = set.get(definition) as unknown as Record<
        string,
        (...args: unknown[]) => void
      >;
      instrument[{ counter: "inc", gauge: "set", histogram: "observe" }[definition.type]]?.(
        labels,
        1,
      );
      const family = set.families().find(({ name }) => name === definition.name);
      expect(family).toMatchObject({ type: definition.type, help: definition.help });
      expect(Object.keys(family?.samples[0]?.labels ?? {})).toEqual(Object.keys(definition.labels));
      const [sample] = family?.type === "histogram" ? family.samples : [];
      expect(sample?.buckets.map(({ upperBound }) => upperBound)).toEqual(
        "buckets" in definition ? definition.buckets : undefined,
      );
    }
  });

  test("says which of its families a mode must tell apart, once they are set", () => {
    const set = createMetricSet();
    set.get(catalogue.dailyPnl);
    set.get(catalogue.agentAnalysesTotal).inc();
    expect(set.tradingFamilies()).toEqual([]);
    set.get(catalogue.dailyPnl).set(0);
    set.get(catalogue.killSwitchStatus).set(1);
    expect(set.tradingFamilies()).toEqual(["daily_pnl", "kill_switch_status"]);
  });

  test("has nothing in common with another", () => {
    const [one, other] = [createMetricSet(), createMetricSet()];
    one.get(catalogue.agentAnalysesTotal).inc();
    one.refuse(new Error("no"));
    expect(other.families()).toEqual([]);
    expect(other.refusals()).toEqual([]);
  });

  test("has forgotten everything after a reset", () => {
    const set = createMetricSet();
    set.get(catalogue.agentAnalysesTotal).inc();
    set.refuse(new Error("no"));
    set.reset();
    expect(set.families()).toEqual([]);
    expect(set.refusals()).toEqual([]);
  });
});

describe("a family that is defined twice", () => {
  const counter = {
    name: "orders_total",
    type: "counter",
    help: "Total number of orders",
    labels: { venue: "any", side: ["BUY", "SELL"] },
    area: "ai",
  } as const satisfies CounterDefinition;
  const histogram = {
    name: "orders_total",
    type: "histogram",
    help: "Total number of orders",
    labels: { venue: "any", side: "any" },
    buckets: [1, 2],
    area: "ai",
  } as const satisfies HistogramDefinition;

  test("alike is one family", () => {
    const set = createMetricSet();
    set.get(counter).inc({ venue: "X", side: "BUY" });
    set.get({ ...counter, help: "Other words" }).inc({ venue: "X", side: "BUY" });
    expect(exposed(set)).toEqual(['orders_total{venue="X",side="BUY"} 2']);
  });

  test.each([
    {
      name: "with another type",
      first: counter,
      second: { ...counter, type: "gauge", kind: "result" },
    },
    {
      name: "with another label",
      first: counter,
      second: { ...counter, labels: { venue: "any" } },
    },
    {
      name: "with its labels in another order, which means other series by position",
      first: counter,
      second: { ...counter, labels: { side: "any", venue: "any" } },
    },
    { name: "with other buckets", first: histogram, second: { ...histogram, buckets: [1, 3] } },
  ] as const)("$name is refused, and named", ({ first, second }) => {
    const set = createMetricSet();
    set.get(first);
    expect(() => set.get(second)).toThrow(InvalidMetricError);
    expect(() => set.get(second)).toThrow("metric orders_total: is defined twice");
  });
});

describe("refusals", () => {
  test("are counted all and remembered twenty", () => {
    const set = createMetricSet();
    for (let number = 1; number <= 25; number++) set.refuse(new Error(`refusal ${number}`));
    expect(exposed(set)).toEqual(["closing_bell_refused_updates_total 25"]);
    expect(set.refusals()).toHaveLength(20);
    expect(set.refusals().at(-1)).toBe("refusal 20");
  });

  test.each<{ name: string; thrown: unknown; message: string }>([
    { name: "text", thrown: "no", message: "no" },
    { name: "nothing", thrown: undefined, message: "undefined" },
    {
      name: "what has no text",
      thrown: Object.create(null),
      message: "something was thrown that has no text",
    },
  ])("are remembered when what was thrown is $name", ({ thrown, message }) => {
    const set = createMetricSet();
    set.refuse(thrown);
    expect(set.refusals()).toEqual([message]);
  });
});

describe("absorbing another set", () => {
  test("adds its counts, takes its gauges that are not set here, and empties it", () => {
    const [one, other] = [createMetricSet(), createMetricSet()];
    one.get(catalogue.agentAnalysesTotal).inc(2);
    other.get(catalogue.agentAnalysesTotal).inc(3);
    other.get(catalogue.cacheMissesTotal).inc(1);
    one.get(catalogue.portfolioCash).set(10);
    other.get(catalogue.portfolioCash).set(99);
    other.get(catalogue.dailyPnl).set(-4);
    one.get(catalogue.featureStoreQueryLatencySeconds).observe(0.5);
    other.get(catalogue.featureStoreQueryLatencySeconds).observe(0.25);
    other.get(catalogue.maxDrawdownPct);
    one.refuse(new Error("one's"));
    other.refuse(new Error("the other's"));

    one.absorb(other);
    expect(exposed(one).filter((line) => !line.includes("_bucket"))).toEqual([
      "agent_analyses_total 5",
      "portfolio_cash 10",
      "feature_store_query_latency_seconds_sum 0.75",
      "feature_store_query_latency_seconds_count 2",
      "closing_bell_refused_updates_total 2",
      "cache_misses_total 1",
      "daily_pnl -4",
    ]);
    expect(one.refusals()).toEqual(["one's", "the other's"]);
    expect(other.families()).toEqual([]);
    expect(other.refusals()).toEqual([]);

    const before = exposed(one);
    one.absorb(other);
    expect(exposed(one)).toEqual(before);
    expect(one.refusals()).toEqual(["one's", "the other's"]);
  });

  test("takes the rest when one family has another shape there, and notes the one", () => {
    const [one, other] = [createMetricSet(), createMetricSet()];
    one.get(catalogue.agentAnalysesTotal).inc();
    other.get({ ...catalogue.agentAnalysesTotal, labels: { desk: "any" } }).inc({ desk: "A" });
    other.get(catalogue.cacheMissesTotal).inc();
    one.absorb(other);
    expect(exposed(one)).toEqual([
      "agent_analyses_total 1",
      "closing_bell_refused_updates_total 1",
      "cache_misses_total 1",
    ]);
    expect(one.refusals()).toEqual([
      "metric agent_analyses_total: is defined twice with different type, labels or buckets",
    ]);
  });

  test("remembers twenty refusals of both", () => {
    const [one, other] = [createMetricSet(), createMetricSet()];
    for (let number = 1; number <= 15; number++) {
      one.refuse(`one ${number}`);
      other.refuse(`other ${number}`);
    }
    one.absorb(other);
    expect(one.refusals()).toHaveLength(20);
    expect(one.refusals().at(-1)).toBe("other 5");
    expect(exposed(one)).toEqual(["closing_bell_refused_updates_total 30"]);
  });
});
