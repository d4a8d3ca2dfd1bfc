import { describe, expect, test } from "@jest/globals";
import { CAPITAL, lastOf, lookAt, MORNING, quarterly, trackingAfter, unix } from "./looks.ts";

describe("cash flows", () => {
  test("of today are taken as they change, and anew on a new day", () => {
    const { figures, tracking } = lookAt([
      { equity: 1000, cashFlowToday: 200, at: unix("2026-11-23T22:00Z") },
      { equity: 1500, cashFlowToday: 700, at: unix("2026-11-23T23:00Z") },
      { equity: 1800, cashFlowToday: 300, at: unix("2026-11-24T00:00Z") },
      { equity: 1610, cashFlowToday: 100, at: unix("2026-11-24T01:00Z") },
    ]);
    // 1610 + 200 paid out, of 1800: 10 / 1800 above
    expect(tracking?.unit).toBeCloseTo(1810 / 1800, 12);
    // 1610 - 1500 - 100 = 10
    expect(figures.map(({ dailyPnl }) => dailyPnl)).toEqual([0, 0, 0, 10]);
  });

  test("of today count once over a weekend, and anew after the next close", () => {
    const looks = [
      { equity: 1000, cashFlowToday: 0, lastCloseEquity: 990, time: "2026-11-20T15:00Z" },
      { equity: 1500, cashFlowToday: 500, lastCloseEquity: 990, time: "2026-11-20T20:00Z" },
      { equity: 1500, cashFlowToday: 500, lastCloseEquity: 990, time: "2026-11-21T20:00Z" },
      { equity: 1500, cashFlowToday: 500, lastCloseEquity: 990, time: "2026-11-22T20:00Z" },
      // The source's day begins, whatever the clock says
      { equity: 1500, cashFlowToday: 0, lastCloseEquity: 1500, time: "2026-11-22T21:00Z" },
      { equity: 2200, cashFlowToday: 700, lastCloseEquity: 1500, time: "2026-11-23T15:00Z" },
    ].map(({ time, ...reading }) => ({ ...reading, at: unix(time) }));
    for (const [look] of looks.entries()) {
      expect(trackingAfter(looks.slice(0, look + 1))).toMatchObject({ unit: 1, maxDrawdown: 0 });
    }
  });

  test("that a source told in another way are neither lost nor taken twice", () => {
    const { tracking } = lookAt(
      quarterly(
        { equity: 1000, cashFlowTotal: 1000, cashFlowToday: 0 },
        { equity: 1300, cashFlowToday: 300 },
        { equity: 1300, cashFlowTotal: 1300 },
        { equity: 1400, cashFlowToday: 400 },
      ),
    );
    expect(tracking).toMatchObject({ unit: 1, cashFlowTotal: 1400, dayFlow: 400 });
  });

  test.each(["cashFlowToday", "cashFlowTotal"] as const)(
    "that were told as %s and are not now: what changed cannot be told to be a profit",
    (flows) => {
      const readings = quarterly(
        { equity: 1000, [flows]: 50 },
        { equity: 1900, [flows]: 1050 },
        { equity: 6900 },
        { equity: 6900, [flows]: 6050 },
      );
      const { figures, tracking } = lookAt(readings);
      // 1900 / (1000 + 1000) = 0.95, and 5000 paid in
      expect(figures.map((each) => each.currentDrawdownPct)).toEqual([0, -5, undefined, -5]);
      expect(figures[2]).toEqual({ totalValue: 6900 });
      expect(tracking).toMatchObject({ peak: 1, unit: 0.95, dayFlow: 6000 });
    },
  );

  test.each(["cashFlowToday", "cashFlowTotal"] as const)(
    "that were told as %s on another day only are taken for none",
    (flows) => {
      const readings = [
        { equity: 1000, [flows]: 50, at: MORNING - 86_400 },
        { equity: 1100, at: MORNING },
        { equity: 1210, at: MORNING + 900 },
      ];
      expect(trackingAfter(readings).unit).toBeCloseTo(1.21, 12);
    },
  );

  test("of today that are known for the first time say nothing of what came since the last look", () => {
    const readings = quarterly({ equity: 1000 }, { equity: 1000, cashFlowToday: 500 });
    expect(trackingAfter(readings)).toMatchObject({ unit: 1, dayFlow: 0, cashFlowToday: 500 });
  });

  test("that nobody tells of look like a profit", () => {
    expect(lastOf(quarterly({ equity: 1000 }, { equity: 1500 }), CAPITAL).totalReturnPct).toBe(50);
  });

  test("much larger than the account do not make a small loss look like ruin", () => {
    const readings = quarterly(
      { equity: 1, cashFlowTotal: 1 },
      { equity: 99_996, cashFlowTotal: 100_001 },
    );
    // 99996 / (1 + 100000): 5 of 100001 lost, not 5 of 1
    expect(lastOf(readings).currentDrawdownPct).toBe(-0.00499995);
  });

  test("that take all and bring it again are no loss", () => {
    const readings = quarterly(
      { equity: 1000, cashFlowTotal: 0.1 },
      { equity: 900, cashFlowTotal: 0.1 },
      { equity: 0, cashFlowTotal: -899.9 },
      { equity: 0, cashFlowTotal: -899.9000000000001 },
      { equity: 500, cashFlowTotal: -399.9 },
      { equity: 550, cashFlowTotal: -399.9 },
    );
    const drawdowns = lookAt(readings).figures.map((each) => each.currentDrawdownPct);
    // 0.9, kept while there is nothing, then 0.9 x 1.1 = 0.99
    expect(drawdowns).toEqual([0, -10, -10, -10, -10, -1]);
  });
});
