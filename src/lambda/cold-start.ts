import type { Clock } from "../clock.ts";

/** A process that waited longer for its first invocation was started ahead of demand. Seconds. */
const PROACTIVE_AFTER_SECONDS = 10;

/**
 * Called when the process is initialised. What it returns is called at each invocation, and says
 * whether somebody waited for the process to start: true once, for the first, unless it came late.
 */
export function watchColdStart(clock: Clock): () => boolean {
  const initialisedAt = clock.monotonic();
  let isFirst = true;
  return () => {
    const isCold = isFirst && clock.monotonic() - initialisedAt <= PROACTIVE_AFTER_SECONDS;
    isFirst = false;
    return isCold;
  };
}
