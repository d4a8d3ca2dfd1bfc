import { describe, expect, test } from "@jest/globals";
import type { Context } from "aws-lambda";
import { monitored } from "../../docs/examples/agent.ts";
import { backtest } from "../../docs/examples/backtest.ts";
import { countedClient, decide } from "../../docs/examples/claude.ts";
import { monitoredStore } from "../../docs/examples/feature-store.ts";
import { handler } from "../../docs/examples/lambda.ts";
import { live } from "../../docs/examples/live.ts";
import type { Tick } from "../../docs/examples/strategy.ts";
import { createFileLedger } from "../../src/ledger/file-ledger.ts";
import { foldGroup } from "../../src/ledger/fold-round.ts";
import { snapshotFamilies } from "../../src/ledger/snapshot-families.ts";
import { withMetricSet } from "../../src/metrics/current.ts";
import { renderFamilies } from "../../src/metrics/exposition/render.ts";
import { createMetricSet } from "../../src/metrics/metric-set.ts";
import { exposedCounts } from "../metrics/exposed.ts";
import { freePort } from "../support/free-port.ts";
import { startMessagesApi } from "../support/messages-api.ts";
import { removeStateDirectories, stateDirectory } from "../support/state-directory.ts";

const TICKS: readonly Tick[] = [
  { ticker: "AAPL", price: 100, fair: 110 },
  { ticker: "AAPL", price: 105, fair: 105 },
  { ticker: "AAPL", price: 120, fair: 110 },
];

const STRATEGY_LINES = [
  'constitution_checks_total{rule_name="conviction_threshold",result="PASS"} 2',
  'constitution_checks_total{rule_name="conviction_threshold",result="FAIL"} 1',
  'constitution_violations_total{rule_name="conviction_threshold"} 1',
  'trades_total{ticker="AAPL",side="BUY"} 1',
  'trades_total{ticker="AAPL",side="SELL"} 1',
];

describe("the examples of the documentation", () => {
  test("an agent", async () => {
    const set = createMetricSet();
    const analyze = monitored({
      model: "claude-3-haiku-20240307",
      analyze: async () => ({ decision: { action: "BUY", conviction: 0.8 }, costUsd: 0.0007 }),
    });
    const decision = await withMetricSet(set, () => analyze("AAPL"));
    expect(decision).toEqual({ action: "BUY", conviction: 0.8 });
    expect(exposedCounts(set)).toEqual(
      expect.arrayContaining([
        "agent_analyses_total 1",
        'ai_api_requests_total{model_name="claude-3-haiku-20240307"} 1',
        'ai_api_cost_usd_total{model_name="claude-3-haiku-20240307"} 0.0007',
        'agent_decisions_total{ticker="AAPL",action="BUY"} 1',
      ]),
    );
  });

  test("an Anthropic client", async () => {
    const api = await startMessagesApi();
    const usage = { input_tokens: 1000, output_tokens: 100 };
    api.script({ type: "stream", content: "BUY", usage });
    const set = createMetricSet();
    const client = countedClient({ apiKey: "none", baseURL: api.url });
    const decision = await withMetricSet(set, () => decide(client, "AAPL"));
    await set.settled();
    await api.close();
    expect(decision).toBe("BUY");
    expect(exposedCounts(set)).toEqual(
      expect.arrayContaining([
        'ai_api_requests_total{model_name="claude-haiku-4-5"} 1',
        // 1000 at $1 and 100 at $5 per million.
        'ai_api_cost_usd_total{model_name="claude-haiku-4-5"} 0.0015',
        'agent_decisions_total{ticker="AAPL",action="BUY"} 1',
      ]),
    );
  });

  test("a feature store", async () => {
    const set = createMetricSet();
    const layer = (known: Readonly<Record<string, number>>) => ({
      get: async (key: string) => known[key],
    });
    const get = monitoredStore(
      { redis: layer({ A: 1 }), timescale: layer({ B: 2 }) },
      async () => 3,
    );
    const values = await withMetricSet(set, async () => [
      await get("A"),
      await get("B"),
      await get("C"),
    ]);
    expect(values).toEqual([1, 2, 3]);
    expect(exposedCounts(set)).toEqual(
      expect.arrayContaining([
        'cache_hits_total{layer="L1_Redis"} 1',
        'cache_hits_total{layer="L2_TimescaleDB"} 1',
        "cache_misses_total 1",
        "feature_store_query_latency_seconds_count 3",
      ]),
    );
  });

  test("a Lambda handler, invoked twice with one event", async () => {
    const state = stateDirectory();
    process.env["CLOSING_BELL_STATE_DIR"] = state;
    const event = { id: "evt-1", fills: [{ ticker: "AAPL", side: "BUY" as const }] };
    const context = { getRemainingTimeInMillis: () => 30_000 } as Context;
    expect(await handler(event, context)).toEqual({ counted: 1 });
    expect(await handler(event, context)).toEqual({ counted: 1 });
    delete process.env["CLOSING_BELL_STATE_DIR"];

    const ledger = createFileLedger({ directory: state });
    const [group] = await ledger.groups();
    if (group === undefined) throw new Error("nothing was recorded");
    const { snapshot } = await foldGroup(ledger, group);
    removeStateDirectories();
    expect(renderFamilies(snapshotFamilies(snapshot)).toString()).toContain(
      'trades_total{side="BUY",ticker="AAPL"} 1\n',
    );
  });

  test("one strategy in a backtest and live: each reports the same to its own place", async () => {
    const port = await freePort();
    let scraped = "";
    async function* feed() {
      yield* TICKS;
      // A run in the middle of a live process is its own.
      const { trades } = await backtest(TICKS);
      expect(trades).toBe(2);
      scraped = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    }
    await live(feed(), port);
    for (const line of STRATEGY_LINES) expect(scraped).toContain(`${line}\n`);
    expect(scraped).not.toContain("portfolio_total_value");
  });
});
