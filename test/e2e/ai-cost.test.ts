import { afterEach, beforeEach, expect, jest, test } from "@jest/globals";
import fc from "fast-check";
import { costOf } from "../../src/ai-pricing/price.ts";
import { createSpendingOf } from "../../src/ai-pricing/spending.ts";
import { createTrackAiRequest } from "../../src/ai-pricing/track.ts";
import { readUsage } from "../../src/ai-pricing/usage.ts";
import { configuredRuns } from "../../src/default-delivery.ts";
import { createRunJob } from "../../src/run/run-job.ts";
import { scrapeJob } from "../cli/scraped.ts";
import { printTable } from "../support/print-table.ts";
import {
  describeWithServer,
  type RealPushgateway,
  startRealPushgateway,
} from "../support/servers.ts";
import { removeStateDirectories, stateDirectory } from "../support/state-directory.ts";

jest.setTimeout(120_000);

const REQUESTS = 1000;

const SEED = 20261123;

const MODELS = [
  "claude-3-haiku-20240307",
  "claude-3-7-sonnet-20250219",
  "claude-haiku-4-5-20251001",
  "claude-sonnet-4-5",
  "claude-opus-4-8",
  "claude-opus-5-5",
  "gpt-4o",
  "gpt-5.4",
] as const;

const count = (max: number) => fc.oneof(fc.constant(0), fc.nat(max));

/** Answers as the providers shape them: caches of both lifetimes, batches, long contexts, searches. */
const anthropicUsage = fc.record({
  input_tokens: fc.nat(260_000),
  cache_read_input_tokens: fc.option(count(100_000)),
  cache_creation_input_tokens: count(20_000),
  output_tokens: fc.nat(8000),
  service_tier: fc.constantFrom("standard", "batch", "priority"),
  inference_geo: fc.constantFrom("not_available", "global", "us", null),
  server_tool_use: fc.constantFrom(null, { web_search_requests: 3 }),
});

const openAiUsage = fc.record({
  prompt_tokens: fc.integer({ min: 1000, max: 300_000 }),
  completion_tokens: fc.nat(8000),
  prompt_tokens_details: fc.record({ cached_tokens: fc.nat(1000) }),
});

const answers = fc
  .constantFrom(...MODELS)
  .chain((model) =>
    (model.startsWith("gpt") ? openAiUsage : anthropicUsage).map((usage) => ({ model, usage })),
  );

describeWithServer("pushgateway")("what 1,000 requests cost", () => {
  let gateway: RealPushgateway;

  beforeEach(async () => {
    gateway = await startRealPushgateway();
  });

  afterEach(async () => {
    await gateway.stop();
    removeStateDirectories();
  });

  test("is on the gateway what their prices add up to, through a run and the ledger", async () => {
    const env = {
      PUSHGATEWAY_URL: gateway.url.href,
      CLOSING_BELL_STATE_DIR: stateDirectory(),
      CLOSING_BELL_SCRAPE_INTERVAL: "0",
    };
    const { settleJob } = createRunJob(configuredRuns(() => ({ env, cwd: stateDirectory() })));
    const trackAiRequest = createTrackAiRequest(createSpendingOf(() => ({})));
    const usages = fc.sample(answers, { numRuns: REQUESTS, seed: SEED });

    const { delivery } = await settleJob({ job: "analysis" }, () =>
      Promise.all(usages.map((answer) => trackAiRequest(answer.model, async () => answer))),
    );
    expect(delivery).toMatchObject({ status: "recorded", publication: { status: "published" } });

    const values = await scrapeJob(gateway.url, { job: "analysis" });
    const rows = MODELS.map((model) => {
      const own = usages.filter((answer) => answer.model === model);
      const sum = own.reduce((total, answer) => total + picodollars(answer), 0) / 1e12;
      const shown = values[`ai_api_cost_usd_total{model_name="${model}"}`] ?? Number.NaN;
      return { model, requests: own.length, sum, shown };
    });
    printTable(
      `${REQUESTS} requests of mixed usage, in USD`,
      ["model", "requests", "sum of prices", "on the gateway"],
      rows.map(({ model, requests, sum, shown }) => [
        model,
        String(requests),
        sum.toFixed(9),
        shown.toFixed(9),
      ]),
    );
    for (const { sum, shown } of rows) expect(Math.abs(shown - sum)).toBeLessThanOrEqual(1e-9);
    expect(rows.reduce((total, { requests }) => total + requests, 0)).toBe(REQUESTS);
  });
});

/** In whole picodollars, which doubles add up without an error. */
function picodollars(answer: { readonly model: string; readonly usage: object }): number {
  const usage = readUsage(answer);
  const usd = usage === undefined ? undefined : costOf(answer.model, usage).usd;
  if (usd === undefined) throw new Error(`${answer.model} has no price`);
  return Math.round(usd * 1e12);
}
