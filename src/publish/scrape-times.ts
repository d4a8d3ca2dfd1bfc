import { LedgerUnavailableError } from "../errors.ts";

/** The time that there is for one scrape. */
export type ScrapeTimes = {
  /** Aborts when no more runs shall be added. */
  readonly signal: AbortSignal;
  /** What the work gives, or a rejection when the time for it is over. It may go on all the same. */
  folding<T>(work: Promise<T>): Promise<T>;
  reading<T>(work: Promise<T>): Promise<T>;
  end(): void;
};

/** Of the time that a scraper waits: until when runs are added, and until when totals are read. */
const FOLD_SHARE = 0.5;
const READ_SHARE = 0.8;

/** @param timeoutMs how long the scraper waits. */
export function timesOf(timeoutMs: number): ScrapeTimes {
  const fold = deadline(timeoutMs * FOLD_SHARE);
  const read = deadline(timeoutMs * READ_SHARE);
  return {
    signal: fold.signal,
    folding: (work) => Promise.race([work, fold.over]),
    reading: (work) => Promise.race([work, read.over]),
    end() {
      fold.end();
      read.end();
    },
  };
}

function deadline(milliseconds: number) {
  const ending = new AbortController();
  const over = new Promise<never>((_, reject) => {
    ending.signal.addEventListener("abort", () => reject(ending.signal.reason), { once: true });
  });
  // Often nobody waits for it.
  over.catch(() => {});
  const late = () => ending.abort(new LedgerUnavailableError("the scrape's time was over"));
  const timer = setTimeout(late, milliseconds);
  return { signal: ending.signal, over, end: () => clearTimeout(timer) };
}
