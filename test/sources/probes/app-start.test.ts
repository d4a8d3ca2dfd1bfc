import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { SourceError } from "../../../src/errors.ts";
import { createAppStart, parseStartTime } from "../../../src/sources/probes/app-start.ts";
import { readSource } from "../../../src/sources/source.ts";
import type { ValueSource } from "../../../src/sources/value-source.ts";

/** 2026-01-05T09:30:00Z. */
const START = 1_767_605_400;

const NOW = START + 3600;

const CONTEXT = { now: NOW, place: "GET start" };

function says(text: string | null): ValueSource {
  return { describe: "GET start", read: async () => text };
}

async function read(text: string | null) {
  const source = createAppStart(says(text), { now: () => NOW });
  return readSource(source, new AbortController().signal);
}

describe("the start time", () => {
  test.each([
    { text: "1767605400", seconds: START },
    { text: " 1767605400.25\n", seconds: START + 0.25 },
    { text: "1767605400123", seconds: START + 0.123 },
    { text: "1767605400123.5", seconds: START + 0.1235 },
    { text: "2026-01-05T09:30:00Z", seconds: START },
    { text: "2026-01-05t09:30:00.250z", seconds: START + 0.25 },
    { text: "2026-01-05T09:30Z", seconds: START },
    { text: "2026-01-05T18:30:00+09:00", seconds: START },
    { text: "2026-01-05T04:00:00.5-0530", seconds: START + 0.5 },
    { text: "2026-01-05 10:30:00.500000+01", seconds: START + 0.5 },
    { text: "2026-01-05T10:30:00,5+01:00", seconds: START + 0.5 },
    { text: "2026-01-05T09:30:00+00:00", seconds: START },
    { text: "2000-01-01T00:00:00Z", seconds: 946_684_800 },
    { text: `${NOW + 60}`, seconds: NOW + 60 },
  ])("$text is $seconds", async ({ text, seconds }) => {
    const reading = await read(text);
    expect(reading).toMatchObject({ source: "app_start", status: "read" });
    expect(reading.status === "read" && reading.value).toBeCloseTo(seconds, 5);
  });

  test.each([
    { text: "", problem: '"" is no time' },
    { text: "soon", problem: '"soon" is no time; expected Unix seconds or milliseconds' },
    { text: "-1767605400", problem: "is no time" },
    { text: "1e9", problem: "is no time" },
    { text: "0x6950f000", problem: "is no time" },
    { text: "NaN", problem: "is no time" },
    { text: "2026-01-05", problem: "is no time" },
    { text: "05/01/2026 09:30", problem: "is no time" },
    { text: "2026-02-30T09:30:00Z", problem: "is no time" },
    { text: "2026-01-05T24:00:00Z", problem: "is no time" },
    { text: "2026-01-05T09:30:60Z", problem: "is no time" },
    { text: "2026-01-05T09:30:00+15:00", problem: "is no time" },
    { text: "2026-01-05T09:30:00+09:60", problem: "is no time" },
    { text: "2026-01-05T09:30:00 KST", problem: "is no time" },
    { text: "2026-01-05T09:30:00", problem: "has no time zone" },
    { text: "2026-01-05 09:30:00.123456", problem: '"2026-01-05 09:30:00."… has no time zone' },
    { text: "0", problem: "is before the year 2000" },
    { text: "3600", problem: "is before the year 2000" },
    { text: "1999-12-31T23:59:59Z", problem: "is before the year 2000" },
    { text: `${NOW + 61}`, problem: "is 61 s ahead of this machine's clock" },
    { text: "1767605400123456", problem: "ahead of this machine's clock" },
    { text: "2027-01-05T09:30:00Z", problem: "ahead of this machine's clock" },
  ])("$text is refused: $problem", async ({ text, problem }) => {
    const reading = await read(text);
    if (reading.status === "read") throw new Error(`read ${reading.value}`);
    expect(reading.error).toBeInstanceOf(SourceError);
    expect(reading.error.message).toMatch(/^app_start: GET start: "/);
    expect(reading.error.message).toContain(problem);
  });

  test("that is missing is unknown: not running, or not told", async () => {
    expect(await read(null)).toMatchObject({
      status: "failed",
      error: { message: expect.stringContaining("not running or not told") },
    });
  });

  test("is the same in every notation", () => {
    const times = fc.integer({ min: 946_684_800_000, max: NOW * 1000 });
    const offsets = fc.integer({ min: -14 * 60, max: 14 * 60 });
    fc.assert(
      fc.property(times, offsets, (milliseconds, offset) => {
        const local = new Date(milliseconds + offset * 60_000).toISOString().replace("Z", "");
        const east = Math.abs(offset);
        const [hours, minutes] = [Math.floor(east / 60), east % 60].map((n) =>
          `${n}`.padStart(2, "0"),
        );
        const zoned = `${local}${offset < 0 ? "-" : "+"}${hours}:${minutes}`;
        const expected = milliseconds / 1000;
        expect(parseStartTime(`${milliseconds}`, CONTEXT)).toBe(expected);
        expect(parseStartTime(`${expected}`, CONTEXT)).toBe(expected);
        expect(parseStartTime(zoned, CONTEXT)).toBeCloseTo(expected, 5);
        expect(() => parseStartTime(local, CONTEXT)).toThrow("has no time zone");
      }),
    );
  });

  test("any text is a time between 2000 and now, or an error", () => {
    const shaped = fc.stringMatching(
      /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d(:?\d\d)?)?$/,
    );
    const texts = fc.oneof(fc.string(), shaped, fc.double().map(String), fc.bigInt().map(String));
    fc.assert(
      fc.property(texts, (text) => {
        try {
          const seconds = parseStartTime(text, CONTEXT);
          expect(seconds).toBeGreaterThanOrEqual(946_684_800);
          expect(seconds).toBeLessThanOrEqual(NOW + 60);
        } catch (error) {
          expect(error).toBeInstanceOf(SourceError);
        }
      }),
      { numRuns: 1000 },
    );
  });

  test("needs a clock, and no options that nobody reads", () => {
    const options = { now: () => NOW, timeout: 1 };
    expect(() => createAppStart(says("0"), options)).toThrow('did you mean "timeoutMs"?');
    expect(() => createAppStart(says("0"), {} as { now: () => number })).toThrow("now must be");
  });
});
