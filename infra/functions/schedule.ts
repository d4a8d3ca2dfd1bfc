import type { Schedule } from "../../src/config/jobs-schema.ts";
import { durationMs } from "../../src/duration.ts";
import { InvalidOptionError } from "../../src/errors.ts";

/** What EventBridge Scheduler is told of a schedule, named as its API names it. */
export type SchedulerTimes = {
  readonly ScheduleExpression: string;
  readonly ScheduleExpressionTimezone: string;
};

const MINUTE_MS = 60_000;

/** EventBridge Scheduler's limit, in characters. */
const MAX_LENGTH = 256;

const MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const DAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

/** One field of a cron line: what it may hold, and in how many parts a step divides it at most. */
type Field = {
  readonly name: string;
  readonly min: number;
  readonly max: number;
  readonly parts: number;
  readonly names?: readonly string[];
};

const FIELDS = {
  minute: { name: "minute", min: 0, max: 59, parts: 60 },
  hour: { name: "hour", min: 0, max: 23, parts: 24 },
  dayOfMonth: { name: "day of month", min: 1, max: 31, parts: 31 },
  month: { name: "month", min: 1, max: 12, parts: 12, names: ["", ...MONTHS] },
  // 7 is Sunday as well: so a range can end with it.
  dayOfWeek: { name: "day of week", min: 0, max: 7, parts: 7, names: DAYS },
} satisfies Readonly<Record<string, Field>>;

/**
 * A schedule of the job catalogue as EventBridge Scheduler has it: `30 17 * * MON-FRI` becomes
 * `cron(30 17 ? * MON-FRI *)`, `5m` becomes `rate(5 minutes)`.
 *
 * The two differ where clocks are set forward: a time that is skipped on that day is skipped by
 * EventBridge, too, while cron runs it an hour later.
 *
 * @throws {InvalidOptionError} for what is no schedule, and for one that EventBridge cannot be told.
 */
export function schedulerTimes(schedule: Schedule): SchedulerTimes {
  if ("rate" in schedule) {
    return { ScheduleExpression: rate(schedule.rate), ScheduleExpressionTimezone: "UTC" };
  }
  const { cron, timeZone = "UTC" } = schedule;
  return { ScheduleExpression: awsCron(cron), ScheduleExpressionTimezone: timeZone };
}

function rate(text: string): string {
  const minutes = (durationMs(text) ?? 0) / MINUTE_MS;
  if (!(Number.isSafeInteger(minutes) && minutes >= 1)) {
    throw new InvalidOptionError(
      `the rate ${JSON.stringify(text)} is no number of whole minutes, which EventBridge Scheduler counts in`,
    );
  }
  return `rate(${minutes} ${minutes === 1 ? "minute" : "minutes"})`;
}

function awsCron(line: string): string {
  const fields = line.split(/ +/);
  const [minute = "", hour = "", dayOfMonth = "", month = "", dayOfWeek = ""] = fields;
  try {
    if (fields.length !== 5) throw new InvalidOptionError(`it has ${fields.length} fields, not 5`);
    const expression = [
      ranges(FIELDS.minute, read(FIELDS.minute, minute)),
      ranges(FIELDS.hour, read(FIELDS.hour, hour)),
      ...awsDays(dayOfMonth, ranges(FIELDS.month, read(FIELDS.month, month)), dayOfWeek),
      "*",
    ].join(" ");
    const whole = `cron(${expression})`;
    if (whole.length > MAX_LENGTH) {
      throw new InvalidOptionError(
        `written out it has ${whole.length} characters, and EventBridge Scheduler takes ${MAX_LENGTH}`,
      );
    }
    return whole;
  } catch (error) {
    if (!(error instanceof InvalidOptionError)) throw error;
    throw new InvalidOptionError(`the cron line ${JSON.stringify(line)}: ${error.message}`, {
      cause: error,
    });
  }
}

/** Day of month, month and day of week. EventBridge wants a `?` for exactly one of the days. */
function awsDays(dayOfMonth: string, month: string, dayOfWeek: string): readonly string[] {
  const inMonth = read(FIELDS.dayOfMonth, dayOfMonth);
  const inWeek = new Set([...read(FIELDS.dayOfWeek, dayOfWeek)].map((day) => day % 7));
  // Which lines of both kinds mean "or", and which "and", differs between crons.
  if (dayOfMonth !== "*" && dayOfWeek !== "*") {
    throw new InvalidOptionError(
      "it sets day of month and day of week; EventBridge Scheduler takes one of them: " +
        "leave the other *, or make two jobs of it",
    );
  }
  if (dayOfWeek === "*" || inWeek.size === DAYS.length) {
    return [ranges(FIELDS.dayOfMonth, inMonth), month, "?"];
  }
  return ["?", month, dayNames(inWeek)];
}

/** The values that a field stands for. */
function read(field: Field, text: string): ReadonlySet<number> {
  const values = new Set<number>();
  for (const part of text.split(",")) {
    const [, from = "", to, step] = /^(\*|[^-/]+)(?:-([^-/]+))?(?:\/(\d+))?$/.exec(part) ?? [];
    const [first, last] = from === "*" ? [field.min, field.max] : bounds(field, from, to);
    const width = step === undefined ? 1 : Number(step);
    // A step from one value alone means "to the end" to some crons, and nothing to others.
    const isStepped = step === undefined || from === "*" || to !== undefined;
    const isPlain = from !== "*" || to === undefined;
    if (!(first <= last && width >= 1 && width <= field.parts && isStepped && isPlain)) {
      throw new InvalidOptionError(`${JSON.stringify(part)} is no ${field.name}`);
    }
    for (let value = first; value <= last; value += width) values.add(value);
  }
  return values;
}

/** First and last value of a range; NaN for what is none. */
function bounds(field: Field, from: string, to = from): readonly [number, number] {
  const first = valueIn(field, from);
  const last = valueIn(field, to);
  const endsOnSunday = field === FIELDS.dayOfWeek && last === 0 && first > 0;
  return [first, endsOnSunday && to.toUpperCase() === "SUN" ? 7 : last];
}

function valueIn({ min, max, names }: Field, text: string): number {
  const named = names?.indexOf(text.toUpperCase()) ?? -1;
  const value = named >= 0 ? named : /^\d{1,2}$/.test(text) ? Number(text) : Number.NaN;
  return value >= min && value <= max ? value : Number.NaN;
}

/** Values of any field but the day of week, in the shortest of the spellings that both crons share. */
function ranges({ min, max }: Field, values: ReadonlySet<number>): string {
  const sorted = [...values].sort((a, b) => a - b);
  const [first = min, second = max] = sorted;
  const last = sorted.at(-1) ?? max;
  const step = second - first;
  const isEven = sorted.every((value, index) => value === first + index * step);
  if (sorted.length < 3 || !isEven) return sorted.join(",");
  if (step === 1) return first === min && last === max ? "*" : `${first}-${last}`;
  return last + step > max ? `${first}/${step}` : sorted.join(",");
}

/** Days of the week, where EventBridge knows no steps and counts from 1: so by name. */
function dayNames(days: ReadonlySet<number>): string {
  const sorted = [...days].sort((a, b) => a - b);
  const [first = 0] = sorted;
  const isRun = sorted.length > 2 && sorted.every((day, index) => day === first + index);
  const named = sorted.map((day) => DAYS[day] ?? "");
  return isRun ? `${named[0]}-${named.at(-1)}` : named.join(",");
}
