import { UsageError } from "./io.ts";

/** Milliseconds. */
const UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** Longest delay that a timer of Node takes; a longer one would fire at once. Milliseconds. */
export const MAX_TIMER_MS = 2 ** 31 - 1;

/**
 * Reads durations such as `500ms`, `30s`, `1.5h` or `0`, as milliseconds. A number without a unit is
 * refused unless it is 0: some would mean seconds by it and some milliseconds.
 *
 * @param flag named in the message, e.g. `--timeout`.
 * @throws {UsageError}
 */
export function parseDuration(text: string, flag: string): number {
  if (text === "0") return 0;
  const [, digits, unit = ""] = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text) ?? [];
  const milliseconds = Number(digits) * (UNITS[unit] ?? Number.NaN);
  if (Number.isFinite(milliseconds)) return milliseconds;
  throw new UsageError(`${flag} ${text}: expected a duration such as 500ms, 30s, 5m, 1h, 7d, or 0`);
}

/** A reader of durations that a timer takes, for `argParser`. Throws as {@link parseDuration} does. */
export function timerDuration(
  flag: string,
  { min = 0, max = MAX_TIMER_MS }: { readonly min?: number; readonly max?: number } = {},
): (text: string) => number {
  return (text) => {
    const milliseconds = parseDuration(text, flag);
    if (milliseconds < min) throw new UsageError(`${flag} ${text}: expected ${min}ms or more`);
    if (milliseconds <= max) return milliseconds;
    throw new UsageError(`${flag} ${text}: expected ${longest(max)} or less`);
  };
}

/** In whole units, the largest that fit. */
function longest(milliseconds: number): string {
  const unit = ["d", "h", "m", "s"].find((name) => (UNITS[name] ?? 0) <= milliseconds) ?? "ms";
  return `${Math.floor(milliseconds / (UNITS[unit] ?? 1))}${unit}`;
}
