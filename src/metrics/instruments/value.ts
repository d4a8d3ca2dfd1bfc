import { inspect } from "node:util";

/** @throws {TypeError} in prom-client's words for NaN, an infinity and whatever is no number. */
export function finite(value: unknown): number {
  if (typeof value !== "number" || !Number.isFinite(value)) {
    throw new TypeError(`Value is not a valid number: ${inspect(value)}`);
  }
  return value;
}
