import { describe, expect, test } from "@jest/globals";
import { Cron } from "croner";
import fc from "fast-check";
import { schedulerTimes } from "../../infra/functions/schedule.ts";
import { InvalidOptionError } from "../../src/errors.ts";
import { awsTimes, wallTime } from "./scheduled-times.ts";

const FIRST_DAY = "2026-01-01";

/** Two years, a leap year's February is not among them. */
const DAYS = 730;

/** Of each line, so many times are compared. */
const TIMES = 12;

function expressionOf(cron: string): string {
  return schedulerTimes({ cron }).ScheduleExpression;
}

describe("schedulerTimes", () => {
  test.each([
    ["30 17 * * MON-FRI", "cron(30 17 ? * MON-FRI *)"],
    ["45 9 * * 1-5", "cron(45 9 ? * MON-FRI *)"],
    ["* * * * *", "cron(* * * * ? *)"],
    ["*/15 8-18 * * *", "cron(0/15 8-18 * * ? *)"],
    ["0 0 1,15 * *", "cron(0 0 1,15 * ? *)"],
    ["0 6 */10 jan-mar *", "cron(0 6 1/10 1-3 ? *)"],
    ["5-50/15 0 * * *", "cron(5/15 0 * * ? *)"],
    ["5-35/15 0 * * *", "cron(5,20,35 0 * * ? *)"],
    ["0 0 * * 0", "cron(0 0 ? * SUN *)"],
    ["0 0 * * 7", "cron(0 0 ? * SUN *)"],
    ["0 0 * * sat-sun", "cron(0 0 ? * SUN,SAT *)"],
    ["0 0 * * 5-7", "cron(0 0 ? * SUN,FRI,SAT *)"],
    ["0 0 * * tue,1", "cron(0 0 ? * MON,TUE *)"],
    ["0 0 * * */2", "cron(0 0 ? * SUN,TUE,THU,SAT *)"],
    ["0 0 * * 0-7", "cron(0 0 * * ? *)"],
    ["00 07 1-31 1-12 *", "cron(0 7 * * ? *)"],
  ])("%s is %s", (cron, expression) => {
    expect(expressionOf(cron)).toBe(expression);
  });

  test.each([
    ["1m", "rate(1 minute)"],
    ["60s", "rate(1 minute)"],
    ["5m", "rate(5 minutes)"],
    ["1.5h", "rate(90 minutes)"],
    ["1d", "rate(1440 minutes)"],
  ])("a rate of %s is %s", (rate, expression) => {
    expect(schedulerTimes({ rate }).ScheduleExpression).toBe(expression);
  });

  test("a cron line's hours are those of its time zone, or UTC's", () => {
    const cron = "0 9 * * *";
    expect(schedulerTimes({ cron, timeZone: "Europe/Berlin" }).ScheduleExpressionTimezone).toBe(
      "Europe/Berlin",
    );
    expect(schedulerTimes({ cron }).ScheduleExpressionTimezone).toBe("UTC");
  });

  test.each([
    ["0 0 1 * MON", /"0 0 1 \* MON": it sets day of month and day of week; .* make two jobs/],
    ["0 0 1-31 * MON", /sets day of month and day of week/],
    ["0 0 * * * *", /it has 6 fields, not 5/],
    ["60 0 * * *", /"60" is no minute/],
    ["0 24 * * *", /"24" is no hour/],
    ["0 0 0 * *", /"0" is no day of month/],
    ["0 0 * 13 *", /"13" is no month/],
    ["0 0 * * 8", /"8" is no day of week/],
    ["0 0 * * FRI-MON", /"FRI-MON" is no day of week/],
    ["0 0 L * *", /"L" is no day of month/],
    ["5/20 0 * * *", /"5\/20" is no minute/],
    ["*/0 0 * * *", /"\*\/0" is no minute/],
    ["*/61 0 * * *", /"\*\/61" is no minute/],
    ["*-5 0 * * *", /"\*-5" is no minute/],
    ["1,,2 0 * * *", /"" is no minute/],
    ["1.5 0 * * *", /"1.5" is no minute/],
  ])("%s is refused", (cron, reason) => {
    expect(() => expressionOf(cron)).toThrow(InvalidOptionError);
    expect(() => expressionOf(cron)).toThrow(reason);
  });

  test("a line that is too long when it is written out is refused", () => {
    const odd = (max: number) =>
      Array.from({ length: max }, (_, n) => n)
        .filter((n) => n !== max - 3)
        .join();
    expect(() => expressionOf(`${odd(60)} ${odd(24)} 1,3-31 1,3-12 *`)).toThrow(
      /it has \d+ characters, and EventBridge Scheduler takes 256/,
    );
  });

  test.each(["30s", "90s", "0", "1500ms", "soon"])("a rate of %s is refused", (rate) => {
    expect(() => schedulerTimes({ rate })).toThrow(/no number of whole minutes/);
  });
});

const field = (min: number, max: number, parts: number, names: readonly string[] = []) => {
  const value = fc.oneof(
    fc.integer({ min, max }).map(String),
    ...(names.length === 0 ? [] : [fc.constantFrom(...names)]),
  );
  const range = fc
    .tuple(fc.integer({ min, max }), fc.integer({ min, max }))
    .map((bounds) => bounds.sort((a, b) => a - b).join("-"));
  const step = fc.integer({ min: 1, max: parts });
  const part = fc.oneof(
    value,
    range,
    fc.tuple(range, step).map((both) => both.join("/")),
    step.map((width) => `*/${width}`),
  );
  return fc.array(part, { minLength: 1, maxLength: 3 }).map((some) => some.join(","));
};

const STAR = fc.constant("*");

const month = fc.oneof(STAR, field(1, 12, 12, ["JAN", "jul", "Dec"]));

const days = fc.oneof(
  fc.tuple(STAR, month, fc.oneof(STAR, field(0, 7, 7, ["SUN", "mon", "Sat"]))),
  fc.tuple(field(1, 31, 31), month, STAR),
);

/** Lines of all shapes but those that set both days, with hours from `firstHour` on. */
function lines(firstHour: number) {
  const hour = firstHour === 0 ? fc.oneof(STAR, field(0, 23, 24)) : hoursFrom(firstHour);
  return fc
    .tuple(fc.oneof(STAR, field(0, 59, 60)), hour, days)
    .map(([minute, hours, rest]) => [minute, hours, ...rest].join(" "));
}

function hoursFrom(firstHour: number) {
  return fc
    .array(fc.integer({ min: firstHour, max: 23 }), { minLength: 1, maxLength: 4 })
    .map((hours) => hours.join());
}

/** What both make of a line: the first times that clocks show after the start of the first day. */
function bothTimes(line: string, timeZone: string) {
  const start = new Date(`${FIRST_DAY}T00:00Z`);
  const from = wallTime(start, timeZone);
  const end = wallTime(new Date(start.getTime() + (DAYS - 1) * 86_400_000), timeZone);
  const cron = new Cron(line, { timezone: timeZone, mode: "5-part" })
    .nextRuns(TIMES, start)
    .map((date) => wallTime(date, timeZone))
    .filter((time) => time < end);
  const { ScheduleExpression } = schedulerTimes({ cron: line, timeZone });
  const aws: string[] = [];
  for (const time of awsTimes(ScheduleExpression, "2025-12-31", DAYS + 1)) {
    if (time > from && time < end) aws.push(time);
    if (aws.length === TIMES) break;
  }
  return { cron, aws };
}

describe("what EventBridge Scheduler is told", () => {
  test("means the times that the cron line means", () => {
    let compared = 0;
    fc.assert(
      fc.property(lines(0), (line) => {
        const { cron, aws } = bothTimes(line, "UTC");
        expect(aws).toEqual(cron);
        compared += cron.length;
      }),
      { numRuns: 150 },
    );
    expect(compared).toBeGreaterThan(1000);
  });

  test("means them in another time zone, over the changes of its clocks", () => {
    const zone = fc.constantFrom("America/New_York", "Europe/Berlin", "Asia/Kolkata");
    fc.assert(
      fc.property(lines(4), zone, (line, timeZone) => {
        const { cron, aws } = bothTimes(line, timeZone);
        expect(aws).toEqual(cron);
      }),
      { numRuns: 40 },
    );
    const { cron, aws } = bothTimes("45 9 * 3,11 SUN", "America/New_York");
    expect(aws).toEqual(cron);
    expect(cron).toContain("2026-03-08 09:45");
  });
});
