import { InvalidOptionError } from "../errors.ts";
import { refuseUnknownKeys } from "../options.ts";

/** Prices of the user's own for one model, in USD per million tokens. */
export type AiPrice = {
  readonly input: number;
  readonly output: number;
  /** Default: as `input`. */
  readonly cacheRead?: number;
  /** Default: as `input`. */
  readonly cacheWrite?: number;
  /** Default: as `cacheWrite`. */
  readonly cacheWrite1h?: number;
  /** USD per 1,000 searches. Default: not known, so a request that searched is not wholly priced. */
  readonly webSearch?: number;
};

/**
 * Prices by model pattern: a model's name, in which `*` stands for anything, such as
 * `claude-haiku-5-5*`. They go before the price list; the longest pattern that fits wins.
 */
export type AiPrices = Readonly<Record<string, AiPrice>>;

export const AI_PRICE_KEYS = [
  "input",
  "output",
  "cacheRead",
  "cacheWrite",
  "cacheWrite1h",
  "webSearch",
] as const;

/** @throws {InvalidOptionError} for an unknown key, or a price that is missing or none. */
export function checkAiPrices(prices: AiPrices): AiPrices {
  refuseNoObject(prices, "prices");
  for (const [pattern, price] of Object.entries(prices)) {
    const what = `price of ${JSON.stringify(pattern)}`;
    if (pattern === "") throw new InvalidOptionError("a price needs the name of a model");
    refuseNoObject(price, what);
    refuseUnknownKeys(price, AI_PRICE_KEYS, what);
    for (const key of AI_PRICE_KEYS) {
      const value = price[key];
      if (value === undefined && key !== "input" && key !== "output") continue;
      if (typeof value !== "number" || !(value >= 0 && value < Number.POSITIVE_INFINITY)) {
        throw new InvalidOptionError(
          `${what}: ${key} is ${String(value)}; expected USD, 0 or more`,
        );
      }
    }
  }
  return prices;
}

function refuseNoObject(value: unknown, what: string): void {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return;
  throw new InvalidOptionError(`${what}: expected an object, got ${JSON.stringify(value)}`);
}

/** The price whose pattern fits and is the longest; of two as long the first by name. */
export function ownPrice(prices: AiPrices, model: string): AiPrice | undefined {
  const fitting = Object.keys(prices).filter((pattern) => fits(pattern, model));
  const [best] = fitting.sort((a, b) => b.length - a.length || (a < b ? -1 : 1));
  return best === undefined ? undefined : prices[best];
}

/** Whether the parts between the stars follow each other; linear, whatever the pattern. */
function fits(pattern: string, model: string): boolean {
  const [first = "", ...rest] = pattern.split("*");
  const last = rest.pop();
  if (last === undefined) return pattern === model;
  if (!model.startsWith(first)) return false;
  let at = first.length;
  for (const part of rest) {
    const found = model.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return model.length - last.length >= at && model.endsWith(last);
}
