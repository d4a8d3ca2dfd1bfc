import { describe, expect, test } from "@jest/globals";
import { resetHighWaterMark, trackPortfolio } from "../../src/reporter/track-portfolio.ts";
import type { PortfolioReading } from "../../src/sources/portfolio/portfolio.ts";
import { printTable } from "../support/print-table.ts";
import {
  CAPITAL,
  lastOf,
  lookAt,
  MORNING,
  quarterly,
  restarted,
  trackingAfter,
  UTC,
} from "./looks.ts";
import { expectedOf, HAND_LOOKS, readingOf, TWO_DAYS } from "./two-days.ts";

test("two trading days, calculated by hand, with a restart before every look", () => {
  const { figures } = lookAt(HAND_LOOKS.map(readingOf), TWO_DAYS, () => true);
  printTable(
    "Portfolio tracking: paid in 10000, trading days from 17:00 New York",
    ["look", "what", "equity", "unit", "day's result", "return %", "drawdown %", "lowest %"],
    HAND_LOOKS.map(({ at, what, unit, equity }, look) => {
      const { dailyPnl, totalReturnPct, currentDrawdownPct, maxDrawdownPct } = figures[look] ?? {};
      const told = [dailyPnl, totalReturnPct, currentDrawdownPct, maxDrawdownPct];
      return [at, what, String(equity ?? ""), unit, ...told.map((each) => String(each ?? ""))];
    }),
  );
  expect(figures).toEqual(HAND_LOOKS.map(expectedOf));
});

describe("the beginning", () => {
  test("without a start capital is 1, and the return is unknown", () => {
    expect(lookAt(quarterly({ equity: 900 })).figures).toEqual([
      { totalValue: 900, dailyPnl: 0, currentDrawdownPct: 0, maxDrawdownPct: 0 },
    ]);
  });

  test("above the start capital is a peak", () => {
    const { figures } = lookAt(quarterly({ equity: 1200 }, { equity: 900 }), CAPITAL);
    // 900 / 1200 - 1 = -25 %, 900 / 1000 - 1 = -10 %
    expect(figures[1]).toMatchObject({ currentDrawdownPct: -25, totalReturnPct: -10 });
  });

  test("waits for an equity, and for one that is positive", () => {
    const readings = quarterly({ cash: 5 }, { equity: 0 }, { equity: 1100 }, { equity: 1210 });
    expect(lookAt(readings, CAPITAL).figures).toEqual([
      { cash: 5 },
      { totalValue: 0, dailyPnl: 0 },
      {
        totalValue: 1100,
        dailyPnl: 1100,
        totalReturnPct: 10,
        currentDrawdownPct: 0,
        maxDrawdownPct: 0,
      },
      {
        totalValue: 1210,
        dailyPnl: 1210,
        totalReturnPct: 21,
        currentDrawdownPct: 0,
        maxDrawdownPct: 0,
      },
    ]);
  });

  test.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY])(
    "a start capital of %p is none",
    (startCapital) => {
      const figures = lastOf(quarterly({ equity: 900 }), { ...UTC, startCapital });
      expect(figures).toEqual(lastOf(quarterly({ equity: 900 })));
    },
  );

  test("comes again with another start capital, in the middle of a day's result", () => {
    const before = trackingAfter(quarterly({ equity: 1000 }, { equity: 800 }), CAPITAL);
    const options = { ...UTC, startCapital: 500, now: MORNING + 1800 };
    expect(trackPortfolio(before, { equity: 750 }, options).figures).toEqual({
      totalValue: 750,
      dailyPnl: -250,
      totalReturnPct: 50,
      currentDrawdownPct: 0,
      maxDrawdownPct: 0,
    });
  });

  test("does not come again when the start capital is configured no more, and then once more", () => {
    const before = trackingAfter(quarterly({ equity: 1000 }, { equity: 800 }), CAPITAL);
    const without = trackPortfolio(before, { equity: 850 }, { ...UTC, now: MORNING + 1800 });
    expect(without.figures).toEqual({
      totalValue: 850,
      dailyPnl: -150,
      currentDrawdownPct: -15,
      maxDrawdownPct: -20,
    });
    const again = trackPortfolio(
      without.after,
      { equity: 900 },
      { ...CAPITAL, now: MORNING + 2700 },
    );
    expect(again.figures).toMatchObject({ totalReturnPct: -10, maxDrawdownPct: -20 });
  });

  test("comes again with another currency, but not when it is left out", () => {
    const usd = quarterly({ equity: 1000, currency: "USD" }, { equity: 900 });
    expect(lastOf(usd)).toMatchObject({ dailyPnl: -100, currentDrawdownPct: -10 });
    const krw = [...usd, { equity: 1_300_000, currency: "KRW", at: MORNING + 2700 }];
    expect(lastOf(krw)).toMatchObject({ dailyPnl: 0, currentDrawdownPct: 0, maxDrawdownPct: 0 });
    expect(lookAt(krw).tracking).toMatchObject({ unit: 1, currency: "KRW", dayBase: 1_300_000 });
  });
});

describe("when nothing is left", () => {
  test.each<{ name: string; readings: readonly PortfolioReading[] }>([
    { name: "all was lost", readings: [{ equity: 1000 }, { equity: 0 }] },
    { name: "the account owes", readings: [{ equity: 1000 }, { equity: -1 }] },
    {
      name: "the account owes after a withdrawal",
      readings: [
        { equity: 1000, cashFlowTotal: 0 },
        { equity: -1, cashFlowTotal: -1001 },
      ],
    },
    {
      name: "something came from nowhere",
      readings: [{ equity: 1000 }, { equity: 0 }, { equity: 9 }],
    },
  ])("drawdown and return are unknown: $name", ({ readings }) => {
    const figures = lastOf(quarterly(...readings), CAPITAL);
    expect(Object.keys(figures).sort()).toEqual(["dailyPnl", "totalValue"]);
    const recovered = { ...readings.at(-1), equity: 5000 };
    const later = lastOf(quarterly(...readings, recovered, recovered), CAPITAL);
    expect(Object.keys(later).sort()).toEqual(["dailyPnl", "totalValue"]);
  });

  test("another start capital begins anew", () => {
    const lost = trackingAfter(quarterly({ equity: 1000 }, { equity: 0 }), CAPITAL);
    const options = { ...UTC, startCapital: 2000, now: MORNING + 1800 };
    expect(trackPortfolio(lost, { equity: 1900 }, options).figures).toMatchObject({
      totalReturnPct: -5,
      currentDrawdownPct: -5,
      maxDrawdownPct: -5,
    });
  });

  test("a reset begins anew with the next positive equity", () => {
    const lost = trackingAfter(quarterly({ equity: 1000 }, { equity: 0 }));
    let tracking = restarted(resetHighWaterMark(lost));
    const figures = [-5, 400, 300].map((equity, look) => {
      const options = { ...UTC, now: MORNING + 1800 + look * 900 };
      const tracked = trackPortfolio(tracking, { equity }, options);
      tracking = tracked.after;
      return tracked.figures.maxDrawdownPct;
    });
    expect(figures).toEqual([undefined, 0, -25]);
  });
});

describe("resetHighWaterMark", () => {
  test("forgets drawdowns, and nothing else", () => {
    const before = trackingAfter(
      quarterly({ equity: 1000 }, { equity: 500 }, { equity: 600 }),
      CAPITAL,
    );
    const reset = resetHighWaterMark(before);
    expect(reset).toEqual({ ...before, peak: before.unit, maxDrawdown: 0 });
    const { figures } = trackPortfolio(reset, { equity: 540 }, { ...CAPITAL, now: MORNING + 2700 });
    // 540 / 600 - 1 = -10 %; 540 / 1000 - 1 = -46 %; 540 - 1000
    expect(figures).toEqual({
      totalValue: 540,
      dailyPnl: -460,
      totalReturnPct: -46,
      currentDrawdownPct: -10,
      maxDrawdownPct: -10,
    });
  });
});
