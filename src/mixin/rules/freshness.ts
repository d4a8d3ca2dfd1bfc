import { type Expectation, selector } from "../expectations.ts";
import type { RuleFile } from "../rule.ts";

/** Job of the group that the reporter pushes portfolio and health to, straight. */
export const PORTFOLIO_JOB = "portfolio_reporter";

/** Job of the reporter's own runs, which the ledger counts. */
export const REPORTER_JOB = "closing_bell_reporter";

/** Seconds. Five of the reporter's looks. */
const REPORTER_MAX_AGE = 300;

/** Seconds, for jobs that are in no catalogue: a day, and a grace. */
export const UNKNOWN_MAX_AGE = 93_600;

/** Age of a group in seconds, where it is above what it may be: its figures are no longer the truth. */
export const OVERDUE = "group:batch_job_age_seconds:overdue";

/** Newest completion of a group. */
export const COMPLETION = "group:batch_job_last_completion_timestamp_seconds:max1h";

/** How old the reporter's figures may be, in seconds. */
export function reporterMaxAge(expectations: readonly Expectation[]): number {
  return expectations.find(({ job }) => job === REPORTER_JOB)?.maxAge ?? REPORTER_MAX_AGE;
}

/**
 * Which groups are overdue, with all their labels: what guards a threshold needs no list of labels to
 * match. Every group of a job may be as old as the job's catalogue entry says.
 */
export function freshnessRules(expectations: readonly Expectation[]): RuleFile {
  const maxAges = new Map(expectations.map(({ job, maxAge }) => [job, maxAge ?? UNKNOWN_MAX_AGE]));
  const known = [...maxAges.keys()].map((job) => `job!=${JSON.stringify(job)}`);
  const overdue = [
    ...[...maxAges].map(
      ([job, maxAge]) => `time() - ${COMPLETION}${selector({ job })} > ${maxAge}`,
    ),
    `time() - ${COMPLETION}{${known.join(",")}} > ${UNKNOWN_MAX_AGE}`,
    `time() - max_over_time(push_time_seconds${selector({ job: PORTFOLIO_JOB })}[1h]) > ${reporterMaxAge(expectations)}`,
  ];
  return {
    subject: "freshness",
    about:
      "How old the figures of a group are. Freshness of a job is its own completion time: push_time_seconds is renewed whenever a gateway is healed, so it cannot see a dead job.",
    rules: [
      {
        record: COMPLETION,
        expr: "max_over_time(batch_job_last_completion_timestamp_seconds[1h])",
        comment:
          "A time only grows, so the hour bridges scrapes that fail and gateways that restart.",
      },
      {
        record: OVERDUE,
        expr: overdue.join("\n  or "),
        comment:
          "The last arm but one: jobs that are in no catalogue. The last: the one group that is pushed straight, whose push is its completion.",
      },
    ],
  };
}
