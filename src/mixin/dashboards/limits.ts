/**
 * Where alerts fire, as panels draw them in. A test holds each of them to the rule that it is of.
 */
export const LIMITS = {
  /** HighAICost: USD that all jobs together spend within an hour. */
  aiCostUsdPerHour: 0.5,
  /** LowCacheHitRate: share of lookups within an hour. */
  cacheHitRatio: 0.8,
  /** LargeDrawdown: percent below the high-water mark. */
  drawdownPct: -8,
  /** LedgerLag: age of the oldest run that waits, in seconds. */
  ledgerLagSeconds: 600,
  /** JobFreshnessBudgetBurn over three days: share of time in which a job was overdue. */
  overdueShare: 0.01,
} as const;

/** Seconds without a scrape after which Prometheus takes a target's series for gone. */
export const SCRAPED_MAX_AGE = 300;
