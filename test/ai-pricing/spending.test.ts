import { setImmediate as turn } from "node:timers/promises";
import { describe, expect, test } from "@jest/globals";
import type { AiPrices } from "../../src/ai-pricing/own-prices.ts";
import { PRICE_LIST } from "../../src/ai-pricing/price.ts";
import { createSpendingOf } from "../../src/ai-pricing/spending.ts";
import { usageOf } from "./usages.ts";

const USAGE = usageOf({ input: 1e6, cacheRead: 5, further: [usageOf({ output: 7 })] });

describe("what usage comes to", () => {
  test("are its tokens at once and its cost at list price later", async () => {
    const { tokens, cost } = createSpendingOf(() => ({}))(
      "claude-haiku-4-5",
      usageOf({ input: 1e6 }),
    );
    expect(tokens).toEqual({
      input: 1e6,
      output: 0,
      cache_read: 0,
      cache_write: 0,
      cache_write_1h: 0,
    });
    expect(await cost).toEqual({ usd: 1, isWhole: true, priceList: PRICE_LIST });
  });

  test("holds the tokens of everything inside it", () => {
    const { tokens } = createSpendingOf(() => ({}))("nonsense", USAGE);
    expect(tokens).toEqual({
      input: 1e6,
      output: 7,
      cache_read: 5,
      cache_write: 0,
      cache_write_1h: 0,
    });
  });

  test("is at the user's own prices as they are then", async () => {
    let prices: AiPrices = {};
    const spendingOf = createSpendingOf(() => prices);
    const usd = async () => (await spendingOf("mine", usageOf({ input: 1e6 })).cost).usd;
    expect(await usd()).toBeUndefined();
    prices = { mine: { input: 3, output: 1 } };
    expect(await usd()).toBe(3);
    prices = { mine: { input: 4, output: 1 } };
    expect(await usd()).toBe(4);
  });

  test("is at the prices of the place that is named", async () => {
    const spendingOf = createSpendingOf(() => ({}));
    const { cost } = spendingOf("claude-haiku-4-5-20251001", usageOf({ input: 1e6 }), {
      provider: "aws",
    });
    expect((await cost).usd).toBe(1.1);
  });

  test("may not be known because the prices cannot be read, which nobody has to handle", async () => {
    const broken = new Error("closing-bell.json is broken");
    const spendingOf = createSpendingOf(() => {
      throw broken;
    });
    const { tokens, cost } = spendingOf("mine", usageOf({ input: 2 }));
    // Long enough for a rejection that nobody handles to end the process.
    await turn();
    await turn();
    expect(tokens.input).toBe(2);
    await expect(cost).rejects.toBe(broken);
  });
});
