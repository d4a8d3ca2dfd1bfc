import { describe, expect, test } from "@jest/globals";
import { recordAnalysis, recordConviction, recordDecision } from "../../src/metrics/ai.ts";
import { withMetricSet } from "../../src/metrics/current.ts";
import { createMetricSet } from "../../src/metrics/metric-set.ts";
import { exposed } from "./exposed.ts";

const REFUSED = "closing_bell_refused_updates_total 1";

describe("recording", () => {
  test("an analysis counts one", () => {
    const set = createMetricSet();
    withMetricSet(set, recordAnalysis);
    expect(exposed(set)).toEqual(["agent_analyses_total 1"]);
  });

  test("a decision counts it by ticker and action", () => {
    const set = createMetricSet();
    withMetricSet(set, () => {
      recordDecision({ ticker: "AAPL", action: "BUY" });
      recordDecision({ ticker: "AAPL", action: "BUY" });
      recordDecision({ ticker: "AAPL", action: "HOLD" });
    });
    expect(exposed(set)).toEqual([
      'agent_decisions_total{ticker="AAPL",action="BUY"} 2',
      'agent_decisions_total{ticker="AAPL",action="HOLD"} 1',
    ]);
  });

  test("a conviction puts its score among the action's", () => {
    const set = createMetricSet();
    withMetricSet(set, () => recordConviction("SELL", 0.7));
    const lines = exposed(set);
    expect(lines).toContain('agent_conviction_score_bucket{action="SELL",le="0.6"} 0');
    expect(lines).toContain('agent_conviction_score_bucket{action="SELL",le="0.7"} 1');
    expect(lines).toContain('agent_conviction_score_sum{action="SELL"} 0.7');
  });

  test.each<{ name: string; act: () => void }>([
    { name: "a conviction that is NaN", act: () => recordConviction("BUY", Number.NaN) },
    { name: "a conviction left out", act: () => recordConviction("BUY", undefined as never) },
    { name: "no decision", act: () => recordDecision(undefined as never) },
    {
      name: "a ticker that has no text",
      act: () => recordDecision({ ticker: Object.create(null) as string, action: "BUY" }),
    },
  ])("$name changes nothing, throws nothing, and is noted", ({ act }) => {
    const set = createMetricSet();
    withMetricSet(set, act);
    expect(exposed(set)).toEqual([REFUSED]);
    expect(set.refusals()).toHaveLength(1);
  });
});
