import type { Definition } from "./definition.ts";

/**
 * The 24 metric families of a trading system with AI agents. Names, labels, values and buckets are
 * a contract with dashboards and alerts that exist: add, never rename.
 */
export const catalogue = {
  agentAnalysesTotal: {
    name: "agent_analyses_total",
    type: "counter",
    help: "Total number of stock analyses performed by AI agent",
    labels: {},
    area: "ai",
  },
  agentDecisionsTotal: {
    name: "agent_decisions_total",
    type: "counter",
    help: "Total number of trading decisions made by AI agent",
    labels: { ticker: "any", action: ["BUY", "SELL", "HOLD"] },
    area: "ai",
  },
  aiApiRequestsTotal: {
    name: "ai_api_requests_total",
    type: "counter",
    help: "Total number of Claude API calls",
    labels: { model_name: "any" },
    area: "ai",
  },
  aiApiCostUsdTotal: {
    name: "ai_api_cost_usd_total",
    type: "counter",
    help: "Total cost of Claude API calls in USD",
    labels: { model_name: "any" },
    area: "ai",
  },
  aiApiLatencySeconds: {
    name: "ai_api_latency_seconds",
    type: "histogram",
    help: "Response time of Claude API calls in seconds",
    labels: { model_name: "any" },
    // The original bounds end at 30; calls with long context or many steps take minutes.
    buckets: [0.1, 0.5, 1, 2, 5, 10, 30, 60, 120, 300],
    area: "ai",
  },
  agentConvictionScore: {
    name: "agent_conviction_score",
    type: "histogram",
    help: "Conviction score of trading decisions (0.0 - 1.0)",
    labels: { action: ["BUY", "SELL", "HOLD"] },
    buckets: [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1],
    area: "ai",
  },

  cacheHitsTotal: {
    name: "cache_hits_total",
    type: "counter",
    help: "Total number of feature store cache hits by layer",
    labels: { layer: ["L1_Redis", "L2_TimescaleDB"] },
    area: "feature-store",
  },
  cacheMissesTotal: {
    name: "cache_misses_total",
    type: "counter",
    help: "Total number of feature store cache misses that required a calculation",
    labels: {},
    area: "feature-store",
  },
  cacheHitRate: {
    name: "cache_hit_rate",
    type: "gauge",
    kind: "result",
    help: "Current cache hit rate (0.0 - 1.0)",
    labels: {},
    area: "feature-store",
  },
  featureCalculationLatencySeconds: {
    name: "feature_calculation_latency_seconds",
    type: "histogram",
    help: "Time to calculate a feature in seconds",
    labels: { feature_name: "any" },
    buckets: [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5],
    area: "feature-store",
  },
  featureStoreQueryLatencySeconds: {
    name: "feature_store_query_latency_seconds",
    type: "histogram",
    help: "Total time of a feature store query in seconds",
    labels: {},
    buckets: [0.001, 0.002, 0.005, 0.01, 0.05, 0.1, 0.5, 1],
    area: "feature-store",
  },

  tradesTotal: {
    name: "trades_total",
    type: "counter",
    help: "Total number of executed trades",
    labels: { ticker: "any", side: ["BUY", "SELL"] },
    area: "trading",
  },
  currentPositionsCount: {
    name: "current_positions_count",
    type: "gauge",
    kind: "result",
    help: "Current number of open positions",
    labels: {},
    area: "trading",
  },
  portfolioTotalValue: {
    name: "portfolio_total_value",
    type: "gauge",
    kind: "result",
    help: "Total portfolio value (cash and holdings) in USD",
    labels: {},
    area: "trading",
  },
  portfolioCash: {
    name: "portfolio_cash",
    type: "gauge",
    kind: "result",
    help: "Current cash balance in USD",
    labels: {},
    area: "trading",
  },
  dailyPnl: {
    name: "daily_pnl",
    type: "gauge",
    kind: "result",
    help: "Profit or loss since the last close, less cash flows, in USD",
    labels: {},
    area: "trading",
  },
  totalReturnPct: {
    name: "total_return_pct",
    type: "gauge",
    kind: "result",
    help: "Total portfolio return in percent of the start capital",
    labels: {},
    area: "trading",
  },

  killSwitchStatus: {
    name: "kill_switch_status",
    type: "gauge",
    kind: "status",
    help: "Kill switch status (1 = active, trading halted; 0 = running)",
    labels: {},
    area: "risk",
  },
  constitutionViolationsTotal: {
    name: "constitution_violations_total",
    type: "counter",
    help: "Total number of constitution rule violations",
    labels: { rule_name: "any" },
    area: "risk",
  },
  constitutionChecksTotal: {
    name: "constitution_checks_total",
    type: "counter",
    help: "Total number of constitution rule checks by result",
    labels: { rule_name: "any", result: ["PASS", "FAIL"] },
    area: "risk",
  },
  maxDrawdownPct: {
    name: "max_drawdown_pct",
    type: "gauge",
    kind: "result",
    help: "Maximum drawdown from the peak in percent (negative)",
    labels: {},
    area: "risk",
  },

  systemUptimeSeconds: {
    name: "system_uptime_seconds",
    type: "gauge",
    kind: "status",
    help: "Uptime of the monitored application in seconds",
    labels: {},
    area: "health",
  },
  timescaleConnectionStatus: {
    name: "timescale_connection_status",
    type: "gauge",
    kind: "status",
    help: "TimescaleDB connection status (1 = connected, 0 = disconnected)",
    labels: {},
    area: "health",
  },
  redisConnectionStatus: {
    name: "redis_connection_status",
    type: "gauge",
    kind: "status",
    help: "Redis connection status (1 = connected, 0 = disconnected)",
    labels: {},
    area: "health",
  },
} as const satisfies Readonly<Record<string, Definition>>;

export type Catalogue = typeof catalogue;

/** What every run reports about itself, whatever it instruments. */
export const runCatalogue = {
  lastStartTimestampSeconds: {
    name: "batch_job_last_start_timestamp_seconds",
    type: "gauge",
    kind: "status",
    help: "Unix time at which the last run started, in seconds",
    labels: {},
    area: "run",
  },
  lastCompletionTimestampSeconds: {
    name: "batch_job_last_completion_timestamp_seconds",
    type: "gauge",
    kind: "status",
    help: "Unix time at which the last run ended, successful or not, in seconds",
    labels: {},
    area: "run",
  },
  lastSuccessTimestampSeconds: {
    name: "batch_job_last_success_timestamp_seconds",
    type: "gauge",
    kind: "status",
    help: "Unix time at which the last successful run ended, in seconds",
    labels: {},
    area: "run",
  },
  durationSeconds: {
    name: "batch_job_duration_seconds",
    type: "gauge",
    kind: "status",
    help: "Duration of the last run in seconds",
    labels: {},
    area: "run",
  },
  exitCode: {
    name: "batch_job_exit_code",
    type: "gauge",
    kind: "status",
    help: "Exit code of the last run's command (128 + n when signal n ended it)",
    labels: {},
    area: "run",
  },
  runsTotal: {
    name: "batch_job_runs_total",
    type: "counter",
    help: "Total number of runs by outcome",
    labels: { outcome: ["succeeded", "failed", "timed_out", "interrupted"] },
    area: "run",
  },
  refusedUpdatesTotal: {
    name: "closing_bell_refused_updates_total",
    type: "counter",
    help: "Total number of metric updates that were refused because their value is not one",
    labels: {},
    area: "run",
  },
  lostContextTotal: {
    name: "closing_bell_lost_context_total",
    type: "counter",
    help: "Total number of series written outside of any run in a process with several runs",
    labels: {},
    area: "run",
  },
} as const satisfies Readonly<Record<string, Definition>>;

/** How a run ended. */
export type RunOutcome = (typeof runCatalogue.runsTotal.labels.outcome)[number];
