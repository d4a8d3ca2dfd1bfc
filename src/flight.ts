/** One piece of work that any number of callers wait for. It is given up when none of them does any more. */
export type Flight<T> = {
  /** Waits for its end; rejects with the signal's reason when that aborts first. */
  join(signal?: AbortSignal): Promise<T>;
  /** It ended, or was given up: nobody may join any more. */
  isOver(): boolean;
};

/** Begins the work at once; the first `join` must follow at once, too. */
export function startFlight<T>(work: (signal: AbortSignal) => Promise<T>): Flight<T> {
  const abandoned = new AbortController();
  let waiting = 0;
  const result = work(abandoned.signal);
  // Whoever waits hears of it.
  result.catch(() => {});
  return {
    async join(signal) {
      waiting++;
      try {
        return await orAborted(result, signal);
      } finally {
        waiting--;
        if (waiting === 0) abandoned.abort(new Error("nobody waits for it any more"));
      }
    },
    isOver: () => abandoned.signal.aborted,
  };
}

/** Settles with the signal at the latest, for work that does not heed it everywhere. */
export async function orAborted<T>(
  promise: Promise<T>,
  signal: AbortSignal | undefined,
): Promise<T> {
  if (signal === undefined) return promise;
  let onAbort = () => {};
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason);
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort);
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
