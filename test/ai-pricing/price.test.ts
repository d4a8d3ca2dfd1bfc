import { readFileSync } from "node:fs";
import { afterAll, describe, expect, test } from "@jest/globals";
import { costOf, PRICE_LIST } from "../../src/ai-pricing/price.ts";
import { printTable } from "../support/print-table.ts";
import { workOut } from "./arithmetic.ts";
import { COST_ROWS } from "./cost-rows.ts";
import { usageOf } from "./usages.ts";

describe("the cost of usage is what it comes to by hand", () => {
  const shown: (readonly string[])[] = [];
  afterAll(() => printTable("cost at list price", ["case", "model", "our USD", "by hand"], shown));

  test.each(COST_ROWS)("$name", ({ name, model, usage, byHand, options }) => {
    const cost = costOf(model, usageOf(usage), options);
    shown.push([name, model, String(cost.usd), byHand]);
    expect(cost.isWhole).toBe(true);
    expect(Math.abs((cost.usd ?? Number.NaN) - workOut(byHand))).toBeLessThanOrEqual(1e-12);
  });

  test("and of the request that the console billed it is 0.054399", () => {
    const cost = costOf(
      "claude-3-7-sonnet-20250219",
      usageOf({ input: 3, cacheWrite: 12304, output: 550 }),
    );
    expect(cost.usd).toBeCloseTo(0.054399, 12);
  });
});

describe("the price list", () => {
  const versionIn = (file: string) => JSON.parse(readFileSync(file, "utf8"));

  test("is named with the version that is installed, which is the one that is pinned", () => {
    expect(PRICE_LIST.version).toBe(
      versionIn(`node_modules/${PRICE_LIST.name}/package.json`).version,
    );
    expect(PRICE_LIST.version).toBe(versionIn("package.json").dependencies[PRICE_LIST.name]);
  });

  test.each([
    { name: "is named for what it priced", model: "gpt-4o", prices: {}, list: PRICE_LIST },
    {
      name: "is not named for what the user priced",
      model: "gpt-4o",
      prices: { "gpt-4o": { input: 1, output: 1 } },
      list: undefined,
    },
    { name: "is not named for what it does not know", model: "mine", prices: {}, list: undefined },
  ])("$name", ({ model, prices, list }) => {
    expect(costOf(model, usageOf({ input: 1 }), { prices }).priceList).toEqual(list);
  });
});
