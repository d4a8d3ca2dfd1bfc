import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { catalogue } from "../../../src/metrics/catalogue.ts";
import type {
  CounterDefinition,
  Definition,
  HistogramDefinition,
} from "../../../src/metrics/definition.ts";
import type { LabelSet, MetricFamily } from "../../../src/metrics/exposition/family.ts";
import { createMetricSet, type MetricSet } from "../../../src/metrics/metric-set.ts";
import { exposed } from "../exposed.ts";

describe("values of enumerated labels are born together", () => {
  test("for each value of the open labels that was set", () => {
    const set = createMetricSet();
    const decisions = set.get(catalogue.agentDecisionsTotal);
    decisions.inc({ ticker: "AAPL", action: "BUY" }, 3);
    decisions.inc({ ticker: "MSFT", action: "HOLD" });
    decisions.inc({ ticker: "AAPL", action: "HOLD" });
    expect(reported(set)).toEqual([
      'agent_decisions_total{ticker="AAPL",action="BUY"} 3',
      'agent_decisions_total{ticker="MSFT",action="HOLD"} 1',
      'agent_decisions_total{ticker="AAPL",action="HOLD"} 1',
      'agent_decisions_total{ticker="AAPL",action="SELL"} 0',
      'agent_decisions_total{ticker="MSFT",action="BUY"} 0',
      'agent_decisions_total{ticker="MSFT",action="SELL"} 0',
    ]);
  });

  test("where there is no open label", () => {
    const set = createMetricSet();
    set.get(catalogue.cacheHitsTotal).inc({ layer: "L1_Redis" });
    expect(reported(set)).toEqual([
      'cache_hits_total{layer="L1_Redis"} 1',
      'cache_hits_total{layer="L2_TimescaleDB"} 0',
    ]);
  });

  test("of a histogram too, which then has observed nothing, in the same buckets", () => {
    const set = createMetricSet();
    set.get(catalogue.agentConvictionScore).observe({ action: "SELL" }, 0.7);
    const [family] = set.reportFamilies();
    const buckets = catalogue.agentConvictionScore.buckets.map((upperBound) => {
      return { upperBound, cumulativeCount: 0 };
    });
    const nothing = { buckets, count: 0, sum: 0 };
    expect(family?.samples).toEqual([
      expect.objectContaining({ labels: { action: "SELL" }, count: 1, sum: 0.7 }),
      { labels: { action: "BUY" }, ...nothing },
      { labels: { action: "HOLD" }, ...nothing },
    ]);
  });

  test("of several labels in every combination", () => {
    const set = createMetricSet();
    set.get(ORDERS).inc({ side: "BUY", venue: "X", result: "FAIL" });
    expect(reported(set)).toEqual([
      'orders_total{side="BUY",venue="X",result="FAIL"} 1',
      'orders_total{side="BUY",venue="X",result="PASS"} 0',
      'orders_total{side="SELL",venue="X",result="PASS"} 0',
      'orders_total{side="SELL",venue="X",result="FAIL"} 0',
    ]);
  });

  test("with other as with any value, and however few label sets are kept", () => {
    const set = createMetricSet();
    const orders = set.get({ ...ORDERS, maxLabelSets: 1 });
    orders.inc({ side: "BUY", venue: "X", result: "PASS" });
    orders.inc({ side: "SELL", venue: "Y", result: "PASS" });
    const lines = reported(set);
    expect(lines.filter((line) => line.includes('venue="X"'))).toHaveLength(4);
    expect(lines.filter((line) => line.includes('venue="other"'))).toHaveLength(4);
    expect(lines).toContain('orders_total{side="BUY",venue="other",result="FAIL"} 0');
    expect(lines).toContain("closing_bell_dropped_label_sets_total 1");
    expect(lines).toHaveLength(9);
  });

  test("of an open label that was left out, too", () => {
    const set = createMetricSet();
    set.get(catalogue.tradesTotal).inc({ side: "BUY" } as never);
    expect(reported(set)).toEqual(['trades_total{side="BUY"} 1', 'trades_total{side="SELL"} 0']);
  });

  test.each<{ name: string; side: readonly unknown[]; born: readonly string[] }>([
    { name: "twice", side: ["BUY", "SELL", "SELL"], born: ['{side="SELL"}'] },
    { name: "that is empty, which is no label", side: ["BUY", ""], born: [""] },
    { name: "that no series can have", side: ["BUY", "a\nb", "x".repeat(2000)], born: [] },
    { name: "that is no text, in JavaScript", side: ["BUY", 7], born: ['{side="7"}'] },
    { name: "that was not set, when it lists none", side: [], born: [] },
  ])("of a definition that lists a value $name", ({ side, born }) => {
    const set = createMetricSet();
    set.get({ ...ORDERS, labels: { side: side as string[] } }).inc({ side: "BUY" });
    expect(reported(set)).toEqual([
      'orders_total{side="BUY"} 1',
      ...born.map((labels) => `orders_total${labels} 0`),
    ]);
  });

  test("beside a value that is not listed, which stays", () => {
    const set = createMetricSet();
    set.get(catalogue.cacheHitsTotal).inc({ layer: "L3" } as never, 2);
    expect(reported(set)).toEqual([
      'cache_hits_total{layer="L3"} 2',
      'cache_hits_total{layer="L1_Redis"} 0',
      'cache_hits_total{layer="L2_TimescaleDB"} 0',
    ]);
  });

  test("never of gauges, of families that were not set, or where all labels are open", () => {
    const set = createMetricSet();
    set.get(catalogue.agentDecisionsTotal).labels({ ticker: "AAPL", action: "BUY" });
    set.get({ ...ORDERS, name: "g", type: "gauge", kind: "status" }).set(GAUGE_LABELS, 1);
    set.get(catalogue.aiApiRequestsTotal).inc({ model_name: "m" });
    set.get(catalogue.portfolioCash).set(5);
    expect(set.reportFamilies()).toEqual(set.families());
    expect(reported(set)).toHaveLength(3);
  });

  test("in what a run reports only: a scrape shows what was set", () => {
    const set = createMetricSet();
    set.get(catalogue.cacheHitsTotal).inc({ layer: "L1_Redis" });
    const before = exposed(set);
    set.reportFamilies();
    expect(exposed(set)).toEqual(before);
    expect(before).toEqual(['cache_hits_total{layer="L1_Redis"} 1']);
  });
});

test("whatever was set: the same sums, and every combination once", () => {
  fc.assert(
    fc.property(fc.array(update(), { maxLength: 40 }), (updates) => {
      const set = createMetricSet();
      for (const apply of updates) apply(set);
      const before = set.families();
      const after = set.reportFamilies();
      expect(set.families()).toEqual(before);

      expect(after.map(({ name }) => name)).toEqual(before.map(({ name }) => name));
      for (const [index, family] of after.entries()) {
        const given = before[index] as MetricFamily;
        expect(sums(family)).toEqual(sums(given));
        expect(family.samples.slice(0, given.samples.length)).toEqual(given.samples);
        const keys = family.samples.map(({ labels }) => keyOf(labels));
        expect(new Set(keys).size).toBe(keys.length);
        const definition = DEFINITIONS.find(({ name }) => name === family.name);
        const expected = given.samples.flatMap(({ labels }) => combinations(labels, definition));
        expect(new Set(keys)).toEqual(
          new Set([...given.samples.map(({ labels }) => keyOf(labels)), ...expected]),
        );
      }
    }),
    { numRuns: 300 },
  );
});

const ORDERS = {
  name: "orders_total",
  type: "counter",
  help: "Orders.",
  labels: { side: ["BUY", "SELL"], venue: "any", result: ["PASS", "FAIL"] },
  area: "own",
} as const satisfies CounterDefinition;

const GAUGE_LABELS = { side: "BUY", venue: "X", result: "PASS" } as const;

const LATENCY = {
  name: "latency_seconds",
  type: "histogram",
  help: "Seconds.",
  labels: { venue: "any", layer: ["a", "b", "c"] },
  buckets: [1, 2],
  area: "own",
  maxLabelSets: 3,
} as const satisfies HistogramDefinition;

const DEFINITIONS: readonly Definition[] = [
  { ...ORDERS, maxLabelSets: 3 },
  LATENCY,
  catalogue.agentAnalysesTotal,
];

/** Values that were listed, values that were not, none, and the one of an overflow. */
function update(): fc.Arbitrary<(set: MetricSet) => void> {
  const venue = fc.constantFrom("X", "Y", "Z", "other", "");
  const listed = <T extends string>(...values: T[]) => fc.constantFrom(...values, "odd" as T);
  // Whole quarters: sums of them are exact in any order.
  const value = fc.nat(20).map((quarters) => quarters / 4);
  return fc.oneof(
    fc
      .tuple(listed("BUY", "SELL"), venue, listed("PASS", "FAIL"), value)
      .map(([side, at, result, by]) => (set: MetricSet) => {
        set.get({ ...ORDERS, maxLabelSets: 3 }).inc({ side, venue: at, result }, by);
      }),
    fc.tuple(venue, listed("a", "b", "c"), value).map(([at, layer, by]) => (set: MetricSet) => {
      set.get(LATENCY).observe({ venue: at, layer }, by);
    }),
    value.map((by) => (set: MetricSet) => set.get(catalogue.agentAnalysesTotal).inc(by)),
  );
}

/** What the family's label sets add up to: one number, or count, sum and each bucket. */
function sums(family: MetricFamily): readonly number[] {
  const rows = family.samples.map((sample) => {
    if ("value" in sample) return [sample.value];
    const buckets = "buckets" in sample ? sample.buckets : [];
    return [sample.count, sample.sum, ...buckets.map(({ cumulativeCount }) => cumulativeCount)];
  });
  return rows.reduce<number[]>(
    (total, row) => row.map((value, at) => (total[at] ?? 0) + value),
    [],
  );
}

/** Written the long way, to compare with. */
function combinations(labels: LabelSet, definition: Definition | undefined): readonly string[] {
  let all: Record<string, string>[] = [{ ...labels }];
  for (const [name, domain] of Object.entries(definition?.labels ?? {})) {
    if (domain === "any") continue;
    all = all.flatMap((each) => domain.map((value) => ({ ...each, [name]: value })));
  }
  return all.map(keyOf);
}

function keyOf(labels: LabelSet): string {
  return JSON.stringify(Object.entries(labels).sort());
}

function reported(set: MetricSet): readonly string[] {
  return exposed({ families: () => set.reportFamilies() });
}
