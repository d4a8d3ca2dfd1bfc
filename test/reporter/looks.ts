import { trackPortfolio } from "../../src/reporter/track-portfolio.ts";
import type { PortfolioFigures, Tracking, TrackingOptions } from "../../src/reporter/tracking.ts";
import type { PortfolioReading } from "../../src/sources/portfolio/portfolio.ts";

/** One look at a portfolio: when (Unix seconds), and what was read. */
export type TimedReading = PortfolioReading & { readonly at: number };

export type Looked = {
  readonly figures: readonly PortfolioFigures[];
  /** After the last look. */
  readonly tracking: Tracking | undefined;
};

export const UTC: Omit<TrackingOptions, "now"> = { timeZone: "UTC" };

export const CAPITAL = { ...UTC, startCapital: 1000 };

export const MORNING = unix("2026-11-23T09:00Z");

/** Unix seconds of a time such as `2026-11-23T17:00-05:00`. */
export function unix(time: string): number {
  return Date.parse(time) / 1000;
}

/**
 * Looks at one reading after the other.
 *
 * @param restartsBefore says before which look the reporter is started again, with what it kept.
 */
export function lookAt(
  readings: readonly TimedReading[],
  options: Omit<TrackingOptions, "now"> = UTC,
  restartsBefore: (look: number) => boolean = () => false,
): Looked {
  let tracking: Tracking | undefined;
  const figures = readings.map(({ at, ...reading }, look) => {
    if (restartsBefore(look)) tracking = restarted(tracking);
    const tracked = trackPortfolio(tracking, reading, { ...options, now: at });
    tracking = tracked.after;
    return tracked.figures;
  });
  return { figures, tracking };
}

export function restarted(tracking: Tracking | undefined): Tracking | undefined {
  return tracking === undefined ? undefined : JSON.parse(JSON.stringify(tracking));
}

/** The tracking after these readings, which must have begun. */
export function trackingAfter(
  readings: readonly TimedReading[],
  options?: Omit<TrackingOptions, "now">,
): Tracking {
  const { tracking } = lookAt(readings, options);
  if (tracking === undefined) throw new Error("tracking has not begun");
  return tracking;
}

/** Readings a quarter of an hour apart, all on one day. */
export function quarterly(...readings: readonly PortfolioReading[]): readonly TimedReading[] {
  return readings.map((reading, look) => ({ ...reading, at: MORNING + look * 900 }));
}

export function lastOf(readings: readonly TimedReading[], options = UTC): PortfolioFigures {
  return lookAt(readings, options).figures.at(-1) ?? {};
}
