import { type Board, frequentJobs, type Plan } from "./board.ts";
import {
  AGE_LIMIT,
  CHOSEN,
  COMPLETED,
  DURATION_LIMIT,
  each,
  STATE_STEPS,
  STATES,
  stateOf,
} from "./job-state.ts";
import { jobTable } from "./job-table.ts";
import { LIMITS } from "./limits.ts";
import { boardLink, runbookLink } from "./links.ts";
import { dataAge, whatIsWrong } from "./now.ts";
import { BAD, colored, NONE, notAbove, WARN } from "./palette.ts";
import { series, stat } from "./panels.ts";

/** Every job of the catalogue: is it on time, did it succeed, and how long does it take. */
export function jobsBoard(plan: Plan): Board {
  const { links, expectations } = plan;
  const often = frequentJobs(expectations);
  return {
    dashboard: "jobs",
    description:
      "Every job of the catalogue: is it on time, did it succeed, how long does it take. What is expected comes from the schedule of closing-bell.json. Read Data age first.",
    jobsOf: [DURATION_LIMIT, "batch_job_last_completion_timestamp_seconds"],
    modes: "any",
    since: "now-24h",
    sections: [
      { panels: [dataAge(plan, CHOSEN, [7, 8]), whatIsWrong(plan, [17, 8])] },
      {
        panels: [
          stat({
            title: "State",
            description:
              "Of each entry of the job catalogue. OVERDUE: no run ended within what its schedule allows. HANGS: a run takes longer than it may. FAILED: the last run was no success. NEVER RAN: nobody with its labels ever reported. The runbook says what to look at.",
            size: [24, 4],
            unit: "none",
            noValue: "no rules, or no jobs in the catalogue",
            isNamed: true,
            textSize: expectations.length > 8 ? 16 : 34,
            steps: STATE_STEPS,
            states: STATES,
            queries: [
              { expr: `sort_desc(\n${stateOf(CHOSEN)}\n)`, legend: "{{job}} {{strategy}}" },
            ],
            links: [runbookLink(links, "JobStale"), runbookLink(links, "JobNotSucceeding")],
          }),
        ],
      },
      { panels: [jobTable(plan)] },
      {
        title: "How it went",
        panels: [
          series({
            title: "Age of the last run, of what is allowed",
            description:
              "How much of its own allowance each job has used up since its last run ended: 100 % is where JobStale fires, whatever the schedule. Climbing past it: the job does not run, or cannot report; System Health shows whether others can.",
            size: [12, 9],
            of: "held",
            unit: "percentunit",
            decimals: 0,
            min: 0,
            softMax: 1.2,
            noValue: "no rules, or no jobs with a schedule",
            steps: notAbove(1, NONE),
            queries: [
              {
                expr: `(time() - ${COMPLETED}{${CHOSEN}}) / ${AGE_LIMIT}`,
                legend: "{{job}} {{strategy}}",
              },
            ],
            links: [runbookLink(links, "JobStale"), boardLink("health")],
          }),
          series({
            title: "Runs by outcome",
            description:
              "Runs that were published in each step of a quarter of an hour or more; of jobs that run every few minutes only those that did not succeed. Failed and timed_out: look at that job's log at that time; interrupted: something ended its machine.",
            size: [12, 9],
            of: "counted",
            drawn: "bars",
            isStacked: true,
            unit: "none",
            decimals: 0,
            min: 0,
            interval: "15m",
            noValue: "no runs in this time",
            queries: [
              { expr: runs(often.map((job) => `job!=${JSON.stringify(job)}`)), legend: RUN },
              ...(often.length === 0
                ? []
                : [{ expr: runs(['outcome!="succeeded"', jobIn(often)]), legend: RUN }]),
            ],
            overrides: [colored("/ (failed|timed_out)$/", BAD), colored("/ interrupted$/", WARN)],
          }),
          series({
            title: "Duration of the last run",
            description:
              "Of each job's last run, against what the catalogue allows (maxDuration): 100 % is where JobRunningTooLong fires for a run that has not ended. Creeping up from day to day: give it more time, or less to do.",
            size: [12, 9],
            of: "held",
            unit: "percentunit",
            decimals: 0,
            min: 0,
            softMax: 1.2,
            noValue: "no runs in this time",
            steps: notAbove(1, NONE),
            queries: [
              {
                expr: each(
                  expectations,
                  (group, own) =>
                    `max(batch_job_duration_seconds${group}) / on () group_right () ${DURATION_LIMIT}${own}`,
                ),
                legend: "{{job}} {{strategy}}",
              },
            ],
            links: [runbookLink(links, "JobRunningTooLong")],
          }),
          series({
            title: "Time overdue, share of three days",
            description: `Share of the last three days in which a job was overdue. The budget is ${LIMITS.overdueShare * 100} %, as JobFreshnessBudgetBurn has it: a job above it is late again and again; give it another time, or repair it.`,
            size: [12, 9],
            of: "held",
            unit: "percentunit",
            decimals: 1,
            min: 0,
            softMax: LIMITS.overdueShare * 1.5,
            noValue: "no rules, or no jobs with a schedule",
            steps: notAbove(LIMITS.overdueShare, NONE),
            queries: [
              {
                expr: `expectation:batch_job_overdue:ratio_avg3d{${CHOSEN}}`,
                legend: "{{job}} {{strategy}}",
              },
            ],
            links: [runbookLink(links, "JobFreshnessBudgetBurn")],
          }),
        ],
      },
    ],
  };
}

const RUN = "{{job}} {{outcome}}";

function runs(matchers: readonly string[]): string {
  const chosen = [CHOSEN, ...matchers].join(",");
  return `round(sum by (job, outcome) (increase(batch_job_runs_total{${chosen}}[$__rate_interval]))) > 0`;
}

/** Matches any of these names, as they are. */
function jobIn(jobs: readonly string[]): string {
  const escaped = jobs.map((job) => job.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"));
  return `job=~${JSON.stringify(escaped.join("|"))}`;
}
