import { fires, never, quiet, type RuleTestFile, series } from "../rule-test.ts";

const ANALYSIS = { job: "analysis", mode: "paper" };
const LIVE = { job: "ai-trading-system", instance: "localhost:8001", mode: "live" };

const cost = (job: string, model = "claude-haiku-4-5") =>
  series("ai_api_cost_usd_total", { job, mode: "paper", model_name: model });
const hits = (labels: Readonly<Record<string, string>>, layer = "L1_Redis") =>
  series("cache_hits_total", { ...labels, layer });
const misses = (labels: Readonly<Record<string, string>>) => series("cache_misses_total", labels);

const expensive = (job: string) => ({ labels: { job, severity: "warning" } });

export const aiTests: RuleTestFile = {
  name: "ai",
  about:
    "AI cost, and the cache's hit rate: of totals that grow when a run ends, and of a system that is scraped.",
  rules: ["ai"],
  evaluationInterval: "1m",
  tests: [
    {
      name: "HighAICost fires above 0.50 USD an hour after 5 minutes, and ends an hour after the money",
      series: { [cost("analysis")]: "0+0.015625x64 1x80" },
      expect: [
        ...quiet("HighAICost", "32m", "37m"),
        fires("HighAICost", "38m", expensive("analysis")),
        fires("HighAICost", "1h4m", {
          labels: { job: "analysis", severity: "warning" },
          summary:
            "analysis spent 0.94 USD on AI in an hour; all jobs together more than 0.50 USD.",
        }),
        ...quiet("HighAICost", "1h40m", "2h20m"),
      ],
    },
    {
      name: "HighAICost is silent just below: 0.498 USD an hour",
      series: { [cost("analysis")]: "0+0.0083x120" },
      expect: [never("HighAICost", "2h")],
    },
    {
      name: "HighAICost counts all jobs and models together, and names every job that spent",
      series: {
        [cost("analysis")]: "0x9 0.2x60",
        [cost("analysis", "claude-sonnet-4-5")]: "0x9 0.11x60",
        [cost("backtest")]: "0x9 0.21x60",
        [cost("idle")]: "7x69",
      },
      expect: [
        ...quiet("HighAICost", "14m"),
        fires("HighAICost", "15m", expensive("analysis"), expensive("backtest")),
      ],
    },
    {
      name: "HighAICost survives a scrape that fails while it waits",
      series: { [cost("analysis")]: "0x9 0.6x2 stale 0.6x20" },
      expect: [...quiet("HighAICost", "14m"), fires("HighAICost", "15m", expensive("analysis"))],
    },
    {
      name: "UnpricedAiRequests fires at the first, and ends an hour later",
      series: {
        [series("ai_api_unpriced_requests_total", { ...ANALYSIS, model_name: "claude-next" })]:
          "0x9 2x3 stale 2x100",
        [series("ai_api_unpriced_requests_total", { ...ANALYSIS, model_name: "claude-known" })]:
          "3x120",
      },
      expect: [
        ...quiet("UnpricedAiRequests", "9m"),
        fires("UnpricedAiRequests", "10m", {
          labels: { ...ANALYSIS, model_name: "claude-next", severity: "warning" },
          summary: "Requests of analysis to claude-next have no price.",
        }),
        fires("UnpricedAiRequests", "14m", {
          labels: { ...ANALYSIS, model_name: "claude-next", severity: "warning" },
        }),
        ...quiet("UnpricedAiRequests", "1h15m"),
      ],
    },
    {
      name: "LowCacheHitRate fires below 80 % after 10 minutes, and ends with the traffic",
      series: {
        [hits(ANALYSIS)]: "0x9 2x120",
        [hits(ANALYSIS, "L2_TimescaleDB")]: "0x9 1x120",
        [misses(ANALYSIS)]: "0x9 1x120",
      },
      expect: [
        ...quiet("LowCacheHitRate", "9m", "19m"),
        fires("LowCacheHitRate", "20m", {
          labels: { ...ANALYSIS, severity: "warning" },
          summary: "Only 75% of the lookups of analysis were answered by the cache.",
        }),
        ...quiet("LowCacheHitRate", "1h15m", "2h"),
      ],
    },
    {
      name: "LowCacheHitRate is silent at exactly 80 %, whatever the totals were before",
      series: {
        [hits(ANALYSIS)]: "0x9 3x120",
        [hits(ANALYSIS, "L2_TimescaleDB")]: "0x9 1x120",
        [misses(ANALYSIS)]: "0x9 1x120",
        // increase() extrapolates an old total beyond its first sample, and a new one not.
        [hits({ job: "old-hits", mode: "paper" })]: "900x9 904x120",
        [misses({ job: "old-hits", mode: "paper" })]: "0x9 1x120",
        [hits({ job: "old-misses", mode: "paper" })]: "0x9 4x120",
        [misses({ job: "old-misses", mode: "paper" })]: "900x9 901x120",
        [hits(LIVE)]: "0+16x129",
        [misses(LIVE)]: "0+4x129",
      },
      expect: [never("LowCacheHitRate", "2h")],
    },
    {
      name: "LowCacheHitRate sees a system that is scraped, through a scrape that fails",
      series: {
        [hits(LIVE)]: "0+79x4 stale 474+79x30",
        [misses(LIVE)]: "0+21x4 stale 126+21x30",
      },
      expect: [
        ...quiet("LowCacheHitRate", "9m"),
        fires("LowCacheHitRate", "12m", {
          labels: { job: "ai-trading-system", mode: "live", severity: "warning" },
          summary: "Only 79% of the lookups of ai-trading-system were answered by the cache.",
        }),
      ],
    },
    {
      name: "LowCacheHitRate needs traffic, and knows one without any hit, and one without any miss",
      series: {
        [hits({ job: "idle", mode: "live" })]: "1x60",
        [misses({ job: "idle", mode: "live" })]: "9x60",
        [hits({ job: "all", mode: "live" })]: "0+5x60",
        [misses({ job: "none", mode: "live" })]: "0+5x60",
      },
      expect: [
        fires("LowCacheHitRate", "30m", {
          labels: { job: "none", mode: "live", severity: "warning" },
          summary: "Only 0% of the lookups of none were answered by the cache.",
        }),
      ],
    },
  ],
};
