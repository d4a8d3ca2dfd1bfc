import type { RuleFile } from "../rule.ts";

const COST = "job:ai_api_cost_usd:increase1h";
const HITS = "job_mode:cache_hits:increase1h";
const MISSES = "job_mode:cache_misses:increase1h";
const HIT_RATE = "job_mode:cache_hits_per_lookups:ratio_increase1h";

/** What models cost, and what the feature store's cache saves. Of every mode: money is money. */
export const aiRules: RuleFile = {
  subject: "ai",
  about:
    "AI cost and the feature store's cache, in every mode: a backtest spends real money. All of it is increases of cumulative counters over an hour, which fade by themselves when a job dies: they need no guard of freshness, and no scrape that fails starts them anew.",
  rules: [
    { record: COST, expr: "sum by (job) (increase(ai_api_cost_usd_total[1h]))" },
    {
      record: HITS,
      expr: "round(sum by (job, mode) (increase(cache_hits_total[1h])))",
      comment:
        "Lookups are whole: rounding takes away what increase() extrapolates, differently for series of different age, which would put a rate of exactly 80 % now above and now below.",
    },
    { record: MISSES, expr: "round(sum by (job, mode) (increase(cache_misses_total[1h])))" },
    {
      record: HIT_RATE,
      expr: `(${HITS} or 0 * ${MISSES})
  / ((${HITS} or 0 * ${MISSES}) + (${MISSES} or 0 * ${HITS}))`,
      comment:
        "A job that only ever hits has no misses to add, and the other way round. No lookups: NaN, which is below nothing.",
    },
    {
      alert: "HighAICost",
      expr: `${COST} > 0
  and on () sum(${COST}) > 0.50`,
      for: "5m",
      severity: "warning",
      summary:
        '{{ $labels.job }} spent {{ $value | printf "%.2f" }} USD on AI in an hour; all jobs together more than 0.50 USD.',
      description:
        "Together the jobs spent more than 0.50 USD on AI within the last hour, at list price. There is one alert for each job that spent anything, with its share.",
      dashboard: "ai",
      comment:
        "increase over an hour: rate is per second, and 0.50 a second would be 1,800 USD an hour.",
    },
    {
      alert: "UnpricedAiRequests",
      expr: "sum by (job, mode, model_name) (increase(ai_api_unpriced_requests_total[1h])) > 0",
      severity: "warning",
      summary: "Requests of {{ $labels.job }} to {{ $labels.model_name }} have no price.",
      description:
        "Within the last hour there were requests whose cost is not, or not wholly, in ai_api_cost_usd_total: true cost is higher than what is shown, and HighAICost cannot see it.",
      dashboard: "ai",
    },
    {
      alert: "LowCacheHitRate",
      expr: `${HIT_RATE} < 0.8`,
      for: "10m",
      severity: "warning",
      summary:
        "Only {{ $value | humanizePercentage }} of the lookups of {{ $labels.job }} were answered by the cache.",
      description:
        "Less than 80 % of the feature store's lookups within the last hour were hits, of either layer. The rest was calculated anew: slower, and a sign that a layer is empty or out of reach.",
      dashboard: "ai",
    },
  ],
};
