import { setImmediate as turn } from "node:timers/promises";
import { afterEach, describe, expect, test } from "@jest/globals";
import { recordAnalysis, recordDecision } from "../../src/metrics/ai.ts";
import {
  currentMetricSet,
  isProcessMetricSetServed,
  processMetricSet,
  serveProcessMetricSet,
  withMetricSet,
} from "../../src/metrics/current.ts";
import { trackFeatureCalculation } from "../../src/metrics/feature-store.ts";
import { agentDecisionsTotal } from "../../src/metrics/job-metrics.ts";
import { createMetricSet } from "../../src/metrics/metric-set.ts";
import { exposed } from "./exposed.ts";

afterEach(() => processMetricSet.reset());

describe("what is written", () => {
  test("outside of any run goes to the process's own set", () => {
    recordAnalysis();
    expect(currentMetricSet()).toBe(processMetricSet);
    expect(exposed(processMetricSet)).toEqual(["agent_analyses_total 1"]);
  });

  test("in a run goes to the run, and after it to the process again", async () => {
    const set = createMetricSet();
    const answer = await withMetricSet(set, async () => {
      recordAnalysis();
      await turn();
      queueMicrotask(recordAnalysis);
      await new Promise((resolve) => process.nextTick(resolve));
      recordAnalysis();
      return 7;
    });
    expect(answer).toBe(7);
    recordAnalysis();
    expect(exposed(set)).toEqual(["agent_analyses_total 3"]);
    expect(exposed(processMetricSet)).toEqual(["agent_analyses_total 1"]);
  });

  test("in a run inside a run goes to the inner one", () => {
    const [outer, inner] = [createMetricSet(), createMetricSet()];
    withMetricSet(outer, () => {
      withMetricSet(inner, recordAnalysis);
      recordAnalysis();
      recordAnalysis();
    });
    expect(exposed(inner)).toEqual(["agent_analyses_total 1"]);
    expect(exposed(outer)).toEqual(["agent_analyses_total 2"]);
  });

  test("in a run that throws stays with the run, and the error passes through", () => {
    const set = createMetricSet();
    const broken = new Error("broken");
    expect(() =>
      withMetricSet(set, () => {
        recordAnalysis();
        throw broken;
      }),
    ).toThrow(broken);
    expect(currentMetricSet()).toBe(processMetricSet);
    expect(exposed(set)).toEqual(["agent_analyses_total 1"]);
  });

  test("by a hundred interleaved runs goes to each its own", async () => {
    const kept = agentDecisionsTotal.labels({ ticker: "KEPT", action: "HOLD" });
    const turns: number[] = [];
    const runs = Array.from({ length: 100 }, async (_, number) => {
      const set = createMetricSet();
      await withMetricSet(set, async () => {
        for (let step = 0; step <= number % 10; step++) {
          turns.push(number);
          recordDecision({ ticker: `T${number}`, action: "BUY" });
          kept.inc();
          await trackFeatureCalculation(`f${number}`, () => turn());
        }
      });
      return set;
    });
    const sets = await Promise.all(runs);

    // They did take turns, or this would prove nothing.
    expect(turns.slice(0, 100)).toEqual(Array.from({ length: 100 }, (_, number) => number));
    for (const [number, set] of sets.entries()) {
      const steps = (number % 10) + 1;
      expect(exposed(set).filter((line) => !/_(?:bucket|sum)/.test(line))).toEqual([
        `agent_decisions_total{ticker="T${number}",action="BUY"} ${steps}`,
        `agent_decisions_total{ticker="KEPT",action="HOLD"} ${steps}`,
        `feature_calculation_latency_seconds_count{feature_name="f${number}"} ${steps}`,
      ]);
    }
    expect(processMetricSet.families()).toEqual([]);
  });
});

test("the process's own set belongs to a scraper once it is served", () => {
  expect(isProcessMetricSetServed()).toBe(false);
  expect(serveProcessMetricSet()).toBe(processMetricSet);
  expect(isProcessMetricSetServed()).toBe(true);
});
