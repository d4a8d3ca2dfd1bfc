import { expect, test } from "@jest/globals";
import { extractUsage, findProvider } from "@pydantic/genai-prices";
import fc from "fast-check";
import { type AiUsage, readUsage } from "../../src/ai-pricing/usage.ts";

/**
 * The oracle: how the price list's own package reads the same answers, for what it reads at all. It
 * knows no batches, tiers or iterations.
 */
function oracle(
  providerId: string,
  usage: object,
  flavour: string,
): Readonly<Record<string, number>> {
  const provider = findProvider({ providerId });
  if (provider === undefined) throw new Error(`no ${providerId} in the list`);
  const { usage: read } = extractUsage(provider, { model: "any", usage }, flavour);
  return counted(KEYS.map((key) => [key, read[key] ?? 0]));
}

const KEYS = [
  "input_tokens",
  "output_tokens",
  "cache_read_tokens",
  "cache_write_tokens",
  "cache_write_1h_tokens",
  "web_searches",
];

/** Our reading in the list's words, where the input is everything that went in. */
function ours(answer: object): Readonly<Record<string, number>> {
  const usage = readUsage(answer) as AiUsage;
  const { input, output, cacheRead, cacheWrite, cacheWrite1h, webSearches } = usage;
  return counted([
    ["input_tokens", input + cacheRead + cacheWrite + cacheWrite1h],
    ["output_tokens", output],
    ["cache_read_tokens", cacheRead],
    ["cache_write_tokens", cacheWrite + cacheWrite1h],
    ["cache_write_1h_tokens", cacheWrite1h],
    ["web_searches", webSearches],
  ]);
}

function counted(
  entries: readonly (readonly [string, number])[],
): Readonly<Record<string, number>> {
  return Object.fromEntries(entries.filter(([, count]) => count !== 0));
}

const count = fc.oneof(fc.nat(20), fc.nat(10_000_000));
const RUNS = { numRuns: 1000 };

test("Anthropic's usage is read as the price list's own package reads it", () => {
  // Of all that was written, so many live for an hour; a part of it may be missing or null.
  const usages = fc
    .record({ written: count, ofHour: fc.double({ min: 0, max: 1, noNaN: true }) })
    .chain(({ written, ofHour }) => {
      const hour = Math.floor(written * ofHour);
      return fc.record(
        {
          input_tokens: count,
          output_tokens: count,
          cache_read_input_tokens: fc.option(count),
          cache_creation_input_tokens: fc.constant(written),
          cache_creation: fc.option(
            fc.constant({
              ephemeral_5m_input_tokens: written - hour,
              ephemeral_1h_input_tokens: hour,
            }),
          ),
          server_tool_use: fc.option(fc.record({ web_search_requests: count })),
        },
        { requiredKeys: ["input_tokens", "output_tokens", "cache_creation_input_tokens"] },
      );
    });
  fc.assert(
    fc.property(usages, (usage) => {
      expect(ours({ usage })).toEqual(oracle("anthropic", usage, "default"));
    }),
    RUNS,
  );
});

/** A total, and the cached tokens that it contains. */
const cachedIn = fc.tuple(count, count, count).map(([fresh, cached, written]) => ({
  total: fresh + cached + written,
  details: { cached_tokens: cached, cache_write_tokens: written },
}));

test("a chat's usage is read as the price list's own package reads it", () => {
  fc.assert(
    fc.property(cachedIn, count, fc.boolean(), ({ total, details }, output, hasDetails) => {
      const usage = {
        prompt_tokens: total,
        completion_tokens: output,
        ...(hasDetails ? { prompt_tokens_details: details } : {}),
      };
      expect(ours({ usage })).toEqual(oracle("openai", usage, "chat"));
    }),
    RUNS,
  );
});

test("a response's usage is read as the price list's own package reads it", () => {
  fc.assert(
    fc.property(cachedIn, count, fc.boolean(), ({ total, details }, output, hasDetails) => {
      const usage = {
        input_tokens: total,
        output_tokens: output,
        ...(hasDetails ? { input_tokens_details: details } : {}),
      };
      expect(ours({ object: "response", usage })).toEqual(oracle("openai", usage, "responses"));
    }),
    RUNS,
  );
});

test("cached tokens beside a chat's total are read as the price list's own package reads them", () => {
  fc.assert(
    fc.property(count, count, count, (fresh, cached, output) => {
      const usage = {
        prompt_tokens: fresh + cached,
        completion_tokens: output,
        cached_tokens: cached,
      };
      expect(ours({ usage })).toEqual(oracle("anthropic", usage, "chat"));
    }),
    RUNS,
  );
});
