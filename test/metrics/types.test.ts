import { expect, test } from "@jest/globals";
import { trackAiRequest } from "../../src/default-pricing.ts";
import { recordConviction, recordDecision } from "../../src/metrics/ai.ts";
import { recordCacheHit, updateCacheMetrics } from "../../src/metrics/feature-store.ts";
import { updateSystemHealth } from "../../src/metrics/health.ts";
import {
  agentAnalysesTotal,
  agentConvictionScore,
  agentDecisionsTotal,
  cacheHitRate,
  constitutionChecksTotal,
  type JobMetrics,
} from "../../src/metrics/job-metrics.ts";
import { trackTrade, updatePortfolioMetrics } from "../../src/metrics/trading.ts";

/**
 * Never called: the compiler is the test. Each line under an expected error compiles only while the
 * line below it does not (`npm run check`).
 */
export async function compiles(metrics: JobMetrics): Promise<void> {
  agentDecisionsTotal.inc({ ticker: "AAPL", action: "BUY" });
  agentDecisionsTotal.labels({ ticker: "AAPL", action: "HOLD" }).inc(2);
  // @ts-expect-error values by position: nothing could tell a wrong one
  agentDecisionsTotal.labels("AAPL", "BUY").inc();
  agentAnalysesTotal.inc();
  agentAnalysesTotal.inc(2);
  // @ts-expect-error a name that the catalogue has not
  metrics.agentDecisions.inc();
  // @ts-expect-error a label that the family has not
  agentDecisionsTotal.inc({ ticker: "AAPL", action: "BUY", venue: "X" });
  // @ts-expect-error a label left out
  agentDecisionsTotal.inc({ ticker: "AAPL" });
  // @ts-expect-error no labels at all
  agentDecisionsTotal.inc();
  // @ts-expect-error a value where labels belong
  agentDecisionsTotal.inc(1);
  // @ts-expect-error an action that is none
  agentDecisionsTotal.inc({ ticker: "AAPL", action: "buy" });
  // @ts-expect-error an action that is none, in a kept child
  agentDecisionsTotal.labels({ ticker: "AAPL", action: "SHORT" });
  // @ts-expect-error a label that is no text
  agentDecisionsTotal.labels({ ticker: 1, action: "BUY" });
  // @ts-expect-error a result in lower case
  metrics.constitutionChecksTotal.inc({ rule_name: "r", result: "pass" });
  constitutionChecksTotal.inc({ rule_name: "any rule", result: "PASS" });
  // @ts-expect-error labels of a family without any
  agentAnalysesTotal.inc({ ticker: "AAPL" });
  // @ts-expect-error a counter is not set
  agentAnalysesTotal.set(1);
  // @ts-expect-error a counter does not fall
  agentAnalysesTotal.dec();
  cacheHitRate.set(0.5);
  // @ts-expect-error a gauge needs a value
  cacheHitRate.set();
  // @ts-expect-error text is no value
  cacheHitRate.set("0.5");
  // @ts-expect-error a gauge observes nothing
  cacheHitRate.observe(1);
  agentConvictionScore.observe({ action: "BUY" }, 0.5);
  // @ts-expect-error an observation needs a value
  agentConvictionScore.observe({ action: "BUY" });
  // @ts-expect-error an instrument of a run cannot be replaced
  metrics.cacheHitRate = cacheHitRate;

  recordDecision({ ticker: "AAPL", action: "SELL" });
  // @ts-expect-error an action that is none
  recordDecision({ ticker: "AAPL", action: "WAIT" });
  // @ts-expect-error an action that is none
  recordConviction("WAIT", 0.5);
  // @ts-expect-error a side that is none
  trackTrade({ ticker: "AAPL", side: "HOLD" });
  recordCacheHit("L1_Redis");
  // @ts-expect-error a layer that is none
  recordCacheHit("redis");
  // @ts-expect-error a rate needs both
  updateCacheMetrics({ hits: 1 });
  updatePortfolioMetrics({ cash: 1 });
  // @ts-expect-error the Python name
  updatePortfolioMetrics({ total_value: 1 });
  // @ts-expect-error a flag is a boolean
  updateSystemHealth({ redisConnected: 1 });

  const answer: { usd: number } = await trackAiRequest("m", async () => ({ usd: 1 }), {
    costUsd: ({ usd }) => usd,
  });
  // @ts-expect-error the answer is what the call gives
  const text: string = await trackAiRequest("m", () => answer);
  // @ts-expect-error an option that it has not
  await trackAiRequest("m", () => text, { cost: 1 });
}

test("wrong names, labels and enumerated values do not compile", () => {
  expect(compiles).toBeInstanceOf(Function);
});
