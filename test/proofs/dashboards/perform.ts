import { recordAiUsage } from "../../../src/ai.ts";
import { recordAnalysis, recordConviction, recordDecision } from "../../../src/metrics/ai.ts";
import { aiCatalogue } from "../../../src/metrics/ai-catalogue.ts";
import { catalogue } from "../../../src/metrics/catalogue.ts";
import { trackConstitutionCheck } from "../../../src/metrics/constitution.ts";
import { currentMetricSet } from "../../../src/metrics/current.ts";
import {
  recordCacheHit,
  recordCacheMiss,
  updateCacheMetrics,
} from "../../../src/metrics/feature-store.ts";
import { trackTrade } from "../../../src/metrics/trading.ts";
import type { Call, Work } from "./work.ts";

/**
 * Does the work through the library, in the run that it is called in. Durations are observed as they
 * are planned: the helpers that take them measure this machine's time, and the day's is another.
 */
export function perform({
  calls,
  decisions,
  hits,
  misses,
  queries,
  calculations,
  trades,
  checks,
}: Work): void {
  for (const each of calls) request(each);
  for (const { ticker, action, conviction } of decisions) {
    recordAnalysis();
    recordDecision({ ticker, action });
    recordConviction(action, conviction);
  }
  for (const layer of ["L1_Redis", "L2_TimescaleDB"] as const) {
    for (let hit = 0; hit < hits[layer]; hit++) recordCacheHit(layer);
  }
  for (let miss = 0; miss < misses; miss++) recordCacheMiss();
  const found = hits.L1_Redis + hits.L2_TimescaleDB;
  updateCacheMetrics({ hits: found, misses });
  const metrics = currentMetricSet();
  for (const seconds of queries)
    metrics.get(catalogue.featureStoreQueryLatencySeconds).observe(seconds);
  for (const { feature, seconds } of calculations) {
    metrics
      .get(catalogue.featureCalculationLatencySeconds)
      .observe({ feature_name: feature }, seconds);
  }
  for (const trade of trades) trackTrade(trade);
  for (const { rule, passed } of checks) trackConstitutionCheck(rule, { passed });
}

function request({ model, outcome, seconds, input, output }: Call): void {
  const metrics = currentMetricSet();
  const labels = { model_name: model };
  metrics.get(catalogue.aiApiLatencySeconds).observe(labels, seconds);
  if (outcome === "succeeded") {
    // Counts the request and its tokens, and prices them.
    recordAiUsage(model, { model, usage: { input_tokens: input, output_tokens: output } });
    return;
  }
  metrics.get(catalogue.aiApiRequestsTotal).inc(labels);
  metrics.get(aiCatalogue.aiApiRequestOutcomesTotal).inc({ ...labels, outcome });
}
