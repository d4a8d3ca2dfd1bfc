import type { Clock } from "../../src/clock.ts";

export type ManualClock = Clock & {
  /** Moves both clocks on. */
  readonly advance: (seconds: number) => void;
};

/** A clock that stands still until it is told otherwise. Its monotonic side starts at 0. */
export function manualClock(startUnixSeconds: number): ManualClock {
  let elapsed = 0;
  return {
    now: () => startUnixSeconds + elapsed,
    monotonic: () => elapsed,
    advance(seconds) {
      elapsed += seconds;
    },
  };
}
