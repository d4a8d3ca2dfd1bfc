import type { AiUsage } from "../../src/ai-pricing/usage.ts";

const NOTHING: AiUsage = {
  input: 0,
  output: 0,
  cacheRead: 0,
  cacheWrite: 0,
  cacheWrite1h: 0,
  inputAudio: 0,
  outputAudio: 0,
  webSearches: 0,
  further: [],
};

/** Usage of what is given and nothing else. */
export function usageOf(given: Partial<AiUsage>): AiUsage {
  return { ...NOTHING, ...given };
}

/** An answer of the Messages API: three tokens in, five out. */
export function message(usage: object, about: object = {}): object {
  return { ...about, usage: { input_tokens: 3, output_tokens: 5, ...usage } };
}
