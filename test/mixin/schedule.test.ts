import { describe, expect, test } from "@jest/globals";
import { longestGapSeconds, runsAfter, type Schedule } from "../../src/mixin/schedule.ts";

const HOUR = 3600;
const NEW_YORK = "America/New_York";

describe("the longest gap of a schedule", () => {
  test.each<{ name: string; schedule: Schedule; hours: number }>([
    { name: "a rate is its own", schedule: { rate: "90s" }, hours: 90 / HOUR },
    { name: "every minute", schedule: { cron: "* * * * *" }, hours: 1 / 60 },
    { name: "every hour", schedule: { cron: "0 * * * *", timeZone: NEW_YORK }, hours: 1 },
    { name: "every night, UTC", schedule: { cron: "0 2 * * *" }, hours: 24 },
    {
      name: "every night where clocks are set back",
      schedule: { cron: "30 17 * * *", timeZone: NEW_YORK },
      hours: 25,
    },
    {
      name: "weekdays: Friday to Monday, on the weekend on which clocks are set back",
      schedule: { cron: "30 17 * * MON-FRI", timeZone: NEW_YORK },
      hours: 73,
    },
    { name: "weekdays, UTC", schedule: { cron: "30 17 * * 1-5" }, hours: 72 },
    {
      name: "often, but on weekdays from nine to five only",
      schedule: { cron: "*/5 9-16 * * MON-FRI" },
      hours: 64 + 5 / 60,
    },
    {
      name: "every minute of weekdays from nine to five",
      schedule: { cron: "* 9-16 * * MON-FRI", timeZone: NEW_YORK },
      hours: 65 + 1 / 60,
    },
    { name: "twice a day", schedule: { cron: "0 1,20 * * *" }, hours: 19 },
    { name: "weekly", schedule: { cron: "0 6 * * SUN", timeZone: "Europe/Berlin" }, hours: 169 },
    { name: "monthly", schedule: { cron: "0 0 1 * *" }, hours: 31 * 24 },
    { name: "yearly", schedule: { cron: "0 0 1 1 *" }, hours: 366 * 24 },
    { name: "on 29 February", schedule: { cron: "0 0 29 2 *" }, hours: 1461 * 24 },
  ])("$name", ({ schedule, hours }) => {
    expect(longestGapSeconds(schedule)).toBeCloseTo(hours * HOUR, 6);
  });

  test.each<{ cron: string; message: string }>([
    {
      cron: "0 0 31 2 *",
      message: 'the schedule "0 0 31 2 *" never runs twice: give the job a maxAge',
    },
    { cron: "61 * * * *", message: 'the schedule "61 * * * *" is no cron line' },
  ])("$cron has none", ({ cron, message }) => {
    expect(() => longestGapSeconds({ cron })).toThrow(message);
  });
});

test("runs of a schedule come in order, in its time zone", () => {
  const runs = runsAfter({ cron: "30 17 * * MON-FRI", timeZone: NEW_YORK }, -1, 3);
  expect(runs.map((run) => new Date(run * 1000).toISOString())).toEqual([
    "1970-01-01T22:30:00.000Z",
    "1970-01-02T22:30:00.000Z",
    "1970-01-05T22:30:00.000Z",
  ]);
  expect(runsAfter({ rate: "5m" }, 0, 2)).toEqual([300, 600]);
});
