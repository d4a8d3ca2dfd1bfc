import { trackAiRequest } from "../../src/index.ts";
import { withMetricSet } from "../../src/metrics/current.ts";
import { createMetricSet } from "../../src/metrics/metric-set.ts";

/** Tracks a request that tells this or that of its cost, and prints what was counted. */
const [what = ""] = process.argv.slice(2);

const answer = { model: "claude-haiku-4-5", usage: { input_tokens: 1000, output_tokens: 200 } };
const set = createMetricSet();
await withMetricSet(set, async () => {
  if (what === "nothing") return;
  const told = what === "usage" ? answer : { text: "Hold." };
  const options = what === "own-cost" ? { costUsd: 0.5 } : {};
  await trackAiRequest("claude-haiku-4-5", async () => told, options);
});
await set.settled();
const cost = set.families().find(({ name }) => name === "ai_api_cost_usd_total");
const [sample] = cost?.samples ?? [];
process.stdout.write(sample !== undefined && "value" in sample ? String(sample.value) : "none");
