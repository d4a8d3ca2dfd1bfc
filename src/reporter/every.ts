import { setTimeout as delay } from "node:timers/promises";

export type EveryOptions = {
  readonly everyMs: number;
  /** Ends it, at once. */
  readonly stop: AbortSignal;
  /** Monotonic milliseconds. */
  readonly now?: () => number;
  /** Resolves after so many milliseconds, or when it is told to stop. */
  readonly pause?: (milliseconds: number, stop: AbortSignal) => Promise<void>;
};

/**
 * Does something at once and then every so often, until it is told to stop. Never two at a time: a look
 * that takes longer than the period costs the ones that it runs into, and does not make later ones
 * bunch up.
 */
export async function every(
  work: () => Promise<void>,
  { everyMs, stop, now = () => performance.now(), pause = realPause }: EveryOptions,
): Promise<void> {
  let due = now();
  while (!stop.aborted) {
    await work();
    // The next one that is not past. Not this one again, which a timer may have begun a moment early.
    due += everyMs * Math.max(1, Math.ceil((now() - due) / everyMs));
    await pause(due - now(), stop);
  }
}

async function realPause(milliseconds: number, stop: AbortSignal): Promise<void> {
  await delay(milliseconds, undefined, { signal: stop }).catch(() => {});
}
