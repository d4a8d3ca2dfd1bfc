/** The wall clock of a place, to the minute: `2026-03-08 09:30`. */
export type WallTime = string;

const DAY_MS = 86_400_000;

const MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const DAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

/**
 * When EventBridge Scheduler invokes by an expression, as its user guide has it: six fields, days of the
 * week from 1 for Sunday, exactly one `?`, which only a day may be, and no step in days of the week.
 *
 * https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html#cron-based
 *
 * @param days how many are looked at, from `firstDay` (`2026-01-01`) on.
 */
export function* awsTimes(
  expression: string,
  firstDay: string,
  days: number,
): Generator<WallTime, void> {
  const [, inner = ""] = /^cron\((.*)\)$/.exec(expression) ?? [];
  const fields = inner.split(" ");
  const [minute = "", hour = "", dayOfMonth = "", month = "", dayOfWeek = "", year] = fields;
  if (fields.length !== 6 || year !== "*") throw new Error(`${expression}: not six fields`);
  if ([dayOfMonth, dayOfWeek].filter((field) => field === "?").length !== 1) {
    throw new Error(`${expression}: one of the days must be ?`);
  }
  if (dayOfWeek.includes("/")) throw new Error(`${expression}: days of the week take no step`);
  if (expression.length > 256) throw new Error(`${expression}: longer than 256 characters`);

  const minutes = numbers(minute, 0, 59);
  const hours = numbers(hour, 0, 23);
  const months = new Set(numbers(month, 1, 12, MONTHS));
  const inMonth = new Set(numbers(dayOfMonth.replace("?", "*"), 1, 31));
  const inWeek = new Set(numbers(dayOfWeek.replace("?", "*"), 1, 7, DAYS));
  for (let day = 0; day < days; day++) {
    const date = new Date(Date.parse(`${firstDay}T00:00Z`) + day * DAY_MS);
    const isMeant =
      months.has(date.getUTCMonth() + 1) &&
      inMonth.has(date.getUTCDate()) &&
      inWeek.has(date.getUTCDay() + 1);
    if (!isMeant) continue;
    for (const h of hours) {
      for (const m of minutes) {
        yield `${date.toISOString().slice(0, 10)} ${twoDigits(h)}:${twoDigits(m)}`;
      }
    }
  }
}

/** In rising order, each once. A name counts from the field's first value. */
function numbers(
  field: string,
  min: number,
  max: number,
  names: readonly string[] = [],
): readonly number[] {
  const found = new Set<number>();
  const read = (text: string) => {
    const value = names.includes(text) ? names.indexOf(text) + min : Number(text);
    if (!(Number.isInteger(value) && value >= min && value <= max)) {
      throw new Error(`${text} of ${field} is not between ${min} and ${max}`);
    }
    return value;
  };
  for (const part of field.split(",")) {
    const [range = "", step = "1"] = part.split("/");
    const [from = "", to = part.includes("/") ? String(max) : from] =
      range === "*" ? [String(min), String(max)] : range.split("-");
    for (let value = read(from); value <= read(to); value += Number(step)) found.add(value);
  }
  return [...found].sort((a, b) => a - b);
}

const formats = new Map<string, Intl.DateTimeFormat>();

/** What the clocks of a time zone show. */
export function wallTime(date: Date, timeZone: string): WallTime {
  // Swedes write dates as ISO has them. Kept, because making one takes longer than all the rest.
  const format =
    formats.get(timeZone) ??
    new Intl.DateTimeFormat("sv-SE", { timeZone, dateStyle: "short", timeStyle: "short" });
  formats.set(timeZone, format);
  return format.format(date);
}

function twoDigits(value: number): string {
  return String(value).padStart(2, "0");
}
