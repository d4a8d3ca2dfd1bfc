import { describe, expect, test } from "@jest/globals";
import { type AiUsage, readUsage, tokensOf } from "../../src/ai-pricing/usage.ts";
import { message, usageOf } from "./usages.ts";

type Row = { name: string; answer: unknown; usage: Partial<AiUsage> };

describe("the iterations of an answer", () => {
  const SERVED = { model: "claude-opus-5" };
  const served = { ...SERVED, input: 3, output: 5 };
  const iteration = (type: string, of: object = {}) => ({
    type,
    input_tokens: 20,
    output_tokens: 7,
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: 0,
    cache_creation: null,
    ...of,
  });
  const part = (of: Partial<AiUsage> = {}): AiUsage =>
    usageOf({ ...SERVED, input: 20, output: 7, ...of });
  const answer = (...iterations: object[]) => message({ iterations }, SERVED);
  const [haiku, fable] = [{ model: "claude-haiku-4-5" }, { model: "claude-fable-5" }];

  test.each<Row>([
    {
      name: "of the model itself are in the total",
      answer: answer(iteration("message", SERVED), iteration("message", { model: null })),
      usage: served,
    },
    {
      name: "that compacted come besides",
      answer: answer(iteration("message", SERVED), iteration("compaction")),
      usage: { ...served, further: [part()] },
    },
    {
      name: "of an advisor come besides, with its model and its caches",
      answer: answer(
        iteration("message", SERVED),
        iteration("advisor_message", { ...haiku, cache_read_input_tokens: 9 }),
      ),
      usage: { ...served, further: [part({ ...haiku, cacheRead: 9 })] },
    },
    {
      name: "that declined before a fallback come besides; those of the fallback do not",
      answer: answer(
        iteration("message", fable),
        iteration("message", SERVED),
        iteration("fallback_message", SERVED),
      ),
      usage: { ...served, further: [part(fable)] },
    },
    {
      name: "of another model are in the total when nothing fell back",
      answer: answer(iteration("message", fable)),
      usage: served,
    },
    { name: "that are none are left out", answer: answer([], iteration("new")), usage: served },
    {
      name: "were served where the whole answer was, at its tier, and not at its speed",
      answer: message(
        {
          iterations: [iteration("compaction")],
          service_tier: "batch",
          inference_geo: "us",
          speed: "fast",
        },
        SERVED,
      ),
      usage: {
        ...served,
        tier: "batch",
        geo: "us",
        speed: "fast",
        further: [part({ tier: "batch", geo: "us" })],
      },
    },
    {
      name: "of a batch's result are at the batch's price too",
      answer: { result: { type: "succeeded", message: answer(iteration("compaction")) } },
      usage: { ...served, tier: "batch", further: [part({ tier: "batch" })] },
    },
  ])("$name", ({ answer: given, usage }) => {
    expect(readUsage(given)).toEqual(usageOf(usage));
  });

  test("are in its tokens by type", () => {
    const usage = readUsage(
      answer(iteration("compaction", { cache_creation_input_tokens: 2 }), iteration("compaction")),
    );
    expect(tokensOf(usage as AiUsage)).toEqual({
      input: 43,
      output: 19,
      cache_read: 0,
      cache_write: 2,
      cache_write_1h: 0,
    });
  });
});
