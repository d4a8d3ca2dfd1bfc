import type { Builder } from "@grafana/grafana-foundation-sdk/cog";
import {
  FieldTextAlignment,
  TableCellBackgroundDisplayMode,
  TableCellDisplayMode,
} from "@grafana/grafana-foundation-sdk/common";
import type { Panel } from "@grafana/grafana-foundation-sdk/dashboard";
import { runbookUrl } from "../rule.ts";
import {
  COMPLETION,
  OVERDUE,
  PORTFOLIO_JOB,
  reporterMaxAge,
  UNKNOWN_MAX_AGE,
} from "../rules/freshness.ts";
import { alertNames, type Plan } from "./board.ts";
import { SCRAPED_MAX_AGE } from "./limits.ts";
import { boardLink, runbookLink, variable } from "./links.ts";
import { BAD, GOOD, notAbove, thresholds, WARN } from "./palette.ts";
import { type Override, type Query, stat, table } from "./panels.ts";
import { type States, wordMappings } from "./states.ts";

/** The first thing on every page: how old is what it shows, and what is wrong. */

/** Behind the name of what Prometheus scrapes itself, which is new all the time or gone. */
const SCRAPED = "(scraped)";

/** When a job last told anything, by the matchers that choose jobs. */
export function ages(matchers: string): readonly Query[] {
  const scraped = `up{${matchers},job!="pushgateway"}`;
  return [
    {
      expr: `time() - max by (job) (
  ${COMPLETION}{${matchers}}
    or max_over_time(push_time_seconds{job="${PORTFOLIO_JOB}",${matchers}}[1h])
)`,
      legend: "{{job}}",
    },
    {
      expr: `time() - max by (job) (max_over_time((timestamp(${scraped}) and ${scraped} == 1)[1h:1m]))`,
      legend: `{{job}} ${SCRAPED}`,
    },
  ];
}

export function dataAge(
  plan: Plan,
  matchers: string,
  size: readonly [number, number],
): Builder<Panel> {
  return stat({
    title: "Data age",
    description:
      "Time since each job last told anything. Red: older than its entry in the job catalogue allows, and every number of it on this page is what it was, not what is. Look at the job's runs, then at the gateway.",
    size,
    unit: "s",
    // Of many jobs each has little room.
    textSize: plan.expectations.length > 8 ? 14 : 28,
    steps: notAbove(UNKNOWN_MAX_AGE),
    noValue: "nobody has told anything for an hour",
    queries: ages(matchers),
    overrides: ageLimits(plan),
    isNamed: true,
    links: [
      boardLink("jobs", { job: variable("__field.labels.job") }),
      runbookLink(plan.links, "JobStale"),
    ],
  });
}

/** Each job's own limit: one for all would be wrong for all. */
export function ageLimits({ expectations }: Plan): readonly Override[] {
  const limits = new Map(expectations.map(({ job, maxAge }) => [job, maxAge ?? UNKNOWN_MAX_AGE]));
  limits.set(PORTFOLIO_JOB, reporterMaxAge(expectations));
  return [
    ...[...limits].map(([name, limit]) => ({ name, properties: [limitAt(limit)] })),
    { name: `/ \\(scraped\\)$/`, properties: [limitAt(SCRAPED_MAX_AGE)] },
  ];
}

function limitAt(limit: number) {
  return { id: "thresholds", value: thresholds(notAbove(limit)) };
}

/** Labels that say which of several things of one job an alert is about. */
const DETAILS = ["database", "source", "reason", "model_name", "code", "mode", "strategy"];

/** The one alert that comes before all others: whether trading goes on. */
const FIRST = "KillSwitchActivated";

/** What fires, worst first. */
export function whatIsWrong(
  { rules, links }: Plan,
  size: readonly [number, number],
): Builder<Panel> {
  return table({
    title: "What is wrong",
    description:
      "Alerts that fire, worst first. Begin with the first: its name leads to the runbook, its job to the job's runs. Left out: info alerts, and the burnt budget of a job that is stale anyway. When rules are not evaluated at all, that is the one line.",
    size,
    noValue: "Nothing: no alert fires.",
    queries: [firing(alertNames(rules))],
    transformations: [
      { id: "sortBy", options: { fields: {}, sort: [{ field: "rank" }] } },
      {
        id: "organize",
        options: {
          excludeByName: { Time: true, rank: true },
          indexByName: { severity: 0, alertname: 1, job: 2, about: 3, Value: 4 },
          renameByName: {
            severity: "Severity",
            alertname: "Alert",
            job: "Job",
            about: "About",
            Value: "Since",
          },
        },
      },
    ],
    columns: [
      {
        name: "Severity",
        properties: [
          { id: "custom.width", value: 90 },
          {
            id: "custom.cellOptions",
            value: {
              type: TableCellDisplayMode.ColorBackground,
              mode: TableCellBackgroundDisplayMode.Basic,
            },
          },
          {
            id: "mappings",
            value: wordMappings({
              critical: { text: "critical", color: BAD },
              warning: { text: "warning", color: WARN },
            }),
          },
        ],
      },
      {
        name: "Alert",
        properties: [
          { id: "custom.width", value: 200 },
          {
            id: "links",
            value: [{ title: "Runbook", url: runbookUrl(links, variable("__value.raw")) }],
          },
        ],
      },
      {
        name: "Job",
        properties: [
          { id: "custom.width", value: 190 },
          { id: "links", value: [boardLink("jobs", { job: variable("__value.raw") })] },
        ],
      },
      // Many are about nothing but their job.
      { name: "About", properties: [{ id: "noValue", value: " " }] },
      {
        name: "Since",
        properties: [
          { id: "unit", value: "dateTimeFromNow" },
          { id: "custom.width", value: 130 },
          { id: "custom.align", value: FieldTextAlignment.Left },
        ],
      },
    ],
  });
}

/** Milliseconds since when, by severity, alert, job and what it is about; `rank` puts them in order. */
function firing(names: readonly string[]): string {
  const named = `alertname=~"${names.join("|")}"`;
  const details = DETAILS.map((label) => JSON.stringify(label)).join(", ");
  const since = `(
    ALERTS_FOR_STATE{${named}}
      and ignoring (alertstate) ALERTS{${named},alertstate="firing",severity=~"critical|warning"}
      unless on (alertname, job) label_replace(
        ALERTS{alertname="JobStale",alertstate="firing"},
        "alertname", "JobFreshnessBudgetBurn", "", ""
      )
  )`;
  const about = `label_replace(
  label_join(${since}, "about", " ", ${details}),
  "about", "$1", "about", " *(.*?) *"
)`;
  const watched = Object.entries({
    severity: "critical",
    job: "prometheus",
    about: "no rule is evaluated",
  });
  const unwatched = watched.reduce(
    (expr, [label, text]) => `label_replace(${expr}, "${label}", "${text}", "", "")`,
    'time() * absent(ALERTS{alertname="Watchdog",alertstate="firing"})',
  );
  const all = `max by (severity, alertname, job, about) (\n${about}\n  or ${unwatched}\n)`;
  return `1000 * ${ranked(all)}`;
}

function ranked(expr: string): string {
  const ranks = [
    ["3", "severity", "warning"],
    ["2", "severity", "critical"],
    ["1", "alertname", FIRST],
  ];
  return ranks.reduce(
    (inner, [rank, label, text]) =>
      `label_replace(${inner}, "rank", "${rank}", "${label}", "${text}")`,
    expr,
  );
}

const SWITCH = 'last_over_time(kill_switch_status{mode="$mode"}[1h])';

const SWITCH_STATES: States = {
  [-1]: { text: "UNKNOWN", color: WARN },
  0: { text: "RUNNING", color: GOOD },
  1: { text: "HALTED", color: BAD },
};

/**
 * Halted is believed even of a reporter that is dead, running is not: then, and when the switch cannot
 * be read, nobody knows.
 */
export function killSwitch({ links }: Plan, size: readonly [number, number]): Builder<Panel> {
  return stat({
    title: "Kill Switch Status",
    description:
      "HALTED: the last that is known is that trading is halted; it stays so until it is seen to be running. UNKNOWN: the switch cannot be read, or who reads it is overdue: act as if trading ran and nobody could stop it. Of every job in this mode, whatever job is chosen.",
    size,
    unit: "none",
    steps: [WARN, [0, GOOD], [1, BAD]],
    states: SWITCH_STATES,
    noValue: "not configured",
    queries: [
      {
        expr: `max(${SWITCH} == 1)
  or max(last_over_time(closing_bell_source_up{source="kill_switch",mode="$mode"}[5m]) == 0) - 1
  or max(${SWITCH} unless ${OVERDUE})
  or 0 * max(${SWITCH}) - 1`,
        legend: "kill switch",
      },
    ],
    links: [
      runbookLink(links, "KillSwitchActivated"),
      boardLink("health", { mode: variable("mode") }),
    ],
  });
}
