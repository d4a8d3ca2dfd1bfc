import { InvalidOptionError, SourceError } from "../../errors.ts";
import { refuseUnknownKeys } from "../../options.ts";
import type { Source } from "../source.ts";
import type { ValueSource } from "../value-source.ts";
import { quoteValue, readValue } from "./read-value.ts";

export type AppStartOptions = {
  /** Wall clock, Unix seconds. */
  readonly now: () => number;
  /** How long one reading may take, in milliseconds. Default 5000. */
  readonly timeoutMs?: number;
};

const SOURCE = "app_start";

/** From here on a number is milliseconds: as seconds it would be the year 5138. */
const MILLISECONDS_FROM = 1e11;

/** 2000-01-01T00:00:00Z in Unix seconds: nothing that runs today started before. */
const EARLIEST = 946_684_800;

/** How far another machine's clock may be ahead of ours, in seconds. */
const CLOCK_TOLERANCE_SECONDS = 60;

const DECIMAL = /^\d{1,20}(?:\.\d{1,20})?$/;

/** ISO 8601 in its extended form; a space for the T, as Python and SQL print it; zone required. */
const ISO =
  /^(?<date>\d{4}-\d\d-\d\d)[Tt ](?<hour>\d\d):(?<minute>\d\d)(?::(?<second>\d\d)(?:[.,](?<fraction>\d{1,12}))?)?(?<zone>[Zz]|[+-]\d\d(?::?\d\d)?)?$/;

/**
 * When the monitored application started, in Unix seconds.
 *
 * @throws {InvalidOptionError} for unknown options.
 */
export function createAppStart(value: ValueSource, options: AppStartOptions): Source<number> {
  refuseUnknownKeys(options, ["now", "timeoutMs"], "createAppStart");
  const { now, timeoutMs } = options;
  if (typeof now !== "function") {
    throw new InvalidOptionError("createAppStart: now must be a function that gives Unix seconds");
  }
  return {
    name: SOURCE,
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    async read(signal) {
      const text = await readValue(value, SOURCE, signal);
      if (text !== null) return parseStartTime(text, { now: now(), place: value.describe });
      throw new SourceError(
        SOURCE,
        `${value.describe}: there is no such key, so the application is not running or not told to write its start time there`,
      );
    },
    ...(value.close === undefined ? {} : { close: value.close }),
  };
}

/**
 * Reads Unix seconds (`1767605400`, `1767605400.25`), milliseconds (from 1e11 on) or ISO 8601 with a zone
 * (`2026-01-05T09:30:00Z`, `2026-01-05 18:30:00.5+09:00`).
 *
 * @param context.now Unix seconds.
 * @param context.place where the text is from, for messages.
 * @returns Unix seconds.
 * @throws {SourceError} for any other text, quoting its first 20 characters, for a time before the year
 * 2000 and for one more than a minute ahead.
 */
export function parseStartTime(
  text: string,
  { now, place }: { readonly now: number; readonly place: string },
): number {
  const trimmed = text.trim();
  const quoted = quoteValue(trimmed);
  function refuse(why: string): never {
    throw new SourceError(SOURCE, `${place}: ${quoted} ${why}`);
  }
  const seconds = unixSeconds(trimmed);
  if (seconds === "zoneless") {
    refuse("has no time zone, so it could be any of 26 hours; end it with Z or e.g. +09:00");
  }
  if (seconds === undefined) {
    refuse("is no time; expected Unix seconds or milliseconds, or e.g. 2026-01-05T09:30:00Z");
  }
  if (seconds < EARLIEST) refuse("is before the year 2000: no start of anything that runs today");
  if (seconds > now + CLOCK_TOLERANCE_SECONDS) {
    const ahead = Math.round(seconds - now);
    refuse(
      `is ${ahead} s ahead of this machine's clock: is one of the two clocks or the unit wrong?`,
    );
  }
  return seconds;
}

function unixSeconds(text: string): number | "zoneless" | undefined {
  if (DECIMAL.test(text)) {
    const number = Number(text);
    return number >= MILLISECONDS_FROM ? number / 1000 : number;
  }
  const {
    date,
    hour = "",
    minute = "",
    second = "00",
    fraction = "0",
    zone,
  } = ISO.exec(text)?.groups ?? {};
  if (date === undefined) return undefined;
  if (zone === undefined) return "zoneless";
  const offset = offsetSeconds(zone);
  const local = `${date}T${hour}:${minute}:${second}.000Z`;
  const milliseconds = Date.parse(local);
  // A day that there is not (February 30) would become another one.
  const isReal = Number.isFinite(milliseconds) && new Date(milliseconds).toISOString() === local;
  if (!isReal || offset === undefined) return undefined;
  return milliseconds / 1000 - offset + Number(`0.${fraction}`);
}

/** Seconds east of Greenwich. */
function offsetSeconds(zone: string): number | undefined {
  if (/^z$/i.test(zone)) return 0;
  const hours = Number(zone.slice(1, 3));
  const minutes = Number(zone.slice(3).replace(":", "") || "0");
  if (hours > 14 || minutes > 59) return undefined;
  return (zone.startsWith("-") ? -1 : 1) * (hours * 3600 + minutes * 60);
}
