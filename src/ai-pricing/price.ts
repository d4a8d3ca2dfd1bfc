import { calcPrice, findProvider, type Provider, type Usage } from "@pydantic/genai-prices";
import type { AiCost } from "../metrics/ai-request.ts";
import { type AiPrice, type AiPrices, ownPrice } from "./own-prices.ts";
import { tokenFactor } from "./surcharges.ts";
import type { AiUsage } from "./usage.ts";

/** The list, and the version that is installed: the package does not say it itself. */
export const PRICE_LIST = { name: "@pydantic/genai-prices", version: "0.1.8" } as const;

export type PriceOptions = {
  /** Where the model was called, in the price list's words: `anthropic`, `aws`, `google`, ... */
  readonly provider?: string;
  /** Prices that go before the list. */
  readonly prices?: AiPrices;
};

/**
 * What usage comes to at list price: an estimate, not a bill.
 *
 * @param model what the caller asked for; the model that answered is looked up first.
 */
export function costOf(model: string, usage: AiUsage, options: PriceOptions = {}): AiCost {
  const parts = [usage, ...usage.further].map((part) => {
    // What another model did is not priced as what the caller asked for.
    const isOther = part.model !== undefined && part.model !== usage.model;
    return priceOf(isOther ? [part.model] : namesOf(model, part), part, options);
  });
  const known = parts.flatMap(({ usd }) => (usd === undefined ? [] : [usd]));
  return {
    ...(known.length === 0 ? {} : { usd: known.reduce((sum, usd) => sum + usd, 0) }),
    isWhole: parts.every(({ isWhole }) => isWhole),
    ...(parts.some(({ isListed }) => isListed) ? { priceList: PRICE_LIST } : {}),
  };
}

type Part = { readonly usd?: number; readonly isWhole: boolean; readonly isListed: boolean };

/** Names of the model that answered, in the order in which to look them up. */
function namesOf(asked: string, { model: answered }: AiUsage): readonly string[] {
  if (answered === undefined) return [asked];
  // Bedrock answers with the bare name, but what was asked for says the place, and so the price.
  const isSame = BEDROCK.test(asked) && bareName(asked) === bareName(answered);
  return isSame ? [asked, answered] : [answered, asked];
}

/** The maker's own name of a model on Bedrock: without place, vendor and revision. */
function bareName(model: string): string {
  return model.replace(BEDROCK, "").replace(/-v\d+(?::\w+)*$/, "");
}

function priceOf(
  names: readonly string[],
  given: AiUsage,
  { provider, prices = {} }: PriceOptions,
): Part {
  for (const name of names) {
    const own = ownPrice(prices, name);
    // The user's price of a token is its price, whatever it carries.
    const usage = own === undefined ? given : { ...given, inputAudio: 0, outputAudio: 0 };
    const quoted = own === undefined ? listPrice(name, usage, provider) : calculate(own, usage);
    if (quoted === null) continue;
    const { total_price: total, model_price: keys } = quoted;
    const searches = searchPrice(usage, keys);
    const factor = tokenFactor(name, usage);
    return {
      usd: (total - searches) * (factor ?? 1) + searches,
      isWhole: factor !== undefined && !usage.isRepriced && hasEveryPrice(usage, keys),
      isListed: own === undefined,
    };
  }
  return { isWhole: false, isListed: false };
}

type Quote = ReturnType<typeof calcPrice>;

type Keys = NonNullable<Quote>["model_price"];

/**
 * The list's price of a model, under whichever of its names it is known: Anthropic's own, Amazon
 * Bedrock's (`us.anthropic.claude-...`), or a router's (`anthropic/claude-...`).
 */
function listPrice(model: string, usage: AiUsage, provider: string | undefined): Quote {
  const counts = listCounts(usage);
  if (provider !== undefined) return calcPrice(counts, model, { providerId: provider });
  const direct = calcPrice(counts, model);
  if (direct !== null) return direct;
  if (BEDROCK.test(model)) return calcPrice(counts, model, { providerId: "aws" });
  const [vendor = "", name] = model.split(/\/(.*)/s);
  if (name === undefined) return null;
  // Not `findProvider` by model: it would take any vendor for the model's maker.
  const named = findProvider({ providerId: vendor });
  return (
    (named === undefined ? null : calcPrice(counts, name, { providerId: named.id })) ??
    calcPrice(counts, model, { providerId: "openrouter" })
  );
}

/** Amazon Bedrock: an inference profile's ARN or region, if any, and the vendor. */
const BEDROCK =
  /^(?:arn:[^/]*\/)?(?:[a-z-]+\.)?(?:amazon|anthropic|cohere|deepseek|meta|mistral|openai|qwen)\./;

/** A price of the user's own goes through the same arithmetic as the list. */
function calculate(price: AiPrice, usage: AiUsage): Quote {
  const { input, output, cacheRead, cacheWrite = input, webSearch } = price;
  const prices = {
    input_mtok: input,
    output_mtok: output,
    cache_write_mtok: cacheWrite,
    cache_write_1h_mtok: price.cacheWrite1h ?? cacheWrite,
    ...(cacheRead === undefined ? {} : { cache_read_mtok: cacheRead }),
    ...(webSearch === undefined ? {} : { web_searches_kcount: webSearch }),
  };
  const provider: Provider = {
    id: "own",
    name: "prices of the user's own",
    api_pattern: "^$",
    models: [{ id: "own", match: { equals: "own" }, prices }],
  };
  return calcPrice(listCounts(usage), "own", { provider });
}

/** In the list's words, where the input is everything that went in. */
function listCounts(usage: AiUsage): Usage {
  const { input, output, cacheRead, cacheWrite, cacheWrite1h } = usage;
  const counts = {
    input_tokens: input + cacheRead + cacheWrite + cacheWrite1h,
    cache_read_tokens: cacheRead,
    cache_write_tokens: cacheWrite + cacheWrite1h,
    cache_write_1h_tokens: cacheWrite1h,
    input_audio_tokens: usage.inputAudio,
    output_tokens: output,
    output_audio_tokens: usage.outputAudio,
    web_searches: usage.webSearches,
  };
  return Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0));
}

function searchPrice({ webSearches }: AiUsage, keys: Keys): number {
  const perThousand = keys["web_searches_kcount"];
  return typeof perThousand === "number" ? (webSearches * perThousand) / 1000 : 0;
}

/** The list counts what it has no price for as free, or sound as text, or an hour as minutes. */
function hasEveryPrice(usage: AiUsage, keys: Keys): boolean {
  const needed = [
    [usage.cacheWrite1h, "cache_write_1h_mtok"],
    [usage.webSearches, "web_searches_kcount"],
    [usage.inputAudio, "input_audio_mtok"],
    [usage.outputAudio, "output_audio_mtok"],
  ] as const;
  return needed.every(([count, key]) => count === 0 || keys[key] !== undefined);
}
