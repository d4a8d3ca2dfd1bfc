import { OVERDUE, PORTFOLIO_JOB, REPORTER_JOB } from "../rules/freshness.ts";
import type { Board, Plan } from "./board.ts";
import { LIMITS } from "./limits.ts";
import { boardLink, runbookLink, variable } from "./links.ts";
import { dataAge, killSwitch, whatIsWrong } from "./now.ts";
import { BAD, colored, GOOD, NONE, notAbove, WARN } from "./palette.ts";
import { series, stat } from "./panels.ts";
import type { States } from "./states.ts";

/** What is counted of jobs, as they are chosen. */
const CHOSEN = 'job=~"$job",mode="$mode",strategy=~"$strategy"';

/** What the reporter says of itself has no mode. */
const REPORTERS = `job=~"${PORTFOLIO_JOB}|${REPORTER_JOB}",mode=~"$mode|"`;

const CONNECTION: States = {
  [-1]: { text: "UNKNOWN", color: WARN },
  0: { text: "DOWN", color: BAD },
  1: { text: "UP", color: GOOD },
};

const CONNECTION_STEPS = [WARN, [0, BAD], [1, GOOD]] as const;

function rate(family: string): string {
  return `rate(${family}{${CHOSEN}}[$__rate_interval])`;
}

/** The ledger's figures, as long as the reporter that says them is there. */
function ledger(family: string): string {
  return `last_over_time(closing_bell_ledger_${family}[5m]) unless ${OVERDUE}`;
}

/**
 * Whether trading may go on, and whether what these pages say can be believed. (Longer than 250 lines
 * because it is a list: one entry a panel.)
 */
export function healthBoard(plan: Plan): Board {
  const { links } = plan;
  const databases = `label_replace(last_over_time(timescale_connection_status{mode="$mode"}[5m]), "database", "TimescaleDB", "", "")
    or label_replace(last_over_time(redis_connection_status{mode="$mode"}[5m]), "database", "Redis", "", "")`;
  const sources = 'last_over_time(closing_bell_source_up{mode="$mode"}[5m])';
  return {
    dashboard: "health",
    description:
      "Whether trading may go on, and whether what these pages say can be believed: the switch, databases, sources, and the way from a run to Prometheus. Read Data age first.",
    jobsOf: ["constitution_checks_total", "feature_store_query_latency_seconds_count"],
    modes: "one",
    since: "now-6h",
    sections: [
      {
        panels: [
          [dataAge(plan, REPORTERS, [7, 4]), killSwitch(plan, [7, 4])],
          whatIsWrong(plan, [17, 8]),
        ],
      },
      {
        panels: [
          stat({
            title: "Database Status",
            description:
              "Whether each answered when it was last looked at. DOWN: the trading system cannot reach it either; begin with the database, then the network. UNKNOWN: who looks is overdue.",
            size: [7, 4],
            unit: "none",
            noValue: "not configured",
            isNamed: true,
            steps: CONNECTION_STEPS,
            states: CONNECTION,
            queries: [
              {
                expr: `min by (database) (
  (${databases}) unless ignoring (database) ${OVERDUE}
    or 0 * (${databases}) - 1
)`,
                legend: "{{database}}",
              },
            ],
            links: [runbookLink(links, "DatabaseDisconnected")],
          }),
          stat({
            title: "System Uptime",
            description:
              "Time since the trading application started: of the application, not of who reports it. Orange under ten minutes: it has just restarted; ask why. Unknown: its start time cannot be read.",
            size: [5, 4],
            unit: "dtdhms",
            noValue: "unknown or stale",
            steps: [WARN, [600, NONE]],
            queries: [
              {
                expr: `max(
  (time() - app_start_time_seconds{mode="$mode"} or system_uptime_seconds{mode="$mode"})
    unless ${OVERDUE}
)`,
                legend: "uptime",
              },
            ],
            links: [boardLink("portfolio", { mode: variable("mode") })],
          }),
          stat({
            title: "Sources",
            description:
              "Where the reporter reads. DOWN: what that source would say is absent here and on Portfolio Performance, never 0. Look at its credentials and its own status page.",
            size: [12, 4],
            unit: "none",
            textSize: 24,
            noValue: "none configured, or stale",
            isNamed: true,
            steps: CONNECTION_STEPS,
            states: CONNECTION,
            queries: [
              {
                expr: `min by (source) (${sources} unless ignoring (source) ${OVERDUE} or 0 * ${sources} - 1)`,
                legend: "{{source}}",
              },
            ],
            links: [runbookLink(links, "SourceDown")],
          }),
        ],
      },
      {
        title: "From a run to Prometheus",
        panels: [
          stat({
            title: "Gateway",
            description:
              "Whether Prometheus can scrape the Pushgateway. DOWN: nothing that is pushed arrives, the kill switch included. Runs are recorded in the ledger meanwhile; nothing is lost.",
            size: [4, 4],
            unit: "none",
            noValue: "is not scraped",
            steps: CONNECTION_STEPS,
            states: CONNECTION,
            queries: [{ expr: 'min(up{job="pushgateway"})', legend: "gateway" }],
            links: [runbookLink(links, "PushgatewayDown")],
          }),
          stat({
            title: "Oldest run waiting",
            description: `How long the oldest run that no total holds has waited. LedgerLag fires above ${LIMITS.ledgerLagSeconds / 60} minutes: the reporter does not publish; look at its log.`,
            size: [5, 4],
            unit: "s",
            decimals: 0,
            noValue: "unknown or stale",
            steps: notAbove(LIMITS.ledgerLagSeconds, NONE),
            queries: [
              {
                expr: `time() - min(${ledger("oldest_pending_timestamp_seconds")})`,
                legend: "oldest",
              },
            ],
            links: [runbookLink(links, "LedgerLag")],
          }),
          stat({
            title: "Runs waiting",
            description:
              "Run records that no total holds yet. A few between two looks of the reporter are as it should be; a number that grows is not: see the chart below.",
            size: [5, 4],
            unit: "none",
            decimals: 0,
            noValue: "unknown or stale",
            queries: [{ expr: `sum(${ledger("pending_records")})`, legend: "waiting" }],
          }),
          stat({
            title: "Groups unconfirmed, refused",
            description:
              "Groups whose last push got no answer, and groups that are not published because the gateway shows another ledger's totals. Not 0 for ten minutes: look at the gateway's log, and at who else reports there.",
            size: [5, 4],
            unit: "none",
            decimals: 0,
            noValue: "unknown or stale",
            isNamed: true,
            steps: [NONE, [1, BAD]],
            queries: [
              { expr: `sum(${ledger("unconfirmed_groups")})`, legend: "unconfirmed" },
              { expr: `sum(${ledger("conflicting_groups")})`, legend: "refused" },
            ],
            links: [runbookLink(links, "LedgerUnconfirmed"), runbookLink(links, "LedgerConflict")],
          }),
          stat({
            title: "Rejected and dropped today",
            description:
              "Run records that could not be added to the totals, and label sets beyond a family's limit, this day so far. Rejected: closing-bell ledger show gives the reason.",
            size: [5, 4],
            unit: "none",
            decimals: 0,
            noValue: "0",
            isToday: true,
            isNamed: true,
            steps: [NONE, [1, WARN]],
            queries: [
              {
                expr: "round(sum(increase(closing_bell_rejected_records_total[$__range]))) or vector(0)",
                legend: "rejected",
              },
              {
                expr: "round(sum(increase(closing_bell_dropped_label_sets_total[$__range]))) or vector(0)",
                legend: "dropped",
              },
            ],
            links: [runbookLink(links, "LedgerRejected"), runbookLink(links, "DroppedLabelSets")],
          }),
        ],
      },
      {
        panels: [
          series({
            title: "Age of the oldest run waiting",
            description: `In the red, above ${LIMITS.ledgerLagSeconds / 60} minutes, LedgerLag fires. A saw of a minute is the reporter's rhythm; a slope is a reporter that looks and cannot publish: look at its log and at the gateway.`,
            size: [8, 8],
            of: "held",
            unit: "s",
            min: 0,
            softMax: LIMITS.ledgerLagSeconds * 1.2,
            noValue: "no figures in this time",
            steps: notAbove(LIMITS.ledgerLagSeconds, NONE),
            queries: [
              {
                expr: `time() - min(${ledger("oldest_pending_timestamp_seconds")})`,
                legend: "oldest run waiting",
              },
            ],
            links: [runbookLink(links, "LedgerLag")],
          }),
          series({
            title: "Pushes/min at the gateway, by answer",
            description:
              "200 and 202 are good. 400: somebody pushes what the gateway cannot take; who it is, is only in the gateway's log. 401 and 403: credentials. None at all: nobody publishes.",
            size: [8, 8],
            of: "counted",
            unit: "opm",
            min: 0,
            interval: "5m",
            noValue: "no pushes in this time",
            queries: [
              {
                expr: '60 * sum by (code) (rate(pushgateway_http_requests_total{handler=~"push|delete"}[$__rate_interval]))',
                legend: "{{code}}",
              },
            ],
            overrides: [colored("/^2/", "green"), colored("/^[45]/", BAD)],
            links: [runbookLink(links, "PushRejected")],
          }),
          series({
            title: "Time to read each source",
            description:
              "Of the reporter's last look. It gives each source five seconds: one that comes near is about to go DOWN; look at its load, and at the network.",
            size: [8, 8],
            of: "held",
            unit: "s",
            min: 0,
            noValue: "no figures in this time",
            queries: [
              {
                expr: `closing_bell_source_read_seconds{mode="$mode"} unless ignoring (source) ${OVERDUE}`,
                legend: "{{source}}",
              },
            ],
            links: [runbookLink(links, "SourceDown")],
          }),
        ],
      },
      {
        title: "Rules and features",
        panels: [
          series({
            title: "Constitution Violations",
            description:
              "Checks that failed, by rule, in each step of five minutes or more. The rules did their work: what was asked for was refused. Many of one rule: the strategy keeps asking; look at its decisions.",
            size: [8, 8],
            of: "counted",
            drawn: "bars",
            isStacked: true,
            unit: "none",
            decimals: 0,
            min: 0,
            interval: "5m",
            noValue: "no violations in this time",
            queries: [
              {
                expr: `round(sum by (rule_name) (increase(constitution_violations_total{${CHOSEN}}[$__rate_interval]))) > 0`,
                legend: "{{rule_name}}",
              },
            ],
            links: [boardLink("ai")],
          }),
          series({
            title: "Feature Store Latency",
            description:
              "Whole queries: mean, and p95, which 95 of 100 stay under. Up without more lookups: the cache misses, or TimescaleDB is slow; look at Cache Hit Rate on AI Trading Overview.",
            size: [8, 8],
            of: "counted",
            drawn: "points",
            unit: "s",
            min: 0,
            interval: "5m",
            noValue: "no queries in this time",
            queries: [
              {
                expr: `histogram_quantile(0.95, sum by (le) (${rate("feature_store_query_latency_seconds_bucket")})) >= 0`,
                legend: "p95",
              },
              {
                expr: `sum(${rate("feature_store_query_latency_seconds_sum")})
  / (sum(${rate("feature_store_query_latency_seconds_count")}) > 0)`,
                legend: "mean",
              },
            ],
            links: [boardLink("ai"), runbookLink(links, "LowCacheHitRate")],
          }),
          series({
            title: "Time to calculate a feature, p95",
            description:
              "Of those that the cache did not have. One feature far above the rest: it is worth a cache of its own, or its query an index.",
            size: [8, 8],
            of: "counted",
            drawn: "points",
            unit: "s",
            min: 0,
            interval: "5m",
            noValue: "no calculations in this time",
            queries: [
              {
                expr: `histogram_quantile(0.95, sum by (le, feature_name) (${rate("feature_calculation_latency_seconds_bucket")})) >= 0`,
                legend: "{{feature_name}}",
              },
            ],
          }),
        ],
      },
    ],
  };
}
