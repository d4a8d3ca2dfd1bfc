import { type AiPrices, checkAiPrices } from "./ai-pricing/own-prices.ts";
import { createSpendingOf } from "./ai-pricing/spending.ts";
import { createTrackAiRequest } from "./ai-pricing/track.ts";
import { readSettings, valuesOf } from "./config/config.ts";

let own: AiPrices | undefined;

/**
 * Prices for this process that go before the price list, instead of `aiPrices` in closing-bell.json.
 *
 * @throws {InvalidOptionError} for an unknown key, or a price that is missing or none.
 */
export function setAiPrices(prices: AiPrices): void {
  own = checkAiPrices(prices);
}

/** What the program set, else what the configuration says. */
function ownPrices(): AiPrices {
  own ??= valuesOf(readSettings({ env: process.env, cwd: process.cwd() }).aiPrices);
  return own;
}

/** Prices usage as the configuration says. */
export const spendingOf = createSpendingOf(ownPrices);

/** As the configuration prices it. */
export const trackAiRequest = createTrackAiRequest(spendingOf);
