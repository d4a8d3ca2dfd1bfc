/** The two clocks a run needs. Passed in, so that tests own the time. */
export type Clock = {
  /** Wall clock, seconds since the Unix epoch: for timestamps. May jump. */
  readonly now: () => number;
  /** Monotonic clock, seconds from an arbitrary origin: for durations. */
  readonly monotonic: () => number;
};

export const systemClock: Clock = {
  now: () => Date.now() / 1000,
  monotonic: () => performance.now() / 1000,
};
