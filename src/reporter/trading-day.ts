import { InvalidOptionError } from "../errors.ts";
import type { TrackingOptions } from "./tracking.ts";

export type TradingDay = {
  /** The date on which it begins, in the time zone: `2026-11-23`. */
  readonly name: string;
  /** Unix seconds. */
  readonly startsAt: number;
};

const DAY_MS = 86_400_000;

/**
 * The trading day of a moment: the latest one that had begun. Days follow one another without gap or
 * overlap, and last 23 or 25 hours where clocks are changed. A beginning that the clock skips comes as
 * much later as the clock jumps; of one that the clock shows twice, the first counts.
 *
 * @throws {InvalidOptionError} for a time zone that nobody knows, or a time of day that is none.
 */
export function tradingDay({
  now,
  timeZone,
  dayStartsAt = "00:00",
}: Pick<TrackingOptions, "now" | "timeZone" | "dayStartsAt">): TradingDay {
  const wall = wallClock(timeZone);
  const beginsAfter = timeOfDay(dayStartsAt);
  const date = Math.floor(wall(now * 1000) / DAY_MS) * DAY_MS;
  const today = instantOf(date + beginsAfter, wall);
  if (today <= now * 1000) return { name: nameOf(date), startsAt: today / 1000 };
  const yesterday = instantOf(date - DAY_MS + beginsAfter, wall);
  return { name: nameOf(date - DAY_MS), startsAt: yesterday / 1000 };
}

/** What a clock in the time zone shows at a moment, as if it were UTC. All in milliseconds. */
type WallClock = (instant: number) => number;

/** Making one takes longer than asking it. */
const formats = new Map<string, Intl.DateTimeFormat>();

function wallClock(timeZone: string): WallClock {
  const format = formats.get(timeZone) ?? formatIn(timeZone);
  formats.set(timeZone, format);
  return (instant) => {
    const parts = new Map(format.formatToParts(instant).map(({ type, value }) => [type, +value]));
    const part = (type: Intl.DateTimeFormatPartTypes) => parts.get(type) ?? 0;
    const [year, month, day] = [part("year"), part("month"), part("day")];
    return Date.UTC(year, month - 1, day, part("hour"), part("minute"), part("second"));
  };
}

function formatIn(timeZone: string): Intl.DateTimeFormat {
  try {
    return new Intl.DateTimeFormat("en-US", {
      timeZone,
      calendar: "iso8601",
      numberingSystem: "latn",
      hourCycle: "h23",
      year: "numeric",
      month: "2-digit",
      day: "2-digit",
      hour: "2-digit",
      minute: "2-digit",
      second: "2-digit",
    });
  } catch (error) {
    throw new InvalidOptionError(
      `time zone ${JSON.stringify(timeZone)} is unknown; use an IANA name, e.g. America/New_York`,
      { cause: error },
    );
  }
}

/** When the clock shows this. Offsets change at most once within the two days around it. */
function instantOf(shown: number, wall: WallClock): number {
  const before = shown - (wall(shown - DAY_MS) - (shown - DAY_MS));
  const after = shown - (wall(shown + DAY_MS) - (shown + DAY_MS));
  const shows = (instant: number) => wall(instant) === shown;
  return !shows(before) && shows(after) ? after : before;
}

function timeOfDay(text: string): number {
  const [, hours, minutes] = /^([01]\d|2[0-3]):([0-5]\d)$/.exec(text) ?? [];
  if (hours === undefined || minutes === undefined) {
    throw new InvalidOptionError(
      `a trading day cannot begin at ${JSON.stringify(text)}; give hours and minutes, e.g. 17:00`,
    );
  }
  return (Number(hours) * 60 + Number(minutes)) * 60_000;
}

function nameOf(date: number): string {
  return new Date(date).toISOString().slice(0, 10);
}
