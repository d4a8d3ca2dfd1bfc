import { durationMs } from "../duration.ts";
import {
  field,
  list,
  object,
  oneOf,
  record,
  required,
  type Schema,
  text,
  timeZone,
} from "./schema.ts";

/** When a job runs. Whether the cron line is one is for those to say who work with it. */
export type Schedule =
  /** So often, e.g. `5m`. */
  | { readonly rate: string }
  /** Minute, hour, day of month, month, day of week; `timeZone` is an IANA name, default UTC. */
  | { readonly cron: string; readonly timeZone?: string };

const duration = text("a duration such as 90s, 30m, 26h or 3d", (value) => {
  const milliseconds = durationMs(value);
  return milliseconds !== undefined && milliseconds >= 1000;
});

/** Five fields of numbers, names, ranges, lists and steps. */
const CRON = /^[\dA-Z*,/-]+(?: +[\dA-Z*,/-]+){4}$/i;

const cron = required(
  object({
    cron: field(
      text("five fields such as 30 16 * * MON-FRI", (value) => CRON.test(value)),
      "Minute, hour, day of month, month and day of week.",
    ),
    timeZone: field(timeZone, "Of the hours. Default UTC."),
  }),
  ["cron"],
);

const rate = required(object({ rate: field(duration, "So often.") }), ["rate"]);

const schedule: Schema<Schedule> = {
  expected: '{ "rate": "5m" } or { "cron": "30 16 * * MON-FRI", "timeZone": "America/New_York" }',
  read(value, path, problems) {
    if (typeof value === "object" && value !== null && !Array.isArray(value)) {
      return "rate" in value ? rate.read(value, path, problems) : cron.read(value, path, problems);
    }
    problems.push(`${path} must be ${this.expected}`);
    return undefined;
  },
};

const labels = record(text());

/** One entry of the job catalogue. */
export const job = object({
  labels: field(labels, "Grouping labels that every run of the job has."),
  mode: field(
    oneOf(["backtest", "paper", "live"]),
    "Whose figures the job reports. Needed for trading families.",
  ),
  schedule: field(schedule, "When it runs, for alerts and for deployment."),
  maxAge: field(
    duration,
    "Longest time without a completed run. Default: the schedule's longest gap, and a grace.",
  ),
  maxDuration: field(duration, "Longest time that a run takes. Default 1h."),
  severityOnMiss: field(
    oneOf(["critical", "warning", "info"]),
    "Severity of the alerts that say that it does not run. Default warning.",
  ),
  expect: field(
    list(labels),
    "Further labels of the groups that are expected, one set each. Default: one group, of labels and mode alone.",
  ),
});
