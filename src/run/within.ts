import type { Timer } from "../clock.ts";

export type Limit = {
  /** 0: the signal is aborted from the beginning, and `work` has one turn for its last words. */
  readonly milliseconds: number;
  /** For the message: what took too long. */
  readonly what: string;
  readonly timer: Timer;
};

/** Rejects when `work` has not settled in time; its signal then aborts. */
export async function within<T>(
  { milliseconds, what, timer }: Limit,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const deadline = new AbortController();
  const over = new Promise<never>((_, reject) => {
    // A turn later: work that settles when its signal aborts has the last word.
    const giveUp = () => setImmediate(() => reject(deadline.signal.reason));
    deadline.signal.addEventListener("abort", giveUp, { once: true });
  });
  const end = () => {
    deadline.abort(new Error(`${what} took longer than ${milliseconds} ms and was given up`));
  };
  let callOff = () => {};
  if (milliseconds > 0) callOff = timer(milliseconds, end);
  else end();
  try {
    return await Promise.race([work(deadline.signal), over]);
  } finally {
    callOff();
  }
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
