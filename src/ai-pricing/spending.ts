import type { AiCost, AiSpending } from "../metrics/ai-request.ts";
import type { AiPrices } from "./own-prices.ts";
import type { PriceOptions } from "./price.ts";
import { type AiUsage, tokensOf } from "./usage.ts";

/** What usage of a model comes to. */
export type SpendingOf = (
  model: string,
  usage: AiUsage,
  options?: Pick<PriceOptions, "provider">,
) => AiSpending;

/**
 * Prices usage with the price list, which is loaded at the first usage: a job that calls no model
 * does not pay for it.
 *
 * @param ownPrices prices that go before the list; asked each time.
 */
export function createSpendingOf(ownPrices: () => AiPrices): SpendingOf {
  let list: Promise<typeof import("./price.ts")> | undefined;
  async function cost(
    model: string,
    usage: AiUsage,
    { provider }: Pick<PriceOptions, "provider"> = {},
  ): Promise<AiCost> {
    list ??= import("./price.ts");
    const { costOf } = await list;
    const prices = ownPrices();
    return costOf(model, usage, provider === undefined ? { prices } : { prices, provider });
  }
  return (model, usage, options) => {
    const spending = { tokens: tokensOf(usage), cost: cost(model, usage, options) };
    // It may wait for its request to end; unhandled until then, it would end the process.
    spending.cost.catch(() => {});
    return spending;
  };
}
