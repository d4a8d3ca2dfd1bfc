import { InvalidOptionError } from "../errors.ts";

/** A timer takes no more; one of more ends at once. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;

/** @throws {InvalidOptionError} for what is no number of milliseconds above 0. */
export function refuseTimeout(timeoutMs: number, what: string): void {
  if (typeof timeoutMs === "number" && timeoutMs > 0 && timeoutMs <= MAX_TIMEOUT_MS) return;
  throw new InvalidOptionError(
    `${what}: timeoutMs must be a number of milliseconds above 0, got ${String(timeoutMs)}`,
  );
}
