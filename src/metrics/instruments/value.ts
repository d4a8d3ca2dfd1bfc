import { format } from "node:util";

/** @throws {TypeError} in prom-client's words for NaN, an infinity and whatever is no number. */
export function finite(value: unknown, what: "Value" | "Delta" = "Value"): number {
  if (typeof value !== "number" || !Number.isFinite(value)) {
    throw new TypeError(`${what} is not a valid number: ${format(value)}`);
  }
  return value;
}
