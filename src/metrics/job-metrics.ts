import { type Catalogue, catalogue } from "./catalogue.ts";
import { type InstrumentsOf, runAwareInstruments } from "./run-aware.ts";

/** The 24 instruments, typed by the catalogue: a wrong name or label does not compile. */
export type JobMetrics = InstrumentsOf<Catalogue>;

/** The 24 instruments by name. Each writes to the run that it is used in, a kept child included. */
export const {
  agentAnalysesTotal,
  agentDecisionsTotal,
  aiApiRequestsTotal,
  aiApiCostUsdTotal,
  aiApiLatencySeconds,
  agentConvictionScore,
  cacheHitsTotal,
  cacheMissesTotal,
  cacheHitRate,
  featureCalculationLatencySeconds,
  featureStoreQueryLatencySeconds,
  tradesTotal,
  currentPositionsCount,
  portfolioTotalValue,
  portfolioCash,
  dailyPnl,
  totalReturnPct,
  killSwitchStatus,
  constitutionViolationsTotal,
  constitutionChecksTotal,
  maxDrawdownPct,
  systemUptimeSeconds,
  timescaleConnectionStatus,
  redisConnectionStatus,
} = runAwareInstruments(catalogue);
