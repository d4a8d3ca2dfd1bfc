import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { InvalidOptionError } from "../../src/errors.ts";
import { tradingDay } from "../../src/reporter/trading-day.ts";
import { unix } from "./looks.ts";

const NEW_YORK = "America/New_York";

test.each<{
  name: string;
  now: string;
  timeZone: string;
  dayStartsAt?: string;
  day: string;
  startsAt: string;
}>([
  {
    name: "midnight is the default, and belongs to the day it begins",
    now: "2026-11-23T00:00Z",
    timeZone: "UTC",
    day: "2026-11-23",
    startsAt: "2026-11-23T00:00Z",
  },
  {
    name: "a millisecond before, the day before goes on",
    now: "2026-11-22T23:59:59.999Z",
    timeZone: "UTC",
    day: "2026-11-22",
    startsAt: "2026-11-22T00:00Z",
  },
  {
    name: "17:00 in New York, the evening",
    now: "2026-11-23T17:00-05:00",
    timeZone: NEW_YORK,
    dayStartsAt: "17:00",
    day: "2026-11-23",
    startsAt: "2026-11-23T17:00-05:00",
  },
  {
    name: "17:00 in New York, the next afternoon",
    now: "2026-11-24T16:59:59-05:00",
    timeZone: NEW_YORK,
    dayStartsAt: "17:00",
    day: "2026-11-23",
    startsAt: "2026-11-23T17:00-05:00",
  },
  {
    name: "25 hours where clocks go back: its last minute",
    now: "2026-11-01T16:59-05:00",
    timeZone: NEW_YORK,
    dayStartsAt: "17:00",
    day: "2026-10-31",
    startsAt: "2026-10-31T17:00-04:00",
  },
  {
    name: "25 hours where clocks go back: the end",
    now: "2026-11-01T17:00-05:00",
    timeZone: NEW_YORK,
    dayStartsAt: "17:00",
    day: "2026-11-01",
    startsAt: "2026-11-01T22:00Z",
  },
  {
    name: "23 hours where clocks go forward: the last minute",
    now: "2026-03-08T16:59-04:00",
    timeZone: NEW_YORK,
    dayStartsAt: "17:00",
    day: "2026-03-07",
    startsAt: "2026-03-07T22:00Z",
  },
  {
    name: "23 hours where clocks go forward: the end",
    now: "2026-03-08T17:00-04:00",
    timeZone: NEW_YORK,
    dayStartsAt: "17:00",
    day: "2026-03-08",
    startsAt: "2026-03-08T21:00Z",
  },
  {
    name: "half past two, which New York skips, comes at half past three",
    now: "2026-03-08T03:29-04:00",
    timeZone: NEW_YORK,
    dayStartsAt: "02:30",
    day: "2026-03-07",
    startsAt: "2026-03-07T02:30-05:00",
  },
  {
    name: "and has come then",
    now: "2026-03-08T03:30-04:00",
    timeZone: NEW_YORK,
    dayStartsAt: "02:30",
    day: "2026-03-08",
    startsAt: "2026-03-08T03:30-04:00",
  },
  {
    name: "half past one, which New York has twice, begins the day the first time",
    now: "2026-11-01T01:30-04:00",
    timeZone: NEW_YORK,
    dayStartsAt: "01:30",
    day: "2026-11-01",
    startsAt: "2026-11-01T05:30Z",
  },
  {
    name: "and a quarter past one the second time does not end it",
    now: "2026-11-01T01:15-05:00",
    timeZone: NEW_YORK,
    dayStartsAt: "01:30",
    day: "2026-11-01",
    startsAt: "2026-11-01T05:30Z",
  },
  {
    name: "a midnight that Havana skips",
    now: "2026-03-08T01:00-04:00",
    timeZone: "America/Havana",
    day: "2026-03-08",
    startsAt: "2026-03-08T05:00Z",
  },
  {
    name: "Seoul",
    now: "2026-11-23T08:59+09:00",
    timeZone: "Asia/Seoul",
    dayStartsAt: "09:00",
    day: "2026-11-22",
    startsAt: "2026-11-22T00:00Z",
  },
  {
    name: "a quarter of an hour off: Kathmandu",
    now: "2026-11-23T00:00+05:45",
    timeZone: "Asia/Kathmandu",
    day: "2026-11-23",
    startsAt: "2026-11-22T18:15Z",
  },
])("$name", ({ now, timeZone, dayStartsAt, day, startsAt }) => {
  const options = { now: unix(now), timeZone, ...(dayStartsAt && { dayStartsAt }) };
  expect(tradingDay(options)).toEqual({ name: day, startsAt: unix(startsAt) });
});

test("days follow one another without gap or overlap, in any zone, whenever they begin", () => {
  const zones = [
    NEW_YORK,
    "Europe/Berlin",
    "America/Havana",
    "Asia/Seoul",
    "Australia/Lord_Howe",
    "Pacific/Kiritimati",
    "Pacific/Pago_Pago",
    "Africa/Casablanca",
  ];
  fc.assert(
    fc.property(
      fc.constantFrom(...zones),
      fc.integer({ min: unix("2015-01-01T00:00Z"), max: unix("2035-01-01T00:00Z") }),
      fc.nat(24 * 60 - 1),
      (timeZone, now, minutes) => {
        const two = (value: number) => String(value).padStart(2, "0");
        const dayStartsAt = `${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;
        const dayAt = (at: number) => tradingDay({ now: at, timeZone, dayStartsAt });
        const day = dayAt(now);
        expect(day.startsAt).toBeLessThanOrEqual(now);
        expect(dayAt(day.startsAt)).toEqual(day);
        const before = dayAt(day.startsAt - 1);
        expect(Date.parse(day.name) - Date.parse(before.name)).toBe(86_400_000);
        const hours = (day.startsAt - before.startsAt) / 3600;
        expect(hours).toBeGreaterThanOrEqual(23);
        expect(hours).toBeLessThanOrEqual(25);
        expect(dayAt(day.startsAt - 1 - 0.5 * (hours - 1) * 3600)).toEqual(before);
      },
    ),
    { numRuns: 300 },
  );
});

describe("options that are none", () => {
  test("a time zone that nobody knows is named", () => {
    const look = () => tradingDay({ now: 0, timeZone: "America/Newyork" });
    expect(look).toThrow(InvalidOptionError);
    expect(look).toThrow(
      'time zone "America/Newyork" is unknown; use an IANA name, e.g. America/New_York',
    );
  });

  test.each(["17", "5:00", "24:00", "12:60", "17:00 ", ""])(
    "%j is no time of day",
    (dayStartsAt) => {
      expect(() => tradingDay({ now: 0, timeZone: "UTC", dayStartsAt })).toThrow(
        InvalidOptionError,
      );
    },
  );
});
