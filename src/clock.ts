/** The two clocks a run needs. Passed in, so that tests own the time. */
export type Clock = {
  /** Wall clock, seconds since the Unix epoch: for timestamps. May jump. */
  readonly now: () => number;
  /** Monotonic clock, seconds from an arbitrary origin: for durations. */
  readonly monotonic: () => number;
};

/** Calls back once, after so many milliseconds. What it returns calls that off. */
export type Timer = (milliseconds: number, callback: () => void) => () => void;

/** Keeps the process alive until then: what waits for it may be all that there is. */
export const systemTimer: Timer = (milliseconds, callback) => {
  const timer = setTimeout(callback, milliseconds);
  return () => clearTimeout(timer);
};

export const systemClock: Clock = {
  now: () => Date.now() / 1000,
  monotonic: () => performance.now() / 1000,
};
