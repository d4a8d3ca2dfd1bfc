import type { Definition } from "./definition.ts";

/** What requests to models report beside the original families. */
export const aiCatalogue = {
  aiApiTokensTotal: {
    name: "ai_api_tokens_total",
    type: "counter",
    help: "Total number of tokens by type; the types do not overlap, output includes reasoning",
    labels: {
      model_name: "any",
      token_type: ["input", "output", "cache_read", "cache_write", "cache_write_1h"],
    },
    area: "ai",
  },
  aiApiRequestOutcomesTotal: {
    name: "ai_api_request_outcomes_total",
    type: "counter",
    help: "Total number of requests to models by how they ended",
    labels: { model_name: "any", outcome: ["succeeded", "failed", "aborted"] },
    area: "ai",
  },
  aiApiUnpricedRequestsTotal: {
    name: "ai_api_unpriced_requests_total",
    type: "counter",
    help: "Total number of requests whose cost is not, or not wholly, in ai_api_cost_usd_total",
    labels: { model_name: "any" },
    area: "ai",
  },
  aiPricingInfo: {
    name: "closing_bell_ai_pricing_info",
    type: "gauge",
    kind: "result",
    help: "Price list that costs were estimated with; always 1",
    labels: { package: "any", version: "any" },
    area: "ai",
  },
} as const satisfies Readonly<Record<string, Definition>>;

export type TokenType = (typeof aiCatalogue.aiApiTokensTotal.labels.token_type)[number];

/** How a request to a model ended. */
export type AiOutcome = (typeof aiCatalogue.aiApiRequestOutcomesTotal.labels.outcome)[number];
