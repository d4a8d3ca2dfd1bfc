import { expect, test } from "@jest/globals";
import { fileSchema } from "../../src/config/file-schema.ts";

function problemsOf(entry: unknown): readonly string[] {
  const problems: string[] = [];
  fileSchema.read({ jobs: { nightly: entry } }, "", problems);
  return problems;
}

test.each<{ entry: object }>([
  { entry: {} },
  { entry: { schedule: { rate: "1m" } } },
  { entry: { schedule: { cron: "30 16 * * MON-FRI", timeZone: "America/New_York" } } },
  { entry: { schedule: { cron: "*/5 9-16 1,15 JAN-JUN *" } } },
  { entry: { maxAge: "26h", maxDuration: "90s", severityOnMiss: "critical" } },
  { entry: { expect: [{ strategy: "a" }, { strategy: "b" }] } },
])("an entry may be $entry", ({ entry }) => {
  expect(problemsOf(entry)).toEqual([]);
});

const SCHEDULE =
  '{ "rate": "5m" } or { "cron": "30 16 * * MON-FRI", "timeZone": "America/New_York" }';
const DURATION = "a duration such as 90s, 30m, 26h or 3d";

test.each<{ entry: object; problem: string }>([
  { entry: { schedule: "rate(5 minutes)" }, problem: `schedule must be ${SCHEDULE}` },
  { entry: { schedule: [] }, problem: `schedule must be ${SCHEDULE}` },
  { entry: { schedule: {} }, problem: "schedule needs cron" },
  { entry: { schedule: { rate: "5" } }, problem: `schedule.rate must be ${DURATION}` },
  { entry: { schedule: { rate: "500ms" } }, problem: `schedule.rate must be ${DURATION}` },
  {
    entry: { schedule: { cron: "30 16 * *" } },
    problem: "schedule.cron must be five fields such as 30 16 * * MON-FRI",
  },
  {
    entry: { schedule: { cron: "30 16 * * *", timeZone: "Wall Street" } },
    problem: "schedule.timeZone must be a time zone such as America/New_York",
  },
  { entry: { maxAge: "soon" }, problem: `maxAge must be ${DURATION}` },
  {
    entry: { severityOnMiss: "page" },
    problem: "severityOnMiss must be one of critical, warning, info",
  },
  {
    entry: { expect: { strategy: "a" } },
    problem:
      "expect must be a list, each an object whose values are each a string that is not empty",
  },
])("$problem: $entry", ({ entry, problem }) => {
  expect(problemsOf(entry)).toEqual([`jobs.nightly.${problem}`]);
});

test("a mistyped key is refused with the nearest one", () => {
  expect(problemsOf({ maxage: "1h" })).toEqual([expect.stringContaining("maxAge")]);
});
