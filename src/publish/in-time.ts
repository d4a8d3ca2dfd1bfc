/**
 * What `work` comes to, or `late()` when that takes too long: a store that hangs must not keep back what
 * does not need it. The work goes on; nobody hears of it any more.
 */
export async function inTime<T>(milliseconds: number, work: Promise<T>, late: () => T): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<T>((resolve) => {
    timer = setTimeout(() => resolve(late()), milliseconds);
  });
  work.catch(() => {});
  try {
    return await Promise.race([work, over]);
  } finally {
    clearTimeout(timer);
  }
}
