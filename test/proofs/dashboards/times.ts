export const HOUR = 3600;
export const MINUTE = 60;

/** A Monday, 23:00 UTC. One hour of the day is yesterday's, for what says "today". */
export const BEGIN = unix("2026-11-23T23:00Z");
export const MIDNIGHT = unix("2026-11-24T00:00Z");
/** Half an hour after the backtest of the day. */
export const END = unix("2026-11-24T23:00Z");

export const SCRAPE_SECONDS = 60;
/** Scrapes and looks of the reporter lie between the minutes, as everybody's clocks do. */
export const SCRAPE_OFFSET = 15;
export const LOOK_OFFSET = 40;
/** Less often than the catalogue has it, and still within what it allows: a look takes a while. */
export const LOOK_SECONDS = 180;

/** Unix seconds of a time such as `2026-11-24T02:00Z`. */
export function unix(time: string): number {
  return Date.parse(time) / 1000;
}
