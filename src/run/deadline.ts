import { InvalidOptionError } from "../errors.ts";

/** Longest delay that Node's timers take; a longer one would fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** When a run has to end, and who may end it earlier. */
export type Deadline = {
  /** For the body: aborts at the deadline, or when the caller aborts. */
  readonly signal: AbortSignal;
  /** Whether the deadline, not the caller, aborted. */
  readonly passed: () => boolean;
  readonly clear: () => void;
};

/**
 * The time that a run has, less what reporting needs, as an AbortSignal.
 *
 * @param timeoutMs time for the body; without it only the caller's signal counts.
 * @throws {InvalidOptionError} for a timeout that is no duration.
 */
export function startDeadline(
  timeoutMs: number | undefined,
  caller: AbortSignal | undefined,
): Deadline {
  const controller = new AbortController();
  if (timeoutMs === undefined) {
    return { signal: caller ?? controller.signal, passed: () => false, clear: () => {} };
  }
  if (!(timeoutMs >= 0 && timeoutMs <= MAX_TIMER_MS)) {
    throw new InvalidOptionError(
      `runJob: timeoutMs must be milliseconds from 0 to ${MAX_TIMER_MS}, got ${timeoutMs}`,
    );
  }
  const timer = setTimeout(() => {
    controller.abort(new DOMException(`the run's ${timeoutMs} ms are over`, "TimeoutError"));
  }, timeoutMs);
  // The body's own work decides how long the process lives, not the deadline.
  timer.unref();
  const signal = caller ? AbortSignal.any([controller.signal, caller]) : controller.signal;
  return {
    signal,
    passed: () => controller.signal.aborted,
    clear: () => clearTimeout(timer),
  };
}
