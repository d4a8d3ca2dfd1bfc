import type { Timer } from "../../src/clock.ts";
import { type ManualClock, manualClock } from "./manual-clock.ts";

export type ManualTime = ManualClock & {
  readonly timer: Timer;
  /** Timers that wait to be called. */
  readonly pending: () => number;
};

/** A clock, and timers that go by it: those that are due are called, in order, as it is moved on. */
export function manualTime(startUnixSeconds: number): ManualTime {
  const clock = manualClock(startUnixSeconds);
  const set = new Set<{ readonly at: number; readonly callback: () => void }>();
  /** Whole microseconds: sums of tenths are not what they look like. */
  const monotonic = () => Math.round(clock.monotonic() * 1e6) / 1e6;
  return {
    now: clock.now,
    monotonic,
    advance(seconds) {
      const until = monotonic() + seconds + 1e-9;
      for (;;) {
        const due = [...set].filter(({ at }) => at <= until).sort((a, b) => a.at - b.at)[0];
        if (due === undefined) break;
        set.delete(due);
        clock.advance(Math.max(0, due.at - monotonic()));
        due.callback();
      }
      clock.advance(Math.max(0, until - 1e-9 - monotonic()));
    },
    pending: () => set.size,
    timer(milliseconds, callback) {
      const entry = { at: monotonic() + milliseconds / 1000, callback };
      set.add(entry);
      return () => set.delete(entry);
    },
  };
}
