import { Cron } from "croner";
import { durationMs } from "../duration.ts";
import { InvalidOptionError, messageOf } from "../errors.ts";

export type Schedule =
  /** So often, e.g. `5m`. */
  | { readonly rate: string }
  /** Five fields; `timeZone` is an IANA name, default UTC. */
  | { readonly cron: string; readonly timeZone?: string };

const DAY_MS = 86_400_000;

/** Where the walk begins: fixed, so that a catalogue gives the same rules on any day. */
const START = Date.UTC(2026, 8, 1);

/**
 * How many runs are walked through: more than a year of a daily job. What repeats within a day shows
 * all its gaps long before; what lies between days is looked at day by day.
 */
const RUNS = 500;

/** A year: every week, every month, and clocks set forward and back. */
const DAYS = 366;

/** For what runs once a year, or every fourth. */
const END = START + 20 * 366 * DAY_MS;

/**
 * Longest time between two runs, in seconds: of a weekday job the one over a weekend, on which clocks
 * were set back.
 *
 * @throws {InvalidOptionError} for a cron line that is none, or that no day matches.
 */
export function longestGapSeconds(schedule: Schedule): number {
  if ("rate" in schedule) return secondsOf(schedule.rate);
  const cron = cronOf(schedule);
  let longest = 0;
  let before = cron.nextRun(new Date(START));
  for (let run = 0; before !== null && run < RUNS && before.getTime() < END; run++) {
    const next = cron.nextRun(before);
    if (next === null) break;
    longest = Math.max(longest, next.getTime() - before.getTime());
    before = next;
  }
  // Of what runs often the walk is over after days.
  for (
    let day = 0;
    day < DAYS && before !== null && before.getTime() < START + DAYS * DAY_MS;
    day++
  ) {
    const [last] = cron.previousRuns(1, new Date(START + day * DAY_MS));
    const next = last === undefined ? null : cron.nextRun(last);
    if (last === undefined || next === null) continue;
    longest = Math.max(longest, next.getTime() - last.getTime());
  }
  if (longest > 0) return longest / 1000;
  throw new InvalidOptionError(
    `the schedule ${JSON.stringify(schedule.cron)} never runs twice: give the job a maxAge`,
  );
}

/** Its runs after a moment, up to so many. Unix seconds. */
export function runsAfter(schedule: Schedule, after: number, count: number): readonly number[] {
  if ("rate" in schedule) {
    const step = secondsOf(schedule.rate);
    return Array.from({ length: count }, (_, index) => after + (index + 1) * step);
  }
  return cronOf(schedule)
    .nextRuns(count, new Date(after * 1000))
    .map((run) => run.getTime() / 1000);
}

/** @throws {InvalidOptionError} for what is no duration. */
export function secondsOf(duration: string): number {
  const milliseconds = durationMs(duration);
  if (milliseconds !== undefined) return milliseconds / 1000;
  throw new InvalidOptionError(
    `${JSON.stringify(duration)} is no duration such as 90s, 30m or 26h`,
  );
}

function cronOf({ cron, timeZone = "UTC" }: Extract<Schedule, { readonly cron: string }>): Cron {
  try {
    return new Cron(cron, { timezone: timeZone, mode: "5-part" });
  } catch (error) {
    throw new InvalidOptionError(
      `the schedule ${JSON.stringify(cron)} is no cron line: ${messageOf(error)}`,
      { cause: error },
    );
  }
}
