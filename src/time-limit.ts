import { systemTimer, type Timer } from "./clock.ts";

export type TimeLimit = {
  /** 0: the signal is aborted from the beginning. */
  readonly milliseconds: number;
  /** What is thrown when the time is over, and what the signal of the work aborts with. */
  readonly reason: () => Error;
  /** The caller's own: ends the work at once, with its reason; aborted before, none is begun. */
  readonly signal?: AbortSignal;
  readonly timer?: Timer;
  /** Work that settles as its signal aborts has the last word. Default false: the reason is told. */
  readonly hasLastWord?: boolean;
};

/**
 * Gives `work` so much time, and settles when it is over or the caller aborts, whether `work` heeds its
 * signal or not.
 *
 * @throws the reason, the caller's, or what `work` throws.
 */
export async function withinTime<T>(
  { milliseconds, reason, signal, timer = systemTimer, hasLastWord = false }: TimeLimit,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  signal?.throwIfAborted();
  const ending = new AbortController();
  // Listens before the work does: what it throws for an aborted signal says less.
  const over = new Promise<never>((_, reject) => {
    const tell = () => reject(ending.signal.reason);
    const giveUp = hasLastWord ? () => void setImmediate(tell) : tell;
    ending.signal.addEventListener("abort", giveUp, { once: true });
  });
  // Not AbortSignal.any: whoever listens to such a signal is kept for as long as the caller's is.
  const passOn = () => ending.abort(signal?.reason);
  const end = () => ending.abort(reason());
  signal?.addEventListener("abort", passOn, { once: true });
  let callOff = () => {};
  if (milliseconds > 0) callOff = timer(milliseconds, end);
  else end();
  try {
    // Async, so that work that throws at once, its signal aborted by itself, loses to the reason too.
    return await Promise.race([over, (async () => work(ending.signal))()]);
  } finally {
    callOff();
    signal?.removeEventListener("abort", passOn);
  }
}
