import { createInstrumentAnthropic } from "./ai-pricing/anthropic.ts";
import { readUsage } from "./ai-pricing/usage.ts";
import { spendingOf } from "./default-pricing.ts";
import { InvalidInputError } from "./errors.ts";
import { recordSpending } from "./metrics/ai-request.ts";
import { report } from "./metrics/report.ts";

export type { AnthropicClient, InstrumentAnthropic } from "./ai-pricing/anthropic.ts";
export type { AiPrice, AiPrices } from "./ai-pricing/own-prices.ts";
export type { Bill, TrackAiRequest, TrackAiRequestOptions } from "./ai-pricing/track.ts";
export { setAiPrices, trackAiRequest } from "./default-pricing.ts";
export type { AiCost, AiSpending, PriceList } from "./metrics/ai-request.ts";

/** Counts the requests of an Anthropic client; see {@link InstrumentAnthropic}. */
export const instrumentAnthropic = createInstrumentAnthropic(spendingOf);

/**
 * Counts an answer that no call waited for, such as one result of a batch (Anthropic's, or a line of
 * OpenAI's output file): request, tokens and cost, but no latency. Whoever reads a batch's results
 * twice counts them once, by calling this once.
 *
 * An answer without usage is refused: counted in `closing_bell_refused_updates_total`, and nowhere
 * else.
 */
export function recordAiUsage(model: string, answer: unknown): void {
  report(() => {
    const usage = readUsage(answer);
    if (usage === undefined) throw new InvalidInputError("recordAiUsage: there is no usage in it");
    recordSpending(model, spendingOf(model, usage));
  });
}
