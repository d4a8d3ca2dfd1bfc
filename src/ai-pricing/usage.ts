import { InvalidInputError } from "../errors.ts";
import type { TokenType } from "../metrics/ai-catalogue.ts";

/** What a provider says an answer used. Whole counts; none is contained in another unless said. */
export type AiUsage = {
  /** The model that answered, as the provider names it. */
  readonly model?: string;
  /** Neither read from a cache nor written to one. */
  readonly input: number;
  /** Reasoning included. */
  readonly output: number;
  readonly cacheRead: number;
  /** Written for the provider's usual time (Anthropic: five minutes). */
  readonly cacheWrite: number;
  /** Written for an hour. */
  readonly cacheWrite1h: number;
  /** The part of `input` and `output` that is sound, which has its own prices. */
  readonly inputAudio: number;
  readonly outputAudio: number;
  readonly webSearches: number;
  /** How the request was served, in the provider's words. Each may change the price. */
  readonly tier?: string;
  readonly speed?: string;
  readonly geo?: string;
  /** The provider charges something else than what it counts here. */
  readonly isRepriced?: true;
  /** What other models did inside this answer; billed besides, and not in the counts above. */
  readonly further: readonly AiUsage[];
};

type Fields = Readonly<Record<string, unknown>>;

/**
 * Reads the usage of an answer: of Anthropic's Messages API, of OpenAI's Chat Completions and
 * Responses APIs and whatever speaks like them, and of one result of either's batches.
 *
 * The two count differently, which is the most repeated cost bug of the field: Anthropic's
 * `input_tokens` leaves out what was read from or written to a cache (@anthropic-ai/sdk 1.12.0,
 * `Usage`), OpenAI's `prompt_tokens` and `input_tokens` contain it.
 *
 * @returns undefined for an answer that tells no usage.
 * @throws {InvalidInputError} for counts that cannot be.
 */
export function readUsage(answer: unknown): AiUsage | undefined {
  const body = fields(answer);
  if (body === undefined) return undefined;
  const batched = fields(fields(body["result"])?.["message"]);
  if (batched !== undefined) return inBatch(readUsage(batched));
  const line = fields(fields(body["response"])?.["body"]);
  if (line !== undefined) return inBatch(readUsage(line));

  const usage = fields(body["usage"]);
  if (usage === undefined) return undefined;
  const about = { ...text("model", body["model"]), ...text("tier", body["service_tier"]) };
  if ("prompt_tokens" in usage) return { ...about, ...readChat(usage) };
  if (!("input_tokens" in usage)) return undefined;
  const speaksResponses = "input_tokens_details" in usage || body["object"] === "response";
  return { ...about, ...(speaksResponses ? readResponses(usage) : readMessages(usage, about)) };
}

/** A result of a batch is billed as one, whether it says so or not. */
function inBatch(usage: AiUsage | undefined): AiUsage | undefined {
  if (usage === undefined) return undefined;
  const further = usage.further.map((part) => ({ ...part, tier: "batch" }));
  return { ...usage, tier: "batch", further };
}

/** All tokens of an answer by type, those of other models inside it included. */
export function tokensOf(usage: AiUsage): Readonly<Record<TokenType, number>> {
  const total = (of: (part: AiUsage) => number) =>
    [usage, ...usage.further].reduce((sum, part) => sum + of(part), 0);
  return {
    input: total(({ input }) => input),
    output: total(({ output }) => output),
    cache_read: total(({ cacheRead }) => cacheRead),
    cache_write: total(({ cacheWrite }) => cacheWrite),
    cache_write_1h: total(({ cacheWrite1h }) => cacheWrite1h),
  };
}

const NOTHING = {
  input: 0,
  output: 0,
  cacheRead: 0,
  cacheWrite: 0,
  cacheWrite1h: 0,
  inputAudio: 0,
  outputAudio: 0,
  webSearches: 0,
  further: [],
} as const satisfies AiUsage;

/** @param about what is known of the answer as a whole; its own words on it go before. */
function readMessages(usage: Fields, about: Partial<AiUsage>): AiUsage {
  const written = count(usage, "cache_creation_input_tokens");
  const lifetimes = fields(usage["cache_creation"]) ?? {};
  // A stream's later counts come without lifetimes: what exceeds them lives for the usual time.
  const cacheWrite1h = Math.min(count(lifetimes, "ephemeral_1h_input_tokens"), written);
  const tier = usage["service_tier"] === "priority" ? "committed" : usage["service_tier"];
  const served = { ...text("tier", tier), ...text("geo", usage["inference_geo"]) };
  return {
    ...NOTHING,
    input: required(usage, "input_tokens"),
    output: required(usage, "output_tokens"),
    cacheRead: count(usage, "cache_read_input_tokens"),
    cacheWrite: written - cacheWrite1h,
    cacheWrite1h,
    webSearches: count(fields(usage["server_tool_use"]) ?? {}, "web_search_requests"),
    ...served,
    ...text("speed", usage["speed"]),
    ...(isRedeemed(usage) ? { isRepriced: true as const } : {}),
    further: readIterations(usage["iterations"], { ...about, ...served }),
  };
}

/**
 * The iterations that the counts beside them leave out: compactions, advisors, and models that
 * declined before a fallback answered (beta `usage.iterations`, `BetaIterationsUsage` of
 * @anthropic-ai/sdk 1.12.0).
 */
function readIterations(iterations: unknown, served: Partial<AiUsage>): readonly AiUsage[] {
  if (!Array.isArray(iterations)) return [];
  const entries = iterations.map(fields).filter((entry) => entry !== undefined);
  const fellBack = entries.some(({ type }) => type === "fallback_message");
  return entries
    .filter(({ type, model }) => {
      if (type === "compaction" || type === "advisor_message") return true;
      return fellBack && type === "message" && typeof model === "string" && model !== served.model;
    })
    .map((entry) => ({ ...served, ...text("model", entry["model"]), ...readMessages(entry, {}) }));
}

/** "The retry is billed as if the conversation had been on the retry model all along." */
function isRedeemed(usage: Fields): boolean {
  return fields(fields(usage["fallback_credit"])?.["status"])?.["type"] === "redeemed";
}

function readChat(usage: Fields): AiUsage {
  const prompt = fields(usage["prompt_tokens_details"]) ?? {};
  const completion = fields(usage["completion_tokens_details"]) ?? {};
  const total = required(usage, "prompt_tokens");
  // DeepSeek and Moonshot put the cached tokens beside the total.
  const cacheRead =
    count(prompt, "cached_tokens") ||
    count(usage, "prompt_cache_hit_tokens") ||
    count(usage, "cached_tokens");
  const cacheWrite = count(prompt, "cache_write_tokens");
  return {
    ...NOTHING,
    input: less(total, cacheRead + cacheWrite, "prompt_tokens"),
    output: required(usage, "completion_tokens"),
    cacheRead,
    cacheWrite,
    inputAudio: count(prompt, "audio_tokens"),
    outputAudio: count(completion, "audio_tokens"),
  };
}

function readResponses(usage: Fields): AiUsage {
  const details = fields(usage["input_tokens_details"]) ?? {};
  const cacheRead = count(details, "cached_tokens");
  const cacheWrite = count(details, "cache_write_tokens");
  return {
    ...NOTHING,
    input: less(required(usage, "input_tokens"), cacheRead + cacheWrite, "input_tokens"),
    output: required(usage, "output_tokens"),
    cacheRead,
    cacheWrite,
  };
}

function less(total: number, cached: number, name: string): number {
  if (cached <= total) return total - cached;
  throw new InvalidInputError(`usage.${name} is ${total}, less than the ${cached} cached in it`);
}

function required(usage: Fields, name: string): number {
  if ((usage[name] ?? undefined) === undefined)
    throw new InvalidInputError(`usage.${name} is missing`);
  return count(usage, name);
}

/** Absent and null are 0. */
function count(usage: Fields, name: string): number {
  const value = usage[name] ?? 0;
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  throw new InvalidInputError(`usage.${name} is ${String(value)}; expected a count of tokens`);
}

function text<Name extends string>(name: Name, value: unknown): { readonly [N in Name]?: string } {
  return typeof value === "string" && value !== ""
    ? ({ [name]: value } as { readonly [N in Name]?: string })
    : {};
}

function fields(value: unknown): Fields | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Fields)
    : undefined;
}
