import { describe, expect, test } from "@jest/globals";
import type { Question } from "../../../src/jobs/analysis/agent.ts";
import type { AnalysisOptions } from "../../../src/jobs/analysis/options.ts";
import { runAnalysis } from "../../../src/jobs/analysis/run-analysis.ts";
import { withMetricSet } from "../../../src/metrics/current.ts";
import { createMetricSet } from "../../../src/metrics/metric-set.ts";
import { exposedCounts } from "../../metrics/exposed.ts";
import { createGate } from "../../support/messages-api.ts";
import { agentOf, RISING } from "./analysis-runs.ts";

const HOLD = { action: "HOLD", conviction: 0.5, reason: "Told so." } as const;

const TICKERS = Array.from({ length: 12 }, (_, index) => `T${index}`);

function analyse(options: Partial<AnalysisOptions>) {
  const set = createMetricSet();
  const result = withMetricSet(set, () =>
    runAnalysis({
      tickers: TICKERS,
      prices: async () => RISING,
      agent: agentOf(() => HOLD),
      ...options,
    }),
  );
  return { set, result };
}

function agentLines(set: ReturnType<typeof createMetricSet>) {
  return exposedCounts(set).filter((line) => /^agent_(?:analyses|decisions)/.test(line));
}

describe("tickers", () => {
  test.each([1, 3, 12, 100])("are asked about so many at a time: %d", async (atOnce) => {
    let open = 0;
    let most = 0;
    const waiting: (() => void)[] = [];
    const agent = agentOf(async () => {
      most = Math.max(most, ++open);
      await new Promise<void>((resolve) => {
        waiting.push(resolve);
        // All that are let in have come before the first one goes.
        if (waiting.length === Math.min(atOnce, 12) || open === 12) release();
      });
      open--;
      return HOLD;
    });
    function release() {
      for (const go of waiting.splice(0)) go();
    }
    // The last ones may be fewer than are let in.
    const { result } = analyse({ agent, atOnce, tickers: TICKERS });
    const { analyses } = await result;
    expect(analyses.map(({ ticker }) => ticker)).toEqual(TICKERS);
    expect(most).toBe(Math.min(atOnce, 12));
  });

  test("that fail leave the others alone: no prices, no features, no decision, no time", async () => {
    const { set, result } = analyse({
      tickers: ["GOOD", "NO_PRICES", "NEW", "BROKEN", "SLOW", "ALSO_GOOD"],
      prices: async (ticker) => {
        if (ticker === "NO_PRICES") throw new Error("not found");
        return ticker === "NEW" ? RISING.slice(-20) : RISING;
      },
      agent: agentOf(({ ticker }) => {
        if (ticker === "BROKEN") throw new Error("out of order");
        return ticker === "SLOW" ? new Promise(() => {}) : HOLD;
      }),
      tickerTimeoutMs: 50,
    });
    const { analyses, failures } = await result;
    expect(analyses.map(({ ticker }) => ticker)).toEqual(["GOOD", "ALSO_GOOD"]);
    expect(failures).toEqual([
      { ticker: "NO_PRICES", reason: "not found" },
      { ticker: "NEW", reason: "there are 20 days of prices, and features need 65" },
      { ticker: "BROKEN", reason: "out of order" },
      { ticker: "SLOW", reason: "no decision within 50 ms" },
    ]);
    expect(agentLines(set)).toEqual([
      "agent_analyses_total 4",
      'agent_decisions_total{ticker="GOOD",action="HOLD"} 1',
      'agent_decisions_total{ticker="ALSO_GOOD",action="HOLD"} 1',
    ]);
    expect(set.refusals()).toEqual([]);
  });

  test("are counted in their order, whoever is answered first", async () => {
    const last = createGate();
    const { set, result } = analyse({
      tickers: ["A", "B", "C"],
      agent: agentOf(async ({ ticker }) => {
        if (ticker === "A") await last.opened;
        if (ticker === "C") last.open();
        return HOLD;
      }),
    });
    await result;
    expect(agentLines(set).slice(1)).toEqual(
      ["A", "B", "C"].map((ticker) => `agent_decisions_total{ticker="${ticker}",action="HOLD"} 1`),
    );
  });
});

describe("a question", () => {
  test("says what is known of the stock, and what is held of it", async () => {
    const questions: Question[] = [];
    const agent = agentOf((question) => {
      questions.push(question);
      return HOLD;
    });
    await analyse({
      tickers: ["A", "B", "constructor"],
      agent,
      atOnce: 1,
      day: "2020-03-09",
      portfolio: { cash: 1, positions: { B: 7 } },
    }).result;
    const yesterday = RISING.at(-2);
    expect(questions.map(({ positionUsd }) => positionUsd)).toEqual([0, 7, 0]);
    expect(questions[0]).toMatchObject({ ticker: "A", day: "2020-03-09", close: yesterday?.close });
    expect(questions[0]?.recent.map(({ day }) => day)).toEqual(
      ["05", "06", "07", "08", "09"].map((day) => `2020-03-${day}`),
    );
  });

  test("says nothing of what is held when that is not known", async () => {
    const questions: Question[] = [];
    const agent = agentOf((question) => {
      questions.push(question);
      return HOLD;
    });
    await analyse({ tickers: ["A"], agent }).result;
    expect(questions[0]).not.toHaveProperty("positionUsd");
  });
});

describe("an abort", () => {
  const reason = new Error("SIGTERM");

  test("before the start ends it, and nothing is asked", async () => {
    let asked = 0;
    const { set, result } = analyse({
      signal: AbortSignal.abort(reason),
      prices: async () => {
        asked++;
        return RISING;
      },
    });
    await expect(result).rejects.toBe(reason);
    expect(asked).toBe(0);
    expect(exposedCounts(set)).toEqual([]);
  });

  test("ends it at once, although neither prices nor agents heed it", async () => {
    const abort = new AbortController();
    const asked: string[] = [];
    const { set, result } = analyse({
      signal: abort.signal,
      atOnce: 3,
      agent: agentOf(({ ticker }) => {
        asked.push(ticker);
        if (ticker === "T0") return HOLD;
        if (asked.length === 4) abort.abort(reason);
        return new Promise(() => {});
      }),
    });
    await expect(result).rejects.toBe(reason);
    expect(asked).toEqual(["T0", "T1", "T2", "T3"]);
    expect(agentLines(set)).toEqual([
      "agent_analyses_total 4",
      'agent_decisions_total{ticker="T0",action="HOLD"} 1',
    ]);
  });

  test("is told to the agent, and so is the end of a ticker's time", async () => {
    const abort = new AbortController();
    const told: unknown[] = [];
    const started = createGate();
    const agent = agentOf((_, signal) => {
      signal.addEventListener("abort", () => told.push(signal.reason));
      started.open();
      return new Promise(() => {});
    });
    const { result } = analyse({ tickers: ["A"], agent, signal: abort.signal });
    await started.opened;
    abort.abort(reason);
    await expect(result).rejects.toBe(reason);
    expect(told).toEqual([reason]);

    const late = analyse({ tickers: ["A"], agent, tickerTimeoutMs: 20 });
    await expect(late.result).rejects.toThrow(
      "analysis: the only ticker failed: A: no decision within 20 ms",
    );
    expect(told[1]).toMatchObject({ name: "TimeoutError" });
  });

  test("after prices came too late: they are not analysed", async () => {
    const abort = new AbortController();
    const prices = createGate();
    const { set, result } = analyse({
      tickers: ["A"],
      signal: abort.signal,
      prices: async () => {
        await prices.opened;
        return RISING;
      },
    });
    abort.abort(reason);
    await expect(result).rejects.toBe(reason);
    prices.open();
    await new Promise((resolve) => setImmediate(resolve));
    expect(agentLines(set)).toEqual([]);
  });
});
