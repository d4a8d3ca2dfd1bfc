/**
 * Gives `work` so much time, and ends at once when it is over or the caller aborts, whether `work`
 * heeds its signal or not.
 *
 * @param ms milliseconds.
 * @param what the reason when the time is over.
 * @throws the signal's reason, or a `TimeoutError` that says `what`.
 */
export async function withinTime<T>(
  {
    ms,
    what,
    signal,
  }: { readonly ms: number; readonly what: string; readonly signal: AbortSignal },
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  signal.throwIfAborted();
  const own = new AbortController();
  const ended = new Promise<never>((_, reject) => {
    own.signal.addEventListener("abort", () => reject(own.signal.reason), { once: true });
  });
  const passOn = () => own.abort(signal.reason);
  signal.addEventListener("abort", passOn, { once: true });
  const timer = setTimeout(
    () => own.abort(Object.assign(new Error(what), { name: "TimeoutError" })),
    ms,
  );
  try {
    return await Promise.race([work(own.signal), ended]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", passOn);
  }
}
