export type { Bill, TrackAiRequest, TrackAiRequestOptions } from "./ai-pricing/track.ts";
export type { Clock } from "./clock.ts";
export { runJob, settleJob } from "./default-delivery.ts";
export { trackAiRequest } from "./default-pricing.ts";
export {
  ClosingBellError,
  ConfigError,
  ExpositionError,
  InvalidGroupingKeyError,
  InvalidInputError,
  InvalidMetricError,
  InvalidOptionError,
  LeaseLostError,
  LedgerConflictError,
  LedgerCorruptError,
  LedgerFormatError,
  LedgerFullError,
  LedgerGroupError,
  LedgerMismatchError,
  LedgerUnavailableError,
  LedgerUnfitError,
  ModeError,
  PushError,
  RecordError,
} from "./errors.ts";
export type { Credentials } from "./gateway-url.ts";
export { type GroupingKey, groupingKey } from "./grouping-key.ts";
export { type ImportedResults, type ImportOptions, importResults } from "./import-results.ts";
export { type Action, recordAnalysis, recordConviction, recordDecision } from "./metrics/ai.ts";
export { aiCatalogue } from "./metrics/ai-catalogue.ts";
export { backtestCatalogue } from "./metrics/backtest-catalogue.ts";
export { type Catalogue, catalogue, type RunOutcome, runCatalogue } from "./metrics/catalogue.ts";
export { setKillSwitch, trackConstitutionCheck } from "./metrics/constitution.ts";
export {
  type DefinedMetrics,
  defineMetrics,
  type MetricDefinition,
} from "./metrics/define-metrics.ts";
export type { MetricFamily } from "./metrics/exposition/family.ts";
export {
  type CacheLayer,
  recordCacheHit,
  recordCacheMiss,
  trackFeatureCalculation,
  trackFeatureQuery,
  updateCacheMetrics,
} from "./metrics/feature-store.ts";
export { type SystemHealth, updateSystemHealth } from "./metrics/health.ts";
export { Counter, type CounterConfig } from "./metrics/instruments/counter.ts";
export { Gauge, type GaugeConfig } from "./metrics/instruments/gauge.ts";
export { Histogram, type HistogramConfig } from "./metrics/instruments/histogram.ts";
export {
  agentAnalysesTotal,
  agentConvictionScore,
  agentDecisionsTotal,
  aiApiCostUsdTotal,
  aiApiLatencySeconds,
  aiApiRequestsTotal,
  cacheHitRate,
  cacheHitsTotal,
  cacheMissesTotal,
  constitutionChecksTotal,
  constitutionViolationsTotal,
  currentPositionsCount,
  dailyPnl,
  featureCalculationLatencySeconds,
  featureStoreQueryLatencySeconds,
  type JobMetrics,
  killSwitchStatus,
  maxDrawdownPct,
  portfolioCash,
  portfolioTotalValue,
  redisConnectionStatus,
  systemUptimeSeconds,
  timescaleConnectionStatus,
  totalReturnPct,
  tradesTotal,
} from "./metrics/job-metrics.ts";
export { type MetricRegistry, renderRegistry } from "./metrics/prom-client.ts";
export {
  type Portfolio,
  type Side,
  type Trade,
  trackTrade,
  updatePortfolioMetrics,
} from "./metrics/trading.ts";
export type { Delivery, DeliveryReport, RunReport } from "./publish/delivery.ts";
export { createDirectDelivery } from "./publish/direct-delivery.ts";
export { type Exposition, expositionOf, expositionOfText } from "./push/body.ts";
export {
  createPushClient,
  type PushClient,
  type PushClientOptions,
  type PushReceipt,
} from "./push/client.ts";
export type { RatePlace, ResultMapping, TimePlace } from "./results/generic.ts";
export type { BacktestResults, Fills, ResultFormat } from "./results/results.ts";
export type { RunDependencies } from "./run/open-run.ts";
export {
  createRunJob,
  type JobBody,
  type JobOutcome,
  type RunContext,
  type RunJobs,
  type RunOptions,
  type SettledJob,
} from "./run/run-job.ts";
