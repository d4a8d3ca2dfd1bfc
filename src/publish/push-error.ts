import { PushError } from "../errors.ts";

/** A proxy gives these for what it may have passed on: too many, and too slow. */
const UNCERTAIN: readonly number[] = [408, 429];

/** After a refusal of the gateway's own, and when it was never reached, nothing is outstanding. */
export function leavesNothing(error: unknown): boolean {
  if (!(error instanceof PushError)) return false;
  const { status = 0, notSent } = error;
  return notSent || (status >= 400 && status < 500 && !UNCERTAIN.includes(status));
}

/** Only what may be different a moment later, and was not a request to come back later. */
export function mayRepeat(error: unknown): boolean {
  return error instanceof PushError && error.retryable && error.status !== 429;
}
