import { asError, SourceError } from "../errors.ts";
import { withinTime } from "../time-limit.ts";

/** Where facts come from: a broker, a database, an endpoint. Plain values, no metrics. */
export type Source<T> = {
  /** In `closing_bell_source_up{source}` and in messages: `portfolio`, `redis`, `kill_switch`. */
  readonly name: string;
  /** How long one reading may take, in milliseconds. Default 5000. */
  readonly timeoutMs?: number;
  /**
   * Reads once. Changes nothing at the source.
   *
   * @param signal aborts at the timeout, or when the reporter is told to stop: connections are closed.
   * @throws {SourceError} for whatever keeps the value unknown.
   */
  readonly read: (signal: AbortSignal) => Promise<T>;
  /** Gives up what is kept open between readings, at once. */
  readonly close?: () => void;
};

/** What came of one reading. Unknown is an error, never a value that stands for it. */
export type Reading<T> = { readonly source: string; readonly seconds: number } & (
  | { readonly status: "read"; readonly value: T }
  | { readonly status: "failed"; readonly error: Error }
);

export const SOURCE_TIMEOUT_MS = 5000;

/**
 * Reads a source. Never rejects, and settles at the timeout even when the source pays no heed to its
 * signal.
 */
export async function readSource<T>(
  { name, read, timeoutMs = SOURCE_TIMEOUT_MS }: Source<T>,
  stop: AbortSignal,
): Promise<Reading<T>> {
  const started = performance.now();
  const seconds = () => (performance.now() - started) / 1000;
  const reason = () => new SourceError(name, `gave no answer within ${timeoutMs} ms`);
  try {
    const value = await withinTime({ milliseconds: timeoutMs, reason, signal: stop }, read);
    return { source: name, seconds: seconds(), status: "read", value };
  } catch (thrown) {
    const error = thrown instanceof SourceError ? thrown : asSourceError(name, thrown);
    return { source: name, seconds: seconds(), status: "failed", error };
  }
}

function asSourceError(name: string, thrown: unknown): SourceError {
  const cause = asError(thrown);
  return new SourceError(name, cause.message, { cause });
}
