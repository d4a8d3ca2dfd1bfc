/**
 * Runs `work` for so long and no longer: its signal aborts then, and this rejects, whether `work` heeds
 * the signal or not. (The SDK heeds it in requests, but not while it looks for credentials.)
 *
 * @throws an error named `TimeoutError`.
 */
export async function endingAfter<T>(
  milliseconds: number,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const deadline = new AbortController();
  // Not AbortSignal.timeout: that timer lets the process end while something is under way.
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const error = new DOMException(`no answer within ${milliseconds} ms`, "TimeoutError");
      // First, so that this is what is told of it.
      reject(error);
      deadline.abort(error);
    }, milliseconds);
  });
  try {
    return await Promise.race([work(deadline.signal), late]);
  } finally {
    clearTimeout(timer);
  }
}
