import { describe, expect, test } from "@jest/globals";
import { catalogue } from "../../src/metrics/catalogue.ts";
import { withMetricSet } from "../../src/metrics/current.ts";
import * as instruments from "../../src/metrics/job-metrics.ts";
import { createMetricSet } from "../../src/metrics/metric-set.ts";
import { bindInstruments } from "../../src/metrics/run-aware.ts";
import { exposed } from "./exposed.ts";

const { agentDecisionsTotal, aiApiLatencySeconds, cacheHitRate, tradesTotal } = instruments;

describe("the exported instruments", () => {
  test("are the 24 of the catalogue, under its names", () => {
    expect(Object.keys(instruments).sort()).toEqual(Object.keys(catalogue).sort());
  });

  test("write to the run that they are used in, a child that was kept included", () => {
    const kept = agentDecisionsTotal.labels({ ticker: "AAPL", action: "BUY" });
    const keptToo = tradesTotal.labels({ ticker: "AAPL", side: "SELL" });
    const [one, other] = [createMetricSet(), createMetricSet()];
    withMetricSet(one, () => kept.inc());
    withMetricSet(other, () => {
      kept.inc(2);
      keptToo.inc();
    });
    withMetricSet(one, () => kept.inc(3));
    expect(exposed(one)).toEqual(['agent_decisions_total{ticker="AAPL",action="BUY"} 4']);
    expect(exposed(other)).toEqual([
      'agent_decisions_total{ticker="AAPL",action="BUY"} 2',
      'trades_total{ticker="AAPL",side="SELL"} 1',
    ]);
  });

  test("have each method of their type", () => {
    const set = createMetricSet();
    withMetricSet(set, () => {
      cacheHitRate.set(0.5);
      cacheHitRate.inc(0.25);
      cacheHitRate.dec(0.5);
      cacheHitRate.labels({}).inc(0.5);
      aiApiLatencySeconds.observe({ model_name: "m" }, 400);
      aiApiLatencySeconds.labels({ model_name: "m" }).observe(250);
    });
    const lines = exposed(set);
    expect(lines).toContain("cache_hit_rate 0.75");
    expect(lines).toContain('ai_api_latency_seconds_bucket{model_name="m",le="300"} 1');
    expect(lines).toContain('ai_api_latency_seconds_count{model_name="m"} 2');
  });

  test("keep no hold on the label object of a kept child", () => {
    const set = createMetricSet();
    const labels = { ticker: "AAPL", action: "BUY" as "BUY" | "SELL" };
    const kept = agentDecisionsTotal.labels(labels);
    labels.ticker = "MSFT";
    labels.action = "SELL";
    withMetricSet(set, () => kept.inc());
    expect(exposed(set)).toEqual(['agent_decisions_total{ticker="AAPL",action="BUY"} 1']);
  });

  test("throw, unlike the helpers, and report nothing of it", () => {
    const set = createMetricSet();
    withMetricSet(set, () => {
      expect(() => cacheHitRate.set(Number.NaN)).toThrow("Value is not a valid number: NaN");
      expect(() => tradesTotal.inc({ ticker: "X", venue: "Y" } as never)).toThrow("Added label");
    });
    expect(set.families()).toEqual([]);
    expect(set.refusals()).toEqual([]);
  });
});

describe("the instruments of one run", () => {
  test("write to it wherever they are used, also inside another", () => {
    const [one, other] = [createMetricSet(), createMetricSet()];
    const metrics = bindInstruments(catalogue, one);
    const child = metrics.tradesTotal.labels({ ticker: "AAPL", side: "BUY" });
    withMetricSet(other, () => {
      child.inc();
      metrics.portfolioCash.set(5);
    });
    expect(exposed(one)).toEqual(['trades_total{ticker="AAPL",side="BUY"} 1', "portfolio_cash 5"]);
    expect(other.families()).toEqual([]);
  });

  test("can all be looked at without reporting anything", () => {
    const set = createMetricSet();
    expect(Object.keys({ ...bindInstruments(catalogue, set) })).toEqual(Object.keys(catalogue));
    expect(set.families()).toEqual([]);
  });
});
