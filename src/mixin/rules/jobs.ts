import { type Expectation, selector } from "../expectations.ts";
import { type AlertRule, type RecordingRule, type RuleFile, SEVERITY_OF_JOB } from "../rule.ts";
import { COMPLETION } from "./freshness.ts";

const FAILURE = "group:batch_job_last_failure_timestamp_seconds:max1h";
const RUNNING = "group:batch_job_running_start_timestamp_seconds:max1h";

const EXPECTED_AGE = "expectation:batch_job_age_seconds:limit";
const EXPECTED_BY_NOW = "expectation:batch_job_age_seconds:limit_due";
const EXPECTED_DURATION = "expectation:batch_job_duration_seconds:limit";
const LAST_COMPLETION = "expectation:batch_job_last_completion_timestamp_seconds:max";
const LAST_FAILURE = "expectation:batch_job_last_failure_timestamp_seconds:max";
const FIRST_RUNNING = "expectation:batch_job_running_start_timestamp_seconds:min";
const FRESH = "expectation:batch_job_fresh:bool";
const OVERDUE_SHARE = "expectation:batch_job_overdue:ratio_avg";

/**
 * Longest wait for the first run of a job, in seconds. Prometheus keeps 15 days unless it is told
 * otherwise, and what it does not remember it cannot wait for.
 */
const LONGEST_WAIT = 10 * 86_400;

/** Share of time in which a job may be overdue: 1 %, of 30 days 7.2 hours. */
const BUDGET = 0.01;

/** Everything about jobs that run and end, generated from the catalogue. */
export function jobRules(expectations: readonly Expectation[]): RuleFile {
  return {
    subject: "jobs",
    about:
      "Jobs that run and end: what the job catalogue expects, and whether it happens. One expectation for each catalogue entry and set of labels; of several groups that match one, the newest counts.",
    rules: [...groupRules, ...expectations.flatMap(expectationRules), ...budgetRules, ...alerts],
  };
}

const groupRules: readonly RecordingRule[] = [
  {
    record: FAILURE,
    expr: `${COMPLETION} > max_over_time(batch_job_last_success_timestamp_seconds[1h])
  or (${COMPLETION} unless max_over_time(batch_job_last_success_timestamp_seconds[1h]))`,
    comment:
      "End of a group's last run, where that was no success: it failed since, or always did.",
  },
  {
    record: RUNNING,
    expr: `max_over_time(batch_job_last_start_timestamp_seconds[1h]) > ${COMPLETION}
  or (max_over_time(batch_job_last_start_timestamp_seconds[1h]) unless ${COMPLETION})`,
    comment: "Start of a run that is still under way, or whose end nobody reported.",
  },
];

/** What one expectation's series are: all with the same labels, so that they match without a list. */
function expectationRules(expectation: Expectation): readonly RecordingRule[] {
  const { labels: expected, severity, maxAge, maxDuration } = expectation;
  const labels = { ...expected, severity };
  const group = selector(expected);
  const own = selector(labels);
  const age: readonly RecordingRule[] =
    maxAge === undefined
      ? []
      : [
          { record: EXPECTED_AGE, expr: `vector(${maxAge})`, labels, comment: group },
          {
            record: EXPECTED_BY_NOW,
            expr: `last_over_time(${EXPECTED_AGE}${own}[1h] offset ${Math.min(maxAge, LONGEST_WAIT)}s)`,
            labels,
          },
          { record: LAST_COMPLETION, expr: `max(${COMPLETION}${group})`, labels },
        ];
  return [
    ...age,
    {
      record: LAST_FAILURE,
      expr: `max(${FAILURE}${group})`,
      labels,
      ...(maxAge === undefined ? { comment: `${group}, whenever somebody runs it` } : {}),
    },
    { record: EXPECTED_DURATION, expr: `vector(${maxDuration})`, labels },
    { record: FIRST_RUNNING, expr: `min(${RUNNING}${group})`, labels },
  ];
}

const budgetRules: readonly RecordingRule[] = [
  {
    record: FRESH,
    expr: `time() - ${LAST_COMPLETION}\n  <= bool ${EXPECTED_AGE}`,
    comment:
      "Whether a job is as fresh as it should be. Shares of time burn a budget evenly, whatever the schedule; one failure of a job that runs once an hour would burn a hundred of them.",
  },
  ...["5m", "30m", "1h", "6h", "3d"].map((window) => ({
    record: `${OVERDUE_SHARE}${window}`,
    expr: `1 - avg_over_time(${FRESH}[${window}])`,
  })),
];

const alerts: readonly AlertRule[] = [
  {
    alert: "JobNeverPushed",
    expr: `${EXPECTED_BY_NOW}\n  unless ${LAST_COMPLETION}`,
    for: "15m",
    severity: SEVERITY_OF_JOB,
    summary: "No completed run of {{ $labels.job }} is known.",
    description:
      "It has been in the job catalogue for longer than it may go without a run, and no group with these labels shows a completion: it never ran to its end, reports elsewhere or under other labels, or its group was removed.",
    dashboard: "jobs",
    comment:
      "Only once the expectation is as old as a run may be: a job that is new in the catalogue is not late before its time.",
  },
  {
    alert: "JobStale",
    expr: `time() - ${LAST_COMPLETION}\n  > ${EXPECTED_AGE}`,
    severity: SEVERITY_OF_JOB,
    summary: "{{ $labels.job }} last completed a run {{ $value | humanizeDuration }} ago.",
    description:
      "No run has ended, well or badly, within the time that the job catalogue allows (maxAge). Everything this job reports is now what it last was, not what is.",
    dashboard: "jobs",
  },
  {
    alert: "JobNotSucceeding",
    expr: `${LAST_FAILURE}\n  unless\n    time() - ${LAST_FAILURE} > ${EXPECTED_AGE}`,
    for: "15m",
    severity: SEVERITY_OF_JOB,
    summary:
      "{{ $labels.job }} does not succeed: its run of {{ $value | humanizeTimestamp }} failed.",
    description:
      "The job runs and reports, but its last run was no success, and for 15 minutes no other one was. Its results are those of the last success, if there ever was one.",
    dashboard: "jobs",
    comment:
      "15 minutes: what runs every few minutes may fail twice, and what runs at night is told of the same night. Once it is overdue, JobStale speaks.",
  },
  {
    alert: "JobRunningTooLong",
    expr: `time() - ${FIRST_RUNNING}\n  > ${EXPECTED_DURATION}`,
    severity: SEVERITY_OF_JOB,
    summary: "{{ $labels.job }} started {{ $value | humanizeDuration }} ago and has not ended.",
    description:
      "A run has announced its start and no end, for longer than the job catalogue allows (maxDuration). It hangs, or it was killed in a way that left it no time to report.",
    dashboard: "jobs",
  },
  ...[
    { window: "1h", short: "5m", rate: 14.4, severity: SEVERITY_OF_JOB },
    { window: "6h", short: "30m", rate: 6, severity: SEVERITY_OF_JOB },
    { window: "3d", short: "6h", rate: 1, severity: "info" },
  ].map(({ window, short, rate, severity }): AlertRule => {
    const limit = Number((rate * BUDGET).toPrecision(6));
    return {
      alert: "JobFreshnessBudgetBurn",
      expr: `${OVERDUE_SHARE}${window} > ${limit}\n  and ${OVERDUE_SHARE}${short} > ${limit}`,
      severity: severity as AlertRule["severity"],
      labels: { window },
      summary: `{{ $labels.job }} was overdue for {{ $value | humanizePercentage }} of the last ${window}.`,
      description: `Its figures may be too old for 1 % of the time, and over ${window} that was used up ${rate === 1 ? "as fast as it comes in, or faster" : `${rate} times too fast`}. A job that is dead has JobStale; this one also sees a job that is late again and again.`,
      dashboard: "jobs",
    };
  }),
];
