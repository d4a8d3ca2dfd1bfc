import type { Timer } from "../clock.ts";
import type { TimeLimit } from "../time-limit.ts";

/** The limit of something that reporting waits for; `what` is told when it takes too long. */
export function reportingLimit(
  what: string,
  { milliseconds, timer }: { readonly milliseconds: number; readonly timer: Timer },
): TimeLimit {
  return {
    milliseconds,
    timer,
    reason: () => new Error(`${what} took longer than ${milliseconds} ms and was given up`),
    // Such as a ledger that cannot be written to: it logs the record, and says so.
    hasLastWord: true,
  };
}

/** What `work` resolves to, or undefined when the signal aborts first. Rejects as `work` does. */
export async function unlessAborted<T>(
  signal: AbortSignal,
  work: Promise<T>,
): Promise<T | undefined> {
  let stop = () => {};
  const aborted = new Promise<undefined>((resolve) => {
    stop = () => resolve(undefined);
    signal.addEventListener("abort", stop, { once: true });
    if (signal.aborted) stop();
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}
