import { afterAll, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { ResultMapping } from "../../src/results/generic.ts";
import { readResults } from "../../src/results/read-results.ts";
import type { BacktestResults } from "../../src/results/results.ts";
import { resultFolder } from "./result-files.ts";

const folder = resultFolder();
afterAll(folder.remove);

async function read(document: unknown, mapping: ResultMapping): Promise<BacktestResults> {
  const text = typeof document === "string" ? document : JSON.stringify(document);
  const read = await readResults(folder.write("result.json", text), { mapping });
  expect(read.format).toBe("generic");
  return read.results;
}

describe("a mapping reads", () => {
  test("jesse", async () => {
    const document = {
      metrics: {
        finishing_balance: 11_000,
        starting_balance: 10_000,
        net_profit_percentage: 10,
        max_drawdown: -12.5,
        total: 8,
        win_rate: 0.625,
        sharpe_ratio: 1.5,
      },
      starting_time: 1_704_067_200_000,
      finishing_time: 1_735_689_600_000,
    };
    const mapping: ResultMapping = {
      startValue: "metrics.starting_balance",
      finalValue: "metrics.finishing_balance",
      currency: { literal: "USDT" },
      totalReturn: { path: "metrics.net_profit_percentage", unit: "percent" },
      maxDrawdown: { path: "metrics.max_drawdown", unit: "percent", sign: "negative" },
      trades: "metrics.total",
      winRate: { path: "metrics.win_rate", unit: "fraction" },
      sharpeRatio: "metrics.sharpe_ratio",
      startTime: { path: "starting_time", unit: "milliseconds" },
      endTime: { path: "finishing_time", unit: "milliseconds" },
    };
    expect(await read(document, mapping)).toEqual({
      startValue: 10_000,
      finalValue: 11_000,
      currency: "USDT",
      totalReturnPct: 10,
      maxDrawdownPct: -12.5,
      trades: 8,
      winRate: 0.625,
      sharpeRatio: 1.5,
      startTime: 1_704_067_200,
      endTime: 1_735_689_600,
    });
  });

  test("nautilus: nanoseconds, fractions, keys with spaces and dots, NaN for unknown", async () => {
    const document = `{"stats_pnls": {"USD": {"PnL% (total)": 4.5, "Win Rate": NaN}},
      "stats_returns": {"Max Drawdown": -0.0625, "Sharpe Ratio (252 days)": null},
      "backtest_start": 1704067200000000000, "runs": [{"a.b": 3}, {"a.b": 5}]}`;
    const mapping: ResultMapping = {
      totalReturn: { path: 'stats_pnls.USD["PnL% (total)"]', unit: "percent" },
      winRate: { path: 'stats_pnls.USD["Win Rate"]', unit: "fraction" },
      maxDrawdown: { path: 'stats_returns["Max Drawdown"]', unit: "fraction", sign: "negative" },
      sharpeRatio: 'stats_returns["Sharpe Ratio (252 days)"]',
      startTime: { path: "backtest_start", unit: "nanoseconds" },
      endTime: { path: "backtest_end", unit: "nanoseconds" },
      trades: 'runs[1]["a.b"]',
    };
    expect(await read(document, mapping)).toEqual({
      totalReturnPct: 4.5,
      maxDrawdownPct: -6.25,
      startTime: 1_704_067_200,
      trades: 5,
    });
  });

  test("dates as text, of any zone, and numbers as text", async () => {
    const mapping: ResultMapping = {
      trades: "n",
      startTime: { path: "from", unit: "text" },
      endTime: { path: "to", unit: "text" },
    };
    const document = { n: "12", from: "2024-01-01", to: "2024-01-01T05:30:00.5+05:30" };
    expect(await read(document, mapping)).toEqual({
      trades: 12,
      startTime: 1_704_067_200,
      endTime: 1_704_067_200.5,
    });
  });
});

const percent = fc.double({ min: -99, max: 900, noNaN: true });

const found = fc.record(
  {
    startValue: fc.double({ min: 0.01, max: 1e9, noNaN: true }),
    returned: percent,
    cash: fc.double({ min: -1e9, max: 1e9, noNaN: true }),
    openPositions: fc.nat(),
    drawdown: fc.double({ min: 0, max: 100, noNaN: true }),
    trades: fc.nat(),
    winRate: fc.double({ min: 0, max: 100, noNaN: true }),
    sharpeRatio: fc.double({ min: -50, max: 50, noNaN: true }),
    startTime: fc.integer({ min: 0, max: 2_000_000_000 }),
    lasts: fc.nat({ max: 100_000_000 }),
  },
  { requiredKeys: ["startValue", "returned", "startTime", "lasts"] },
);

const rateUnit = fc.constantFrom("percent", "fraction");
const timeUnit = fc.constantFrom("seconds", "milliseconds", "nanoseconds", "text");
const sign = fc.constantFrom("positive", "negative");

test("whatever units a file has, its figures are the same in the end", async () => {
  const rate = (value: number | undefined, unit: string) =>
    value === undefined || unit === "percent" ? value : value / 100;
  const time = (seconds: number, unit: string) => {
    if (unit === "text") return new Date(seconds * 1000).toISOString();
    return seconds * { seconds: 1, milliseconds: 1e3, nanoseconds: 1e9 }[unit as "seconds"];
  };
  await fc.assert(
    fc.asyncProperty(
      found,
      rateUnit,
      rateUnit,
      timeUnit,
      sign,
      async (given, unit, other, t, s) => {
        const { startValue, returned, startTime, lasts, drawdown, winRate, ...plain } = given;
        const finalValue = startValue * (1 + returned / 100);
        const document = {
          ...plain,
          startValue,
          finalValue,
          "total.return": rate(returned, unit),
          dd: [rate(drawdown === undefined || s === "positive" ? drawdown : -drawdown, other)],
          w: { r: rate(winRate, other) },
          from: time(startTime, t),
          to: time(startTime + lasts, t),
        };
        const results = await read(document, {
          startValue: "startValue",
          finalValue: "finalValue",
          cash: "cash",
          openPositions: "openPositions",
          trades: "trades",
          sharpeRatio: "sharpeRatio",
          totalReturn: { path: '["total.return"]', unit },
          maxDrawdown: { path: "dd[0]", unit: other, sign: s },
          winRate: { path: "w.r", unit: other },
          startTime: { path: "from", unit: t },
          endTime: { path: "to", unit: t },
        });
        const close = (value: number) => expect.closeTo(value, 6);
        expect(results).toEqual({
          // -0 is 0.
          ...Object.fromEntries(Object.entries(plain).map(([name, value]) => [name, value + 0])),
          startValue,
          finalValue,
          totalReturnPct: close(returned),
          ...(drawdown === undefined ? {} : { maxDrawdownPct: close(0 - drawdown) }),
          ...(winRate === undefined ? {} : { winRate: close(winRate / 100) }),
          startTime: close(startTime),
          endTime: close(startTime + lasts),
        });
      },
    ),
    { numRuns: 60 },
  );
});

describe("refused:", () => {
  const returned = (unit: "percent" | "fraction"): ResultMapping => ({
    startValue: "a",
    finalValue: "b",
    totalReturn: { path: "r", unit },
  });

  test.each<{ name: string; mapping: object; document: unknown; says: RegExp }>([
    {
      name: "a unit that is another one",
      mapping: returned("fraction"),
      document: { a: 100, b: 150, r: 50 },
      says: /from 100 to 150 is a return of 50 %, but it says 5000 %/,
    },
    {
      name: "a drawdown whose sign is another one",
      mapping: { maxDrawdown: { path: "d", unit: "percent", sign: "negative" } },
      document: { d: 5 },
      says: /maxDrawdown \(d\) is 5; expected 0 to -100 percent/,
    },
    {
      name: "a drawdown whose unit is another one",
      mapping: { maxDrawdown: { path: "d", unit: "fraction", sign: "positive" } },
      document: { d: 5 },
      says: /maxDrawdown \(d\) is -500; expected 0 to -100 percent/,
    },
    {
      name: "a document without any of it",
      mapping: { trades: "n", cash: "c" },
      document: { m: 1 },
      says: /none of the mapping's places is in it, e\.g\. n/,
    },
    {
      name: "an object for a number",
      mapping: { trades: "n" },
      document: { n: { of: 1 } },
      says: /trades \(n\) is an object; expected a number/,
    },
    {
      name: "an infinite figure",
      mapping: { trades: "n" },
      document: '{"n": Infinity}',
      says: /trades \(n\) is Infinity; expected a number/,
    },
    {
      name: "half a trade",
      mapping: { trades: "n" },
      document: { n: 1.5 },
      says: /the number of trades is 1\.5; expected a whole number/,
    },
    {
      name: "a day that is none",
      mapping: { trades: "n", startTime: { path: "t", unit: "text" } },
      document: { n: 1, t: "2023-02-29" },
      says: /startTime \(t\) is "2023-02-29"; expected a date/,
    },
    {
      name: "a place that is there twice",
      mapping: { trades: "n[0].a" },
      document: '{"n": [{"a": 1, "a": 2}]}',
      says: /n\.0\.a is there twice/,
    },
    {
      name: "a currency that is none",
      mapping: { trades: "n", currency: "c" },
      document: { n: 1, c: "US dollars" },
      says: /the currency is no symbol such as USD/,
    },
    {
      name: "a rate without a unit",
      mapping: { totalReturn: "r" },
      document: {},
      says: /mapping: totalReturn: expected \{ "path": \.\.\., "unit": \.\.\. \}/,
    },
    {
      name: "an unknown unit",
      mapping: { winRate: { path: "w", unit: "basis points" } },
      document: {},
      says: /mapping: winRate: unit must be one of percent, fraction/,
    },
    {
      name: "a drawdown without a sign",
      mapping: { maxDrawdown: { path: "d", unit: "percent" } },
      document: {},
      says: /mapping: maxDrawdown: sign must be negative or positive/,
    },
    {
      name: "an unknown figure",
      mapping: { sharpe: "s" },
      document: {},
      says: /mapping: unknown key "sharpe"/,
    },
    { name: "no figure", mapping: { currency: "c" }, document: {}, says: /names no figure/ },
    {
      name: "a path that is none",
      mapping: { trades: "a..b" },
      document: {},
      says: /mapping: trades: "a\.\.b" is no path/,
    },
  ])("$name", async ({ mapping, document, says }) => {
    await expect(read(document, mapping as ResultMapping)).rejects.toThrow(says);
  });
});
