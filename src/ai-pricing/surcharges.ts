import type { AiUsage } from "./usage.ts";

/**
 * What the way a request was served does to the price of its tokens. Searches cost the same in
 * every way.
 *
 * @returns the factor on list price, or undefined when it is not known.
 */
export function tokenFactor(model: string, { tier, speed, geo }: AiUsage): number | undefined {
  const factors = [tierFactor(tier), speedFactor(model, speed), geoFactor(geo)];
  let product = 1;
  for (const factor of factors) {
    if (factor === undefined) return undefined;
    product *= factor;
  }
  return product;
}

/**
 * Anthropic's and OpenAI's batches: "50 % of the standard API prices", cache reads and writes
 * included; searches in a batch "are priced the same" (platform.claude.com, batch processing and
 * web search tool). OpenAI's flex is billed at batch rates (developers.openai.com, flex
 * processing). Capacity bought in advance (Anthropic's priority tier) counts at list price, which is
 * what it would have cost. OpenAI's priority has prices of its own, which are not in the list.
 */
const TIER_FACTORS: ReadonlyMap<string, number> = new Map([
  ["standard", 1],
  ["standard_only", 1],
  ["default", 1],
  ["auto", 1],
  ["committed", 1],
  ["batch", 0.5],
  ["flex", 0.5],
]);

function tierFactor(tier: string | undefined): number | undefined {
  return tier === undefined ? 1 : TIER_FACTORS.get(tier);
}

/**
 * platform.claude.com, pricing, fast mode: Opus 4.8 and Opus 5 at $10 in and $50 out, twice their
 * list price, caches on top. `speed` is what was served, not what was asked for.
 */
const FAST_AT_TWICE_THE_PRICE = /claude-opus-(?:4-8|5)(?![-.]\d(?!\d))/;

function speedFactor(model: string, speed: string | undefined): number | undefined {
  if (speed === undefined || speed === "standard") return 1;
  return speed === "fast" && FAST_AT_TWICE_THE_PRICE.test(model) ? 2 : undefined;
}

/** platform.claude.com, pricing, data residency: 1.1 on every token price for `us`. */
const GEO_FACTORS: ReadonlyMap<string, number> = new Map([
  ["us", 1.1],
  ["global", 1],
  ["not_available", 1],
]);

function geoFactor(geo: string | undefined): number | undefined {
  return geo === undefined ? 1 : GEO_FACTORS.get(geo);
}
