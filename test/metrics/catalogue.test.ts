import { describe, expect, test } from "@jest/globals";
import { LABEL_NAME } from "../../src/grouping-key.ts";
import { catalogue, runCatalogue } from "../../src/metrics/catalogue.ts";
import type { Definition } from "../../src/metrics/definition.ts";
import { METRIC_NAME } from "../../src/metrics/exposition/family.ts";

type Expected = {
  readonly name: string;
  readonly type: Definition["type"];
  readonly labels?: Readonly<Record<string, "any" | readonly string[]>>;
  readonly buckets?: readonly number[];
};

/** Written out by hand from the contract with the dashboards and alerts that exist. */
const CONTRACT: readonly Expected[] = [
  { name: "agent_analyses_total", type: "counter" },
  {
    name: "agent_decisions_total",
    type: "counter",
    labels: { ticker: "any", action: ["BUY", "SELL", "HOLD"] },
  },
  { name: "ai_api_requests_total", type: "counter", labels: { model_name: "any" } },
  { name: "ai_api_cost_usd_total", type: "counter", labels: { model_name: "any" } },
  {
    name: "ai_api_latency_seconds",
    type: "histogram",
    labels: { model_name: "any" },
    buckets: [0.1, 0.5, 1, 2, 5, 10, 30, 60, 120, 300],
  },
  {
    name: "agent_conviction_score",
    type: "histogram",
    labels: { action: ["BUY", "SELL", "HOLD"] },
    buckets: [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1],
  },
  { name: "cache_hits_total", type: "counter", labels: { layer: ["L1_Redis", "L2_TimescaleDB"] } },
  { name: "cache_misses_total", type: "counter" },
  { name: "cache_hit_rate", type: "gauge" },
  {
    name: "feature_calculation_latency_seconds",
    type: "histogram",
    labels: { feature_name: "any" },
    buckets: [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5],
  },
  {
    name: "feature_store_query_latency_seconds",
    type: "histogram",
    buckets: [0.001, 0.002, 0.005, 0.01, 0.05, 0.1, 0.5, 1],
  },
  { name: "trades_total", type: "counter", labels: { ticker: "any", side: ["BUY", "SELL"] } },
  { name: "current_positions_count", type: "gauge" },
  { name: "portfolio_total_value", type: "gauge" },
  { name: "portfolio_cash", type: "gauge" },
  { name: "daily_pnl", type: "gauge" },
  { name: "total_return_pct", type: "gauge" },
  { name: "kill_switch_status", type: "gauge" },
  { name: "constitution_violations_total", type: "counter", labels: { rule_name: "any" } },
  {
    name: "constitution_checks_total",
    type: "counter",
    labels: { rule_name: "any", result: ["PASS", "FAIL"] },
  },
  { name: "max_drawdown_pct", type: "gauge" },
  { name: "system_uptime_seconds", type: "gauge" },
  { name: "timescale_connection_status", type: "gauge" },
  { name: "redis_connection_status", type: "gauge" },
];

const definitions: readonly Definition[] = Object.values(catalogue);
const everyDefinition: readonly Definition[] = [...definitions, ...Object.values(runCatalogue)];

test("the catalogue holds these 24 families, in this order, and no other", () => {
  expect(definitions.map(({ name }) => name)).toEqual(CONTRACT.map(({ name }) => name));
  expect(definitions).toHaveLength(24);
});

test.each(CONTRACT)("$name is the $type that dashboards expect", (expected) => {
  const { name, type, labels = {}, buckets } = expected;
  const found = definitions.find((definition) => definition.name === name);
  expect(found).toMatchObject({ name, type });
  // As entries, because the order of the labels is part of the contract.
  expect(Object.entries(found?.labels ?? {})).toEqual(Object.entries(labels));
  expect(found !== undefined && "buckets" in found ? found.buckets : undefined).toEqual(buckets);
});

test.each([
  ["agent_analyses_total", "Total number of stock analyses performed by AI agent"],
  ["ai_api_cost_usd_total", "Total cost of Claude API calls in USD"],
  ["cache_hit_rate", "Current cache hit rate (0.0 - 1.0)"],
])("%s has the help text that the reference shows", (name, help) => {
  expect(definitions.find((definition) => definition.name === name)?.help).toBe(help);
});

test("an instrument's name in code is its family's in camel case", () => {
  for (const [key, { name }] of Object.entries(catalogue)) {
    expect(key).toBe(name.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase()));
  }
});

test("no two families share a name, nor the name of a series", () => {
  const names = everyDefinition.flatMap(({ name, type }) =>
    type === "histogram" ? [name, `${name}_bucket`, `${name}_sum`, `${name}_count`] : [name],
  );
  expect(new Set(names).size).toBe(names.length);
});

describe.each(everyDefinition)("$name", (definition) => {
  const { name, type, help, labels } = definition;

  test("has names that Prometheus takes, and none that it uses itself", () => {
    expect(name).toMatch(METRIC_NAME);
    for (const label of Object.keys(labels)) {
      expect(label).toMatch(LABEL_NAME);
      expect(["le", "quantile", "job", "instance", "mode"]).not.toContain(label);
    }
  });

  test("ends in _total just when it is a counter", () => {
    expect(name.endsWith("_total")).toBe(type === "counter");
  });

  test("explains itself in one sentence", () => {
    expect(help).toMatch(/^[A-Z][^\n]*[a-zA-Z)]$/);
    expect(help).not.toMatch(/[.!?] [A-Z]/);
  });

  test("names its unit", () => {
    if (/_seconds(?:_total)?$/.test(name)) expect(help).toMatch(/\bseconds\b/);
    if (/_usd_|^portfolio_|^daily_pnl$/.test(name)) expect(help).toMatch(/\bUSD\b/);
    if (/_bytes_/.test(name)) expect(help).toMatch(/\bbytes\b/);
    if (/_pct$/.test(name)) expect(help).toMatch(/\bpercent\b/);
    if (/_(?:rate|score)$/.test(name)) expect(help).toContain("(0.0 - 1.0)");
    if (/_status$/.test(name)) expect(help).toMatch(/\(1 = .+[,;] .*0 = .+\)/);
    if (type === "counter") expect(help).toMatch(/^Total (?:number|cost|size) of /);
  });
});

test("an account's figures and its risk are what a mode must tell apart", () => {
  const marked = definitions.filter(({ area }) => area === "trading" || area === "risk");
  expect(marked.map(({ name }) => name)).toEqual([
    "trades_total",
    "current_positions_count",
    "portfolio_total_value",
    "portfolio_cash",
    "daily_pnl",
    "total_return_pct",
    "kill_switch_status",
    "constitution_violations_total",
    "constitution_checks_total",
    "max_drawdown_pct",
  ]);
});

test("how things stand survives a failed run; what a run found out does not begin with one", () => {
  const gauges = definitions.filter((definition) => definition.type === "gauge");
  expect(gauges.filter(({ kind }) => kind === "status").map(({ name }) => name)).toEqual([
    "kill_switch_status",
    "system_uptime_seconds",
    "timescale_connection_status",
    "redis_connection_status",
  ]);
});
