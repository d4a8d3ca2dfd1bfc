import { describe, expect, test } from "@jest/globals";
import { trackPortfolio } from "../../src/reporter/track-portfolio.ts";
import type { PortfolioReading } from "../../src/sources/portfolio/portfolio.ts";
import { lookAt, type TimedReading, trackingAfter, UTC, unix } from "./looks.ts";

const FIVE_PM = { timeZone: "America/New_York", dayStartsAt: "17:00" };

function results(readings: readonly TimedReading[], options = UTC) {
  return lookAt(readings, options).figures.map(({ dailyPnl }) => dailyPnl);
}

describe("the day's result", () => {
  test.each<{ name: string; reading: PortfolioReading; result: number | undefined }>([
    {
      name: "is the source's own",
      reading: { equity: 1100, dailyPnl: 7, lastCloseEquity: 1000, cashFlowToday: 60 },
      result: 7,
    },
    { name: "is the source's own without an equity", reading: { dailyPnl: -7 }, result: -7 },
    // 1100 - 1000 - 60
    {
      name: "is measured from the last close, less cash flows",
      reading: { equity: 1100, lastCloseEquity: 1000, cashFlowToday: 60 },
      result: 40,
    },
    // 1100 - 1000
    {
      name: "is measured from the last close where no flows are told",
      reading: { equity: 1100, lastCloseEquity: 1000 },
      result: 100,
    },
    { name: "is unknown without an equity", reading: { lastCloseEquity: 1000 }, result: undefined },
    {
      name: "is tracked when the source's is no number",
      reading: { equity: 1100, dailyPnl: Number.NaN, lastCloseEquity: Number.POSITIVE_INFINITY },
      result: 150,
    },
  ])("$name", ({ reading, result }) => {
    const before = { equity: 950, at: unix("2026-11-23T10:00Z") };
    expect(results([before, { ...reading, at: unix("2026-11-23T11:00Z") }])).toEqual([0, result]);
  });

  test("has the gap of a night in it", () => {
    const readings = [
      { equity: 1000, at: unix("2026-11-23T16:00-05:00") },
      { equity: 900, at: unix("2026-11-24T09:30-05:00") },
      { equity: 950, at: unix("2026-11-24T16:00-05:00") },
    ];
    expect(results(readings, FIVE_PM)).toEqual([0, -100, -50]);
  });

  test.each([
    { name: "24 hours before the day began counts", at: "2026-11-23T00:00Z", result: -100 },
    { name: "a second earlier does not", at: "2026-11-22T23:59:59Z", result: 0 },
  ])("an equity that was seen $name", ({ at, result }) => {
    const readings = [
      { equity: 1000, at: unix(at) },
      { equity: 900, at: unix("2026-11-24T08:00Z") },
    ];
    expect(results(readings)).toEqual([0, result]);
  });

  test("after an outage has no cash flows from before its first equity", () => {
    const readings = [
      { equity: 1000, cashFlowTotal: 1000, at: unix("2026-11-20T12:00Z") },
      { equity: 1500, cashFlowTotal: 1500, at: unix("2026-11-23T12:00Z") },
      { equity: 1650, cashFlowTotal: 1600, at: unix("2026-11-23T13:00Z") },
    ];
    // 1650 - 1500 - 100
    expect(results(readings)).toEqual([0, 0, 50]);
  });

  test("begins at 17:00 in New York on the days on which clocks change, too", () => {
    const readings = [
      "2026-10-31T16:45-04:00",
      "2026-10-31T17:00-04:00",
      "2026-11-01T16:00-05:00", // 24 hours later, still the same day
      "2026-11-01T16:45-05:00",
      "2026-11-01T17:00-05:00",
    ].map((time, look) => ({ equity: 1000 + 2 ** look, at: unix(time) }));
    // Equities 1001, 1002, 1004, 1008, 1016; bases 1001, 1001, 1001, 1001, 1008
    expect(results(readings, FIVE_PM)).toEqual([0, 1, 3, 7, 8]);
    const spring = [
      "2026-03-07T16:45-05:00",
      "2026-03-07T17:00-05:00",
      "2026-03-08T16:45-04:00",
      "2026-03-08T17:00-04:00", // 23 hours later, a new one
      "2026-03-08T17:15-04:00",
    ].map((time, look) => ({ equity: 1000 + 2 ** look, at: unix(time) }));
    // Bases 1001, 1001, 1001, 1004, 1004
    expect(results(spring, FIVE_PM)).toEqual([0, 1, 3, 4, 12]);
  });
});

describe("a clock", () => {
  const evening = [
    { equity: 1000, cashFlowToday: 500, at: unix("2026-11-23T23:59:50Z") },
    { equity: 800, cashFlowToday: 0, at: unix("2026-11-24T00:00:10Z") },
  ];

  test("that is set back on one day lets nothing be missed", () => {
    const readings = [
      { equity: 1000, at: unix("2026-11-23T12:00Z") },
      { equity: 400, at: unix("2026-11-23T11:00Z") },
      { equity: 900, at: unix("2026-11-23T11:15Z") },
    ];
    const { figures, tracking } = lookAt(readings);
    expect(figures[2]).toMatchObject({
      dailyPnl: -100,
      currentDrawdownPct: -10,
      maxDrawdownPct: -60,
    });
    expect(tracking?.at).toBe(unix("2026-11-23T12:00Z"));
  });

  test("an observation of the day before that comes late shows its value, and changes nothing", () => {
    const before = trackingAfter(evening);
    const now = unix("2026-11-23T23:59:55Z");
    const late = { equity: 990, cash: 3, cashFlowToday: 500 };
    const { after, figures } = trackPortfolio(before, late, { ...UTC, now });
    expect(after).toBe(before);
    expect(figures).toEqual({ totalValue: 990, cash: 3 });
  });

  test("an observation before the last close that comes late changes nothing, either", () => {
    const before = trackingAfter([
      { equity: 1000, lastCloseEquity: 400, cashFlowToday: 500, at: unix("2026-11-23T21:00Z") },
      { equity: 1000, lastCloseEquity: 1000, cashFlowToday: 0, at: unix("2026-11-23T21:15Z") },
    ]);
    const late = { equity: 1000, lastCloseEquity: 400, cashFlowToday: 500 };
    const now = unix("2026-11-23T21:14Z");
    expect(trackPortfolio(before, late, { ...UTC, now }).after).toBe(before);
  });

  test("that was wrong by more than a quarter of an hour does not stop tracking", () => {
    const wrong = [
      { equity: 1000, cashFlowToday: 500, at: unix("2027-11-23T12:00Z") },
      { equity: 700, cashFlowToday: 600, at: unix("2026-11-23T12:00Z") },
    ];
    const { figures, tracking } = lookAt(wrong);
    // 100 of today's 600 are new: 700 / (1000 + 100)
    expect(figures[1]).toMatchObject({ dailyPnl: 0, currentDrawdownPct: -36.36363636 });
    expect(tracking).toMatchObject({ at: unix("2026-11-23T12:00Z"), day: "2026-11-23" });
  });
});

describe("what is told", () => {
  const at = unix("2026-11-23T12:00Z");

  test("has no noise of binary fractions", () => {
    const readings = [
      { equity: 100, cash: 0.1 + 0.2, positions: 3, at },
      { equity: 100.1, cash: 1e9 + 0.1, positions: 3, at: at + 900 },
    ];
    expect(lookAt(readings, { ...UTC, startCapital: 100 }).figures).toEqual([
      {
        ...{ totalValue: 100, cash: 0.3, positions: 3, dailyPnl: 0 },
        ...{ totalReturnPct: 0, currentDrawdownPct: 0, maxDrawdownPct: 0 },
      },
      {
        ...{ totalValue: 100.1, cash: 1_000_000_000.1, positions: 3, dailyPnl: 0.1 },
        ...{ totalReturnPct: 0.1, currentDrawdownPct: 0, maxDrawdownPct: 0 },
      },
    ]);
  });

  test.each([
    [1_000_000.1, 999_999.9, 0.2],
    [123_456_789.12, 123_456_788.01, 1.11],
    [0.00012345, 0.00012344, 1e-8],
    [9_007_199_254_740_990, 1, 9_007_199_254_740_989],
  ])("%p less %p is %p", (equity, lastCloseEquity, dailyPnl) => {
    expect(lookAt([{ equity, lastCloseEquity, at }]).figures[0]?.dailyPnl).toBe(dailyPnl);
  });

  test("is 0 where only noise is below it", () => {
    // 0.7 + 0.1 = 0.7999999999999999
    const readings = [
      { equity: 0.8, cashFlowTotal: 0, at },
      { equity: 0.7, cashFlowTotal: -0.1, at: at + 900 },
    ];
    const { figures, tracking } = lookAt(readings);
    expect(tracking?.unit).toBeLessThan(1);
    expect(figures[1]).toEqual({
      ...{ totalValue: 0.7, dailyPnl: 0, currentDrawdownPct: 0, maxDrawdownPct: 0 },
    });
  });

  test("is not spoilt by amounts that are none", () => {
    const readings = [
      { equity: 1000, cashFlowTotal: -1.5e308, at },
      { equity: 1000, cashFlowTotal: 1.5e308, at: at + 900 },
    ];
    expect(lookAt(readings).figures[1]).toMatchObject({ dailyPnl: 0, currentDrawdownPct: 0 });
  });

  test("is no more than the reading says, where it is of no number", () => {
    const nan = Number.NaN;
    const reading = { equity: nan, cash: nan, positions: nan, cashFlowTotal: nan };
    expect(lookAt([{ ...reading, at }])).toEqual({ figures: [{}], tracking: undefined });
    const before = trackingAfter([{ equity: 5, at }]);
    const { after, figures } = trackPortfolio(before, reading, { ...UTC, now: at + 900 });
    expect(after).toBe(before);
    expect(figures).toEqual({});
  });
});
