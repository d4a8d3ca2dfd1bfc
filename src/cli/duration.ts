import { durationMs, wholeDuration } from "../duration.ts";
import { UsageError } from "./io.ts";

/** Longest delay that a timer of Node takes; a longer one would fire at once. Milliseconds. */
export const MAX_TIMER_MS = 2 ** 31 - 1;

/**
 * Reads a duration as milliseconds.
 *
 * @param flag named in the message, e.g. `--timeout`.
 * @throws {UsageError}
 */
export function parseDuration(text: string, flag: string): number {
  const milliseconds = durationMs(text);
  if (milliseconds !== undefined) return milliseconds;
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
    throw new UsageError(`${flag} ${text}: expected ${wholeDuration(max)} or less`);
  };
}
