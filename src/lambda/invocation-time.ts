import type { Context } from "aws-lambda";
import type { Clock, Timer } from "../clock.ts";

/** The time that one invocation has, and what of it is whose. */
export type InvocationTime = {
  /** The body's: aborts a little before the watchdog, so that a body that heeds it ends in time. */
  readonly signal: AbortSignal;
  /** Time for one report, from now on. Whole milliseconds, never negative; Infinity without a deadline. */
  readonly leftForReport: () => number;
  /** The body has ended: neither the signal nor the watchdog is needed. */
  readonly stop: () => void;
};

export type TimeOptions = {
  readonly clock: Clock;
  readonly timer: Timer;
  /** The body's own time. Milliseconds. */
  readonly timeoutMs?: number | undefined;
  /** Called when what is left has to be used for the record, while the body still runs. */
  readonly watchdog: () => void;
};

/** Kept for the record, at most, and the share of the whole when that is less. Milliseconds. */
const RESERVE_MS = 1000;
const RESERVE_SHARE = 0.2;

/** What of the reserve the body gets as well, between its signal and the watchdog. */
const GRACE_SHARE = 0.5;

/** Kept free at the very end, for Lambda to take the answer. Milliseconds, or a share of what is left. */
const MARGIN_MS = 100;
const MARGIN_SHARE = 0.2;

/** Longest delay that Node's timers take. Lambda gives 15 minutes at most. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/**
 * Of the time that is given, the last 20 % (1000 ms at most) are the record's: then the watchdog is
 * called. The body's signal aborts half of that earlier. With Lambda's default of 3 seconds: signal
 * after 2100 ms, watchdog after 2400 ms, and the record has 500 ms, which leaves 100.
 *
 * Both timers keep the process alive: a body may wait for nothing else.
 *
 * What is left is the lesser of what the monotonic clock and the context say. Lambda's runtime works
 * the latter out from the wall clock, which may be set in between; to end too early costs the record
 * a detour by the log, to end too late costs the record.
 */
export function startInvocationTime(
  context: Context | undefined,
  { clock, timer, timeoutMs = Number.POSITIVE_INFINITY, watchdog }: TimeOptions,
): InvocationTime {
  const given = remainingMs(context);
  const endsAt = clock.monotonic() * 1000 + given;
  const controller = new AbortController();

  const reserve = Math.min(RESERVE_MS, RESERVE_SHARE * given);
  const watchdogAfter = given - reserve;
  const signalAfter = Math.floor(Math.min(timeoutMs, watchdogAfter - GRACE_SHARE * reserve));
  const abort = () => {
    controller.abort(new DOMException(`the run's ${signalAfter} ms are over`, "TimeoutError"));
  };

  const running = [
    { after: signalAfter, callback: abort },
    { after: watchdogAfter, callback: watchdog },
  ]
    .filter(({ after }) => after <= MAX_TIMER_MS)
    .map(({ after, callback }) => timer(Math.max(0, after), callback));

  return {
    signal: controller.signal,
    leftForReport() {
      const left = Math.min(endsAt - clock.monotonic() * 1000, remainingMs(context));
      return Math.max(0, Math.floor(left - Math.min(MARGIN_MS, MARGIN_SHARE * left)));
    },
    stop() {
      for (const callOff of running) callOff();
    },
  };
}

/** Infinity where there is no deadline: called by a test, or by a tool that passes no whole context. */
function remainingMs(context: Context | undefined): number {
  try {
    const remaining = context?.getRemainingTimeInMillis();
    return typeof remaining === "number" && !Number.isNaN(remaining)
      ? remaining
      : Number.POSITIVE_INFINITY;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
