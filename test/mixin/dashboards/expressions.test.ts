import { expect, test } from "@jest/globals";
import { describeWithServer } from "../../support/servers.ts";
import { promtool, withMixin } from "../promtool.ts";
import { boardsOf, panelOf, substituted } from "./generated.ts";

const boards = boardsOf();

/** What one query of a panel shows, of series that have been as they are for an hour. */
type Case = {
  readonly name: string;
  readonly uid: "ai" | "portfolio" | "health" | "jobs";
  readonly title: string;
  readonly refId?: string;
  /** Values as promtool writes them; a single one holds for the whole hour. */
  readonly series: Readonly<Record<string, string>>;
  /** Values by labels, as promtool writes them. */
  readonly shows: Readonly<Record<string, number>>;
};

const LIVE = '{job="portfolio_reporter",mode="live"}';
const OVERDUE = `group:batch_job_age_seconds:overdue${LIVE}`;
const SWITCH = `kill_switch_status${LIVE}`;
const SWITCH_SOURCE =
  'closing_bell_source_up{job="portfolio_reporter",mode="live",source="kill_switch"}';

const switches: readonly Case[] = [
  { name: "halted", series: { [SWITCH]: "1" }, shows: { "{}": 1 } },
  { name: "running", series: { [SWITCH]: "0", [SWITCH_SOURCE]: "1" }, shows: { "{}": 0 } },
  { name: "no switch", series: {}, shows: {} },
  {
    name: "cannot be read, was running",
    series: { [SWITCH]: "0", [SWITCH_SOURCE]: "0" },
    shows: { "{}": -1 },
  },
  { name: "cannot be read, never could", series: { [SWITCH_SOURCE]: "0" }, shows: { "{}": -1 } },
  {
    name: "cannot be read, was halted",
    series: { [SWITCH]: "1", [SWITCH_SOURCE]: "0" },
    shows: { "{}": 1 },
  },
  {
    name: "nobody looks, was running",
    series: { [SWITCH]: "0", [OVERDUE]: "400" },
    shows: { "{}": -1 },
  },
  {
    name: "nobody looks, was halted",
    series: { [SWITCH]: "1", [OVERDUE]: "400" },
    shows: { "{}": 1 },
  },
  {
    name: "a backtest is halted",
    series: { 'kill_switch_status{job="backtest",mode="backtest"}': "1", [SWITCH]: "0" },
    shows: { "{}": 0 },
  },
].map((each) => ({ ...each, uid: "health", title: "Kill Switch Status" }));

const TIMESCALE = `timescale_connection_status${LIVE}`;
const REDIS = `redis_connection_status${LIVE}`;

const databases: readonly Case[] = [
  {
    name: "both down are two",
    series: { [TIMESCALE]: "0", [REDIS]: "0" },
    shows: { '{database="TimescaleDB"}': 0, '{database="Redis"}': 0 },
  },
  { name: "one is not configured", series: { [REDIS]: "1" }, shows: { '{database="Redis"}': 1 } },
  {
    name: "nobody looks",
    series: { [REDIS]: "1", [OVERDUE]: "400" },
    shows: { '{database="Redis"}': -1 },
  },
].map((each) => ({ ...each, uid: "health", title: "Database Status" }));

const ENTRY = '{job="analysis",mode="paper",severity="critical"}';
const limits = {
  [`expectation:batch_job_age_seconds:limit${ENTRY}`]: "1000",
  [`expectation:batch_job_duration_seconds:limit${ENTRY}`]: "900",
};
const due = { [`expectation:batch_job_age_seconds:limit_due${ENTRY}`]: "1000" };
// The end of the hour is 3600.
const completedAt = (time: number) => ({
  [`expectation:batch_job_last_completion_timestamp_seconds:max${ENTRY}`]: `${time}`,
});
const failedAt = (time: number) => ({
  [`expectation:batch_job_last_failure_timestamp_seconds:max${ENTRY}`]: `${time}`,
});
const runningSince = (time: number) => ({
  [`expectation:batch_job_running_start_timestamp_seconds:min${ENTRY}`]: `${time}`,
});

const states: readonly Case[] = [
  { name: "succeeded", series: { ...due, ...completedAt(3000) }, state: 0 },
  { name: "running", series: { ...due, ...completedAt(3000), ...runningSince(3500) }, state: 1 },
  { name: "not yet due", series: {}, state: 2 },
  { name: "failed", series: { ...due, ...completedAt(3000), ...failedAt(3000) }, state: 3 },
  {
    name: "running after it failed",
    series: { ...failedAt(3000), ...completedAt(3000), ...runningSince(3500) },
    state: 3,
  },
  { name: "hangs", series: { ...due, ...completedAt(2700), ...runningSince(2600) }, state: 4 },
  { name: "overdue", series: { ...due, ...completedAt(2500), ...failedAt(2500) }, state: 5 },
  { name: "never ran", series: due, state: 6 },
].map(({ name, series, state }) => ({
  name,
  uid: "jobs",
  title: "State",
  series: { ...limits, ...series },
  shows: { [ENTRY]: state },
}));

const VALUE = `portfolio_total_value${LIVE}`;

const figures: readonly Case[] = [
  {
    name: "with its currency",
    title: "Portfolio Value",
    series: {
      [VALUE]: "105000",
      'portfolio_currency_info{job="portfolio_reporter",mode="live",currency="EUR"}': "1",
    },
    shows: { '{job="portfolio_reporter",mode="live",currency="EUR"}': 105_000 },
  },
  {
    name: "without one",
    title: "Portfolio Value",
    series: { [VALUE]: "105000" },
    shows: { [VALUE]: 105_000 },
  },
  {
    name: "stale",
    title: "Portfolio Value",
    series: { [VALUE]: "105000", [OVERDUE]: "400" },
    shows: {},
  },
  {
    name: "of a backtest",
    title: "Daily PnL",
    series: { 'daily_pnl{job="portfolio_reporter",mode="backtest"}': "1" },
    shows: {},
  },
  {
    name: "by side, whole",
    title: "Trades Today",
    series: {
      'trades_total{job="live",mode="live",ticker="A",side="BUY"}': "0+1x60",
      'trades_total{job="live",mode="live",ticker="B",side="BUY"}': "0+1x60",
      'trades_total{job="backtest",mode="backtest",ticker="B",side="BUY"}': "0+1x60",
    },
    shows: { '{side="BUY"}': 120 },
  },
].map((each) => ({ ...each, uid: "portfolio" }));

const AI = '{job="portfolio_reporter",mode="paper"';

const ai: readonly Case[] = [
  {
    name: "of all modes and models, and of none",
    title: "Total AI Cost",
    series: {
      [`ai_api_cost_usd_total${AI},model_name="a"}`]: "5+0.5x60",
      [`ai_api_cost_usd_total{job="portfolio_reporter",model_name="b"}`]: "0+0.25x60",
    },
    shows: { "{}": 45 },
  },
  {
    name: "mean, not p95",
    title: "Avg API Latency",
    series: {
      [`ai_api_latency_seconds_sum${AI}}`]: "0+3x60",
      [`ai_api_latency_seconds_count${AI}}`]: "0+2x60",
    },
    shows: { "{}": 1.5 },
  },
  {
    name: "nothing of calls of another day",
    title: "p95 API Latency",
    series: { [`ai_api_latency_seconds_bucket${AI},le="+Inf"}`]: "7x60" },
    shows: {},
  },
  {
    name: "only hits",
    title: "Cache Hit Rate",
    series: { [`cache_hits_total${AI},layer="L1_Redis"}`]: "0+2x60" },
    shows: { "{}": 1 },
  },
  {
    name: "only misses",
    title: "Cache Hit Rate",
    series: { [`cache_misses_total${AI}}`]: "0+2x60" },
    shows: { "{}": 0 },
  },
  {
    name: "both layers and misses",
    title: "Cache Hit Rate",
    series: {
      [`cache_hits_total${AI},layer="L1_Redis"}`]: "0+2x60",
      [`cache_hits_total${AI},layer="L2_TimescaleDB"}`]: "0+1x60",
      [`cache_misses_total${AI}}`]: "0+1x60",
    },
    shows: { "{}": 0.75 },
  },
  {
    name: "a band is what lies between its bounds",
    title: "Conviction",
    refId: "B",
    series: {
      [`agent_conviction_score_bucket${AI},le="0.5"}`]: "0+1x60",
      [`agent_conviction_score_bucket${AI},le="0.6"}`]: "0+3x60",
    },
    shows: { "{}": 120 },
  },
  {
    name: "no call failed",
    title: "Calls in trouble",
    series: { [`ai_api_requests_total${AI}}`]: "0+2x60" },
    shows: { "{}": 0 },
  },
].map((each) => ({ ...each, uid: "ai" }));

const fires = (alertname: string, labels: string) => ({
  [`ALERTS{alertname="${alertname}",alertstate="firing",${labels}}`]: "1",
  [`ALERTS_FOR_STATE{alertname="${alertname}",${labels}}`]: "1800",
});
const watched = fires("Watchdog", 'severity="none",job="prometheus"');
const HALTED = 'severity="critical",job="portfolio_reporter",mode="live"';

const wrongs: readonly Case[] = [
  { name: "nothing", series: watched, shows: {} },
  {
    name: "rules are not evaluated",
    series: {},
    shows: {
      '{severity="critical",alertname="Watchdog",job="prometheus",about="no rule is evaluated",rank="2"}': 3_600_000,
    },
  },
  {
    // Labels that an alert does not have leave their spaces, which a page does not show.
    name: "worst first, with what each is about",
    series: {
      ...watched,
      ...fires("KillSwitchActivated", HALTED),
      ...fires("DatabaseDisconnected", `${HALTED},database="redis"`),
      ...fires("HighAICost", 'severity="warning",job="analysis"'),
      ...fires("DroppedLabelSets", 'severity="info",job="analysis"'),
      ...fires("SomebodyElses", 'severity="critical",job="node"'),
    },
    shows: {
      '{severity="critical",alertname="KillSwitchActivated",job="portfolio_reporter",about="live",rank="1"}': 1_800_000,
      '{severity="critical",alertname="DatabaseDisconnected",job="portfolio_reporter",about="redis     live",rank="2"}': 1_800_000,
      '{severity="warning",alertname="HighAICost",job="analysis",rank="3"}': 1_800_000,
    },
  },
  {
    name: "a job that is stale has no second line",
    series: {
      ...watched,
      ...fires("JobStale", 'severity="warning",job="backtest"'),
      ...fires("JobFreshnessBudgetBurn", 'severity="warning",job="backtest",window="1h"'),
      ...fires("JobFreshnessBudgetBurn", 'severity="warning",job="analysis",window="1h"'),
    },
    shows: {
      '{severity="warning",alertname="JobStale",job="backtest",rank="3"}': 1_800_000,
      '{severity="warning",alertname="JobFreshnessBudgetBurn",job="analysis",rank="3"}': 1_800_000,
    },
  },
].map((each) => ({ ...each, uid: "health", title: "What is wrong" }));

const ages: readonly Case[] = [
  {
    name: "of a job its completion, of the reporter its push",
    series: {
      'group:batch_job_last_completion_timestamp_seconds:max1h{job="closing_bell_reporter"}':
        "3000",
      // Renewed whenever a gateway is healed.
      'push_time_seconds{job="closing_bell_reporter"}': "3590",
      'push_time_seconds{job="analysis"}': "3590",
      [`push_time_seconds${LIVE}`]: "3540",
    },
    shows: { '{job="closing_bell_reporter"}': 600, '{job="portfolio_reporter"}': 60 },
  },
].map((each) => ({ ...each, uid: "jobs", title: "Data age" }));

describeWithServer("promtool")("what Prometheus makes of panels", () => {
  const cases = [...switches, ...databases, ...states, ...figures, ...ai, ...wrongs, ...ages];

  test("is what they say", async () => {
    const { code, output } = await ask(cases);

    expect(output).toContain("SUCCESS");
    expect(code).toBe(0);
  });

  test("is not anything else", async () => {
    const wrong = cases.map((each) => ({
      ...each,
      shows: { ...each.shows, '{not="there"}': 1 },
    }));

    const { output } = await ask(wrong);

    expect(output.match(/exp:/g)).toHaveLength(cases.length);
  });
});

/** All at once: each has its own series. */
async function ask(cases: readonly Case[]) {
  const tests = cases.map(({ name, uid, title, refId = "A", series, shows }) => {
    const { targets = [] } = panelOf(boards, `closing-bell-${uid}`, title);
    const { expr = "" } = targets.find((target) => target.refId === refId) ?? {};
    return {
      name: `${title}: ${name}`,
      interval: "1m",
      input_series: Object.entries(series).map(([selector, values]) => ({
        series: selector,
        values: /[x+]/.test(values) ? values : `${values}x60`,
      })),
      promql_expr_test: [
        {
          expr: substituted(expr, {
            __range: "1h",
            job: "portfolio_reporter|closing_bell_reporter|analysis",
            mode: uid === "ai" || uid === "jobs" ? ".*" : "live",
          }),
          eval_time: "60m",
          exp_samples: Object.entries(shows).map(([labels, value]) => ({ labels, value })),
        },
      ],
    };
  });
  const content = JSON.stringify({ rule_files: [], evaluation_interval: "1m", tests });
  return withMixin([{ path: "panels.yml", content }], (folder) =>
    promtool(["test", "rules", "panels.yml"], folder),
  );
}
