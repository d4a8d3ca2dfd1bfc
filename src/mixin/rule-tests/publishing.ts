import { fires, never, quiet, type RuleTest, type RuleTestFile, series } from "../rule-test.ts";

const GATEWAY = { job: "pushgateway", instance: "localhost:9091" };
const REPORTER = { job: "closing_bell_reporter" };
const BACKTEST = { job: "backtest", mode: "backtest", strategy: "momentum-20d" };

const up = series("up", GATEWAY);
const requests = (code: string) =>
  series("pushgateway_http_requests_total", { ...GATEWAY, handler: "push", method: "put", code });
const refused = { labels: { ...GATEWAY, code: "400", severity: "warning" } };

/** The reporter has just looked, at every time. */
const LOOKING = { [series("batch_job_last_completion_timestamp_seconds", REPORTER)]: "0+60x120" };
const warned = { labels: { ...REPORTER, severity: "warning" } };

/** One counter of what was lost within a day. */
const counterTests = (
  [
    {
      alert: "LedgerRejected",
      counter: "closing_bell_rejected_records_total",
      severity: "warning",
      summary: "1 run records of backtest were rejected within a day.",
    },
    {
      alert: "DroppedLabelSets",
      counter: "closing_bell_dropped_label_sets_total",
      severity: "info",
      summary: "1 label sets of backtest were dropped within a day.",
    },
  ] as const
).map(({ alert, counter, severity, summary }) => ({
  name: `${alert} fires at the first, through scrapes that fail, and ends a day later`,
  interval: "15m",
  series: {
    [series(counter, BACKTEST)]: "0x3 1x10 stale 1x100",
    [series(counter, { job: "analysis" })]: "4x120",
  },
  expect: [
    ...quiet(alert, "45m"),
    fires(alert, "1h", { labels: { ...BACKTEST, severity }, summary }),
    fires(alert, "3h30m", { labels: { ...BACKTEST, severity } }),
    ...quiet(alert, "25h15m"),
  ],
}));

/** What is told for a day. */
export const lossTests: RuleTestFile = {
  name: "losses",
  about: "What the ledger could not add: told for a day.",
  rules: ["publishing"],
  evaluationInterval: "15m",
  tests: counterTests,
};

/** From a run to Prometheus. The reporter's own runs may be `maxAge` seconds old. */
export function publishingTests(maxAge: number): RuleTestFile {
  /** A completion that is too old at every time. */
  const overdue = -maxAge - 60;
  return {
    name: "publishing",
    about: "The gateway, refused pushes, and what the reporter says of the ledger.",
    rules: ["freshness", "publishing"],
    evaluationInterval: "1m",
    tests: [
      {
        name: "PushgatewayDown needs more than one scrape that fails, and ends",
        series: { [up]: "1x2 0 1x6 0x9 1x10" },
        expect: [
          ...quiet("PushgatewayDown", "3m", "5m", "13m", "14m"),
          fires("PushgatewayDown", "17m", {
            labels: { ...GATEWAY, severity: "critical" },
            summary: "Prometheus cannot scrape the Pushgateway.",
          }),
          ...quiet("PushgatewayDown", "22m"),
        ],
      },
      {
        name: "PushgatewayDown fires when nobody scrapes one",
        series: { [series("up", { job: "prometheus" })]: "1x10" },
        expect: [
          ...quiet("PushgatewayDown", "1m"),
          fires("PushgatewayDown", "2m", {
            labels: { job: "pushgateway", severity: "critical" },
            summary: "Prometheus cannot scrape the Pushgateway.",
          }),
        ],
      },
      {
        name: "PushRejected sees the very first refusal, through a scrape that fails, and ends",
        series: { [requests("400")]: "_x10 1 stale 1x60", [requests("200")]: "0+1x70" },
        expect: [
          ...quiet("PushRejected", "9m"),
          fires("PushRejected", "13m", {
            ...refused,
            summary: "The Pushgateway refused pushes with 400.",
          }),
          ...quiet("PushRejected", "30m"),
        ],
      },
      {
        name: "PushRejected sees later ones, and takes neither an outage nor a restart for a refusal",
        series: { [requests("400")]: "3x19 4x19 stale _x20 4x30" },
        expect: [
          ...quiet("PushRejected", "15m"),
          fires("PushRejected", "22m", refused),
          ...quiet("PushRejected", "35m", "1h5m", "1h20m"),
        ],
      },
      {
        name: "PushRejected is silent about pushes that were taken",
        series: { [requests("200")]: "0+1x60", [requests("202")]: "0+1x60" },
        expect: [never("PushRejected", "1h")],
      },
      {
        name: "PushFailed fires 5 minutes after a push that was refused, through a scrape that fails, and ends",
        series: {
          [series("push_failure_time_seconds", BACKTEST)]: "0x4 300x2 stale 300x30",
          [series("push_time_seconds", BACKTEST)]: "60x6 60 stale 60x12 1200x20",
          [series("push_failure_time_seconds", REPORTER)]: "0x40",
          [series("push_time_seconds", REPORTER)]: "60x40",
        },
        expect: [
          ...quiet("PushFailed", "4m", "9m"),
          fires("PushFailed", "10m", {
            labels: { ...BACKTEST, severity: "warning" },
            summary: "The newest push of backtest was refused.",
          }),
          ...quiet("PushFailed", "22m"),
        ],
      },
      {
        name: "PushFailed sees one group of a job that is refused beside one that is not",
        series: {
          [series("push_failure_time_seconds", BACKTEST)]: "60x20",
          [series("push_time_seconds", BACKTEST)]: "0x20",
          [series("push_failure_time_seconds", { ...BACKTEST, strategy: "other" })]: "0x20",
          [series("push_time_seconds", { ...BACKTEST, strategy: "other" })]: "120x20",
        },
        expect: [fires("PushFailed", "10m", { labels: { ...BACKTEST, severity: "warning" } })],
      },
      {
        name: "LedgerLag fires when runs wait for ten minutes, through a scrape that fails, and ends",
        series: {
          ...LOOKING,
          [series("closing_bell_ledger_oldest_pending_timestamp_seconds", REPORTER)]:
            "0+60x5 300x10 stale 300x10 1620+60x30",
        },
        expect: [
          ...quiet("LedgerLag", "15m", "20m"),
          fires("LedgerLag", "21m", {
            ...warned,
            summary: "Runs wait in the ledger since 16m 0s.",
          }),
          ...quiet("LedgerLag", "30m"),
        ],
      },
      {
        name: "LedgerLag is silent while the reporter is",
        series: {
          [series("batch_job_last_completion_timestamp_seconds", REPORTER)]: `${overdue}x60`,
          [series("closing_bell_ledger_oldest_pending_timestamp_seconds", REPORTER)]:
            `${overdue}x60`,
        },
        expect: [never("LedgerLag", "1h")],
      },
      ...gaugeTests(overdue),
    ],
  };
}

/** One gauge of the ledger's health: its silence below the limit, its start, its end. */
function gaugeTests(overdue: number): readonly RuleTest[] {
  return (
    [
      {
        alert: "LedgerUnconfirmed",
        gauge: "closing_bell_ledger_unconfirmed_groups",
        minutes: 10,
        summary: "2 groups have a push that the gateway does not confirm.",
      },
      {
        alert: "LedgerConflict",
        gauge: "closing_bell_ledger_conflicting_groups",
        minutes: 5,
        summary: "2 groups are not published: the gateway shows another ledger.",
      },
    ] as const
  ).flatMap(({ alert, gauge, minutes, summary }) => [
    {
      name: `${alert} fires after ${minutes} minutes, through a scrape that fails, and ends`,
      series: { ...LOOKING, [series(gauge, REPORTER)]: "0x2 2x2 stale 2x17 0x20" },
      expect: [
        ...quiet(alert, "2m", `${minutes + 2}m`),
        fires(alert, `${minutes + 3}m`, { ...warned, summary }),
        ...quiet(alert, "26m"),
      ],
    },
    {
      name: `${alert} is silent while the reporter is`,
      series: {
        [series("batch_job_last_completion_timestamp_seconds", REPORTER)]: `${overdue}x60`,
        [series(gauge, REPORTER)]: "2x60",
      },
      expect: [never(alert, "1h")],
    },
  ]);
}
