import type { Board, Plan } from "./board.ts";
import { LIMITS } from "./limits.ts";
import { boardLink, runbookLink, variable } from "./links.ts";
import { dataAge, whatIsWrong } from "./now.ts";
import { BAD, BUSY, colored, GOOD, NONE, notBelow, thresholds, WARN } from "./palette.ts";
import { bars, series, stat } from "./panels.ts";

const CHOSEN = 'job=~"$job",mode=~"$mode",strategy=~"$strategy"';

/** What the day so far added to a counter. `$__range` of a panel of today is the day so far. */
function today(family: string, matchers = ""): string {
  return `increase(${family}{${CHOSEN}${matchers}}[$__range])`;
}

/** Per second, at the moments when runs were published. */
function rate(family: string, matchers = ""): string {
  return `rate(${family}{${CHOSEN}${matchers}}[$__rate_interval])`;
}

/** Wide enough for a run, which shows at one moment, to be seen in a day. */
const STEP = "5m";

/** Conviction between two bounds of its buckets; the last is what no bucket below 0.9 holds. */
const BANDS = [
  ["0 to 0.5", undefined, "0.5"],
  ["0.5 to 0.6", "0.5", "0.6"],
  ["0.6 to 0.7", "0.6", "0.7"],
  ["0.7 to 0.8", "0.7", "0.8"],
  ["0.8 to 0.9", "0.8", "0.9"],
  ["0.9 to 1", "0.9", undefined],
] as const;

/**
 * What models cost, how fast they answer, and what they decide. (Longer than 250 lines because it is a
 * list: one entry a panel.)
 */
export function aiBoard(plan: Plan): Board {
  const { links } = plan;
  const costOfTheHour = stat({
    title: "AI Cost, last hour",
    description: `Of all jobs and modes together, as HighAICost sees it: red above ${LIMITS.aiCostUsdPerHour.toFixed(2)} USD within an hour. Find the job in the chart below, and stop it or its schedule.`,
    size: [7, 4],
    unit: "currencyUSD",
    decimals: 2,
    noValue: "no calls",
    steps: [NONE, [LIMITS.aiCostUsdPerHour, BAD]],

    queries: [{ expr: "sum(job:ai_api_cost_usd:increase1h)", legend: "last hour" }],
    links: [runbookLink(links, "HighAICost")],
  });
  return {
    dashboard: "ai",
    description:
      "What models cost, how fast they answer, and what they decide. Of every mode: a backtest spends real money. Counters show when their run was published; read Data age first.",
    jobsOf: [
      "ai_api_requests_total",
      "agent_decisions_total",
      "cache_hits_total",
      "cache_misses_total",
    ],
    modes: "any",
    since: "now-24h",
    sections: [
      {
        panels: [
          [dataAge(plan, 'job=~"$job",mode=~"$mode"', [7, 4]), costOfTheHour],
          whatIsWrong(plan, [17, 8]),
        ],
      },
      {
        panels: [
          stat({
            title: "Total AI Cost",
            description:
              "Estimate at list price of this day so far, since midnight in the dashboard's time zone. If it is more than you expect, look at who spends it below, and at the hour beside it.",
            size: [5, 4],
            unit: "currencyUSD",
            decimals: 2,
            noValue: "no calls today",
            isToday: true,
            isNamed: true,
            queries: [{ expr: `sum(${today("ai_api_cost_usd_total")})`, legend: "today" }],
          }),
          stat({
            title: "Avg API Latency",
            description:
              "Mean time of the calls of this day so far. It hides the slow ones: compare with p95 beside it. If both rise, look at the provider's status.",
            size: [5, 4],
            unit: "s",
            decimals: 2,
            noValue: "no calls today",
            isToday: true,
            isNamed: true,
            queries: [
              {
                expr: `sum(${today("ai_api_latency_seconds_sum")}) / (sum(${today("ai_api_latency_seconds_count")}) > 0)`,
                legend: "today",
              },
            ],
          }),
          stat({
            title: "p95 API Latency",
            description:
              "95 of 100 calls of this day so far were faster. Estimated within the bucket that holds it. Far above the mean: some calls hang or are retried; look at which model below.",
            size: [5, 4],
            unit: "s",
            decimals: 2,
            noValue: "no calls today",
            isToday: true,
            isNamed: true,
            queries: [
              {
                expr: `histogram_quantile(0.95, sum by (le) (${today("ai_api_latency_seconds_bucket")})) >= 0`,
                legend: "today",
              },
            ],
          }),
          stat({
            title: "Cache Hit Rate",
            description: `Share of this day's lookups that the feature store's cache answered, either layer. Below ${LIMITS.cacheHitRatio * 100} %, features are calculated anew: look at Redis and TimescaleDB on System Health.`,
            size: [5, 4],
            unit: "percentunit",
            decimals: 1,
            noValue: "no lookups today",
            isToday: true,
            isNamed: true,
            steps: notBelow(LIMITS.cacheHitRatio, NONE),
            queries: [
              {
                expr: `(sum(${today("cache_hits_total")}) or 0 * sum(${today("cache_misses_total")}))
  / (sum(${today("cache_hits_total")} or ${today("cache_misses_total")}) > 0)`,
                legend: "today",
              },
            ],
            links: [runbookLink(links, "LowCacheHitRate"), boardLink("health")],
          }),
          stat({
            title: "Calls in trouble",
            description:
              "Of this day so far: share of calls that failed or were given up, and number of calls whose cost is not in the total, which makes true cost higher than shown. Failed above 5 %: look at the job's log. Unpriced: give the model a price.",
            size: [4, 4],
            unit: "none",
            decimals: 0,
            noValue: "no calls today",
            isToday: true,
            isNamed: true,
            steps: [NONE, [1, WARN]],
            queries: [
              {
                expr: `(sum(${today("ai_api_request_outcomes_total", ',outcome!="succeeded"')}) or 0 * sum(${today("ai_api_requests_total")}))
  / (sum(${today("ai_api_requests_total")}) > 0)`,
                legend: "failed",
              },
              {
                expr: `round(sum(${today("ai_api_unpriced_requests_total")}))
  or 0 * sum(${today("ai_api_requests_total")})`,
                legend: "unpriced",
              },
            ],
            overrides: [
              {
                name: "failed",
                properties: [
                  { id: "unit", value: "percentunit" },
                  { id: "decimals", value: 1 },
                  { id: "thresholds", value: thresholds([NONE, [0.05, WARN]]) },
                ],
              },
            ],
            links: [runbookLink(links, "UnpricedAiRequests")],
          }),
        ],
      },
      {
        title: "Cost",
        panels: [
          bars({
            title: "Total AI Cost by model",
            description:
              "Which model this day's money went to, at list price. A model you do not expect: somebody changed a configuration.",
            size: [8, 8],
            unit: "currencyUSD",
            decimals: 2,
            noValue: "no calls today",
            isToday: true,
            steps: [BUSY],
            queries: [
              {
                expr: `sum by (model_name) (${today("ai_api_cost_usd_total")})`,
                legend: "{{model_name}}",
              },
            ],
          }),
          series({
            title: "AI Cost within an hour, by job",
            description: `At each moment, what the hour before cost. HighAICost fires when all jobs together are in the red, above ${LIMITS.aiCostUsdPerHour.toFixed(2)} USD, for five minutes. Of all jobs and modes, as the alert.`,
            size: [16, 8],
            of: "counted",
            unit: "currencyUSD",
            decimals: 2,
            min: 0,
            softMax: LIMITS.aiCostUsdPerHour * 1.2,
            noValue: "no calls",
            steps: [NONE, [LIMITS.aiCostUsdPerHour, BAD]],
            queries: [
              { expr: "sum(job:ai_api_cost_usd:increase1h)", legend: "all jobs" },
              { expr: "job:ai_api_cost_usd:increase1h > 0", legend: "{{job}}" },
            ],
            overrides: [
              {
                name: "all jobs",
                properties: [
                  { id: "color", value: { mode: "fixed", fixedColor: "text" } },
                  { id: "custom.lineWidth", value: 4 },
                ],
              },
            ],
            links: [
              boardLink("jobs", { job: variable("__field.labels.job") }),
              runbookLink(links, "HighAICost"),
            ],
          }),
        ],
      },
      {
        title: "Calls",
        panels: [
          series({
            title: "AI Requests/min",
            description:
              "Calls a minute by model, over steps of five minutes or more. Calls of a short job show when it was published. None when there should be some: look at the job's runs.",
            size: [12, 8],
            of: "counted",
            drawn: "bars",
            isStacked: true,
            unit: "reqpm",
            min: 0,
            interval: STEP,
            noValue: "no calls",
            queries: [
              {
                expr: `60 * sum by (model_name) (${rate("ai_api_requests_total")}) > 0`,
                legend: "{{model_name}}",
              },
            ],
            links: [boardLink("jobs")],
          }),
          series({
            title: "API Latency by model: p95 and mean",
            description:
              "Of the calls that were published in each step of five minutes or more. p95 far above the mean: some calls hang or are retried. Both up for one model: look at the provider's status, or use another.",
            size: [12, 8],
            of: "counted",
            drawn: "points",
            unit: "s",
            min: 0,
            interval: STEP,
            noValue: "no calls",
            queries: [
              {
                expr: `histogram_quantile(0.95, sum by (le, model_name) (${rate("ai_api_latency_seconds_bucket")})) >= 0`,
                legend: "p95 {{model_name}}",
              },
              {
                expr: `sum by (model_name) (${rate("ai_api_latency_seconds_sum")})
  / (sum by (model_name) (${rate("ai_api_latency_seconds_count")}) > 0)`,
                legend: "mean {{model_name}}",
              },
            ],
          }),
        ],
      },
      {
        title: "Decisions",
        panels: [
          bars({
            title: "Decisions by Action",
            description:
              "What the agents decided this day so far. Only HOLD, or none at all, on a day with analyses: look at the agent's answers and at the conviction beside it.",
            size: [8, 8],
            unit: "none",
            decimals: 0,
            noValue: "no decisions today",
            isToday: true,
            steps: [BUSY],
            queries: [
              {
                expr: `round(sum by (action) (${today("agent_decisions_total")}))`,
                legend: "{{action}}",
              },
            ],
          }),
          bars({
            title: "Conviction",
            description:
              "How convinced the decisions of this day so far were: number of decisions in each band of the score. All in one band: the model no longer weighs; compare with days before.",
            size: [8, 8],
            unit: "none",
            decimals: 0,
            noValue: "no decisions today",
            isToday: true,
            steps: [BUSY],
            queries: BANDS.map(([legend, above, upTo]) => ({ expr: band(above, upTo), legend })),
          }),
          series({
            title: "Mean conviction by action",
            description:
              "Of the decisions that were published in each step of five minutes or more. BUY sinking towards the others: signals weaken; look at the features' freshness.",
            size: [8, 8],
            of: "counted",
            drawn: "points",
            unit: "none",
            decimals: 2,
            min: 0,
            max: 1,
            interval: STEP,
            noValue: "no decisions",
            queries: [
              {
                expr: `sum by (action) (${rate("agent_conviction_score_sum")})
  / (sum by (action) (${rate("agent_conviction_score_count")}) > 0)`,
                legend: "{{action}}",
              },
            ],
          }),
        ],
      },
      {
        title: "Feature store",
        panels: [
          series({
            title: "Cache Hit Rate within an hour, by job",
            description: `At each moment, the share of the hour before that the cache answered. LowCacheHitRate fires in the red, below ${LIMITS.cacheHitRatio * 100} %, for ten minutes: a layer is empty or out of reach. Look at Database Status.`,
            size: [12, 8],
            of: "counted",
            unit: "percentunit",
            max: 1,
            softMin: 0.5,
            noValue: "no lookups",
            steps: notBelow(LIMITS.cacheHitRatio, NONE),
            queries: [
              {
                expr: `job_mode:cache_hits_per_lookups:ratio_increase1h{job=~"$job",mode=~"$mode"} >= 0`,
                legend: "{{job}} {{mode}}",
              },
            ],
            links: [boardLink("health"), runbookLink(links, "LowCacheHitRate")],
          }),
          series({
            title: "Cache lookups/min by layer",
            description:
              "Who answers: Redis first, then TimescaleDB, else a calculation (miss). Redis at nothing while the others rise: it was emptied, or cannot be reached.",
            size: [12, 8],
            of: "counted",
            drawn: "bars",
            isStacked: true,
            unit: "opm",
            min: 0,
            interval: STEP,
            noValue: "no lookups",
            queries: [
              {
                expr: `60 * sum by (layer) (${rate("cache_hits_total")}) > 0`,
                legend: "{{layer}}",
              },
              { expr: `60 * sum(${rate("cache_misses_total")}) > 0`, legend: "miss" },
            ],
            overrides: [
              colored("L1_Redis", GOOD),
              colored("L2_TimescaleDB", BUSY),
              colored("miss", WARN),
            ],
          }),
        ],
      },
    ],
  };
}

function band(above: string | undefined, upTo: string | undefined): string {
  const below = (bound: string) =>
    `sum(${today("agent_conviction_score_bucket", `,le="${bound}"`)})`;
  const all = upTo === undefined ? `sum(${today("agent_conviction_score_count")})` : below(upTo);
  return `round(${all}${above === undefined ? "" : ` - ${below(above)}`})`;
}
