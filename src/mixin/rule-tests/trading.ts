import { fires, never, quiet, type RuleTestFile, series } from "../rule-test.ts";

const REPORTER = { job: "portfolio_reporter", mode: "live" };
const SYSTEM = { job: "ai-trading-system", instance: "localhost:8001", mode: "live" };
const BACKTEST = { job: "backtest", mode: "backtest", strategy: "momentum-20d" };

const HALTED = "The kill switch is active: trading is halted.";

const kill = (labels = REPORTER) => series("kill_switch_status", labels);
const drawdown = (labels = REPORTER) => series("max_drawdown_pct", labels);
const pushed = series("push_time_seconds", REPORTER);

const deep = { severity: "warning", reason: "drawdown" };

/** Live trading, and what is none. The reporter's figures may be `maxAge` seconds old. */
export function tradingTests(maxAge: number): RuleTestFile {
  /** Minutes from the last push to the first look at which it is too old. */
  const overdue = Math.floor(maxAge / 60) + 1;
  return {
    name: "trading",
    about: "Live trading: thresholds, how long they must hold, and what wakes nobody.",
    rules: ["freshness", "trading"],
    evaluationInterval: "1m",
    tests: [
      {
        name: "KillSwitchActivated fires at the first look, and ends when trading goes on",
        series: { [kill()]: "0x4 1x5 0x10" },
        expect: [
          ...quiet("KillSwitchActivated", "4m"),
          fires("KillSwitchActivated", "5m", {
            labels: { ...REPORTER, severity: "critical" },
            summary: HALTED,
          }),
          ...quiet("KillSwitchActivated", "11m", "20m"),
        ],
      },
      {
        name: "KillSwitchActivated survives a scrape that fails, and an hour without the gauge",
        series: { [kill()]: "1x9 stale" },
        expect: [
          ...["10m", "30m", "1h5m"].map((at) =>
            fires("KillSwitchActivated", at, { labels: { ...REPORTER, severity: "critical" } }),
          ),
          ...quiet("KillSwitchActivated", "1h15m"),
        ],
      },
      {
        name: "KillSwitchActivated stays as last known when the reporter dies: it is not guarded",
        series: { [kill()]: "1x90", [pushed]: "0x90" },
        expect: [
          fires("KillSwitchActivated", "1h30m", { labels: { ...REPORTER, severity: "critical" } }),
        ],
      },
      {
        name: "The live system that is scraped wakes people: kill switch, drawdown and databases",
        series: {
          [kill(SYSTEM)]: "1x20",
          [drawdown(SYSTEM)]: "-9x20",
          [series("redis_connection_status", SYSTEM)]: "0x20",
          [series("up", SYSTEM)]: "1x20",
        },
        expect: [
          fires("KillSwitchActivated", "0m", {
            labels: { ...SYSTEM, severity: "critical" },
            summary: HALTED,
          }),
          fires("LargeDrawdown", "5m", {
            labels: { ...SYSTEM, ...deep },
            summary: "The drawdown of ai-trading-system is -9.0 %; the limit is -8 %.",
          }),
          fires("DatabaseDisconnected", "5m", {
            labels: { ...SYSTEM, severity: "critical", database: "redis" },
            summary: "The connection to redis is lost, says ai-trading-system.",
          }),
        ],
      },
      {
        name: "A backtest and a paper account wake nobody, whatever they lose",
        series: Object.fromEntries(
          [BACKTEST, { job: "portfolio_reporter", mode: "paper" }, { job: "old" }].flatMap(
            (labels) => [
              [series("kill_switch_status", labels), "1x60"],
              [series("max_drawdown_pct", labels), "-19x60"],
              [series("current_drawdown_pct", labels), "-19x60"],
              [series("portfolio_total_value", labels), "0x60"],
              [series("timescale_connection_status", labels), "0x60"],
              [series("redis_connection_status", labels), "0x60"],
            ],
          ),
        ),
        expect: ["KillSwitchActivated", "LargeDrawdown", "DatabaseDisconnected"].map((alert) =>
          never(alert, "1h"),
        ),
      },
      {
        name: "LargeDrawdown fires after 5 minutes below -8 %, and ends 10 minutes after it",
        series: { [drawdown()]: "-7x2 -9.26x10 -7x30" },
        expect: [
          ...quiet("LargeDrawdown", "3m", "7m"),
          fires("LargeDrawdown", "8m", {
            labels: { ...REPORTER, ...deep },
            summary: "The drawdown of portfolio_reporter is -9.3 %; the limit is -8 %.",
          }),
          fires("LargeDrawdown", "23m", { labels: { ...REPORTER, ...deep } }),
          ...quiet("LargeDrawdown", "26m"),
        ],
      },
      {
        name: "LargeDrawdown is silent at -8 %",
        series: { [drawdown()]: "-8x60" },
        expect: [never("LargeDrawdown", "1h")],
      },
      {
        name: "LargeDrawdown survives a scrape that fails",
        series: { [drawdown()]: "-9x2 stale -9x20" },
        expect: [
          ...quiet("LargeDrawdown", "4m"),
          fires("LargeDrawdown", "5m", { labels: { ...REPORTER, ...deep } }),
        ],
      },
      {
        name: "LargeDrawdown goes by the drawdown of now where it is known",
        series: {
          [drawdown()]: "-12x60",
          [series("current_drawdown_pct", REPORTER)]: "-5x29 -8.1x30",
        },
        expect: [
          ...quiet("LargeDrawdown", "29m", "34m"),
          fires("LargeDrawdown", "35m", {
            labels: { ...REPORTER, ...deep },
            summary: "The drawdown of portfolio_reporter is -8.1 %; the limit is -8 %.",
          }),
        ],
      },
      {
        name: "LargeDrawdown and DatabaseDisconnected are silent while their figures are old",
        series: {
          [drawdown()]: "-9x60",
          [series("redis_connection_status", REPORTER)]: "0x60",
          [series("portfolio_total_value", REPORTER)]: "0x60",
          [pushed]: `${-maxAge - 60}x29 1800+60x30`,
        },
        expect: [
          ...quiet("LargeDrawdown", "29m"),
          ...quiet("DatabaseDisconnected", "29m"),
          fires("DatabaseDisconnected", "35m", {
            labels: { ...REPORTER, severity: "critical", database: "redis" },
          }),
          fires(
            "LargeDrawdown",
            "35m",
            { labels: { ...REPORTER, ...deep } },
            { labels: { ...REPORTER, severity: "critical", reason: "total_loss" } },
          ),
        ],
      },
      {
        name: "LargeDrawdown and DatabaseDisconnected fall silent when the reporter dies",
        series: {
          [drawdown()]: `-9x${20 + overdue + 20}`,
          [series("redis_connection_status", REPORTER)]: `0x${20 + overdue + 20}`,
          [series("portfolio_total_value", REPORTER)]: `0x${20 + overdue + 20}`,
          [pushed]: `0+60x20 1200x${overdue + 20}`,
        },
        expect: [
          fires("DatabaseDisconnected", "20m", {
            labels: { ...REPORTER, severity: "critical", database: "redis" },
          }),
          fires(
            "LargeDrawdown",
            "20m",
            { labels: { ...REPORTER, ...deep } },
            { labels: { ...REPORTER, severity: "critical", reason: "total_loss" } },
          ),
          ...quiet("DatabaseDisconnected", `${20 + overdue}m`),
          ...quiet("LargeDrawdown", `${20 + overdue + 12}m`),
        ],
      },
      {
        name: "LargeDrawdown goes by the job's own completion where its figures come through the ledger",
        series: {
          [drawdown({ job: "unlisted", mode: "live" })]: "-9x60",
          [series("batch_job_last_completion_timestamp_seconds", {
            job: "unlisted",
            mode: "live",
          })]: "-91800x60",
        },
        expect: [
          fires("LargeDrawdown", "20m", { labels: { job: "unlisted", mode: "live", ...deep } }),
          // 26 hours are over at 30m.
          ...quiet("LargeDrawdown", "42m"),
        ],
      },
      {
        name: "LargeDrawdown sees a total loss, where a drawdown is not known, through a scrape that fails",
        series: { [series("portfolio_total_value", REPORTER)]: "0.01x9 0x2 stale 0x6 5x10" },
        expect: [
          ...quiet("LargeDrawdown", "9m", "14m"),
          fires("LargeDrawdown", "15m", {
            labels: { ...REPORTER, severity: "critical", reason: "total_loss" },
            summary: "The portfolio of portfolio_reporter is worth 0.00.",
          }),
          ...quiet("LargeDrawdown", "21m"),
        ],
      },
      {
        name: "DatabaseDisconnected fires after 2 minutes, says which, and ends",
        series: {
          [series("timescale_connection_status", REPORTER)]: "1x2 0x10 1x10",
          [series("redis_connection_status", REPORTER)]: "1x2 0x5 1x15",
        },
        expect: [
          ...quiet("DatabaseDisconnected", "2m", "4m"),
          fires(
            "DatabaseDisconnected",
            "5m",
            {
              labels: { ...REPORTER, severity: "critical", database: "timescale" },
              summary: "The connection to timescale is lost, says portfolio_reporter.",
            },
            {
              labels: { ...REPORTER, severity: "critical", database: "redis" },
              summary: "The connection to redis is lost, says portfolio_reporter.",
            },
          ),
          fires("DatabaseDisconnected", "9m", {
            labels: { ...REPORTER, severity: "critical", database: "timescale" },
          }),
          ...quiet("DatabaseDisconnected", "14m"),
        ],
      },
      {
        name: "DatabaseDisconnected survives a scrape that fails",
        series: { [series("redis_connection_status", REPORTER)]: "0 stale 0x10" },
        expect: [
          fires("DatabaseDisconnected", "2m", {
            labels: { ...REPORTER, severity: "critical", database: "redis" },
          }),
        ],
      },
    ],
  };
}
