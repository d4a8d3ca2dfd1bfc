import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { resetHighWaterMark } from "../../src/reporter/track-portfolio.ts";
import type { PortfolioFigures } from "../../src/reporter/tracking.ts";
import { readTracking, saveTracking, trackingName } from "../../src/reporter/tracking-state.ts";
import type { PortfolioReading } from "../../src/sources/portfolio/portfolio.ts";
import { createMemoryLedger } from "../support/memory-ledger.ts";
import { lookAt, type TimedReading, trackingAfter, unix } from "./looks.ts";

const RUNS = { numRuns: 100 };
const NEW_YORK = { timeZone: "America/New_York", dayStartsAt: "17:00", startCapital: 1000 };

/** The day before clocks go back. */
const START = unix("2026-10-31T12:00Z");

/** What happens between two looks. */
type Step = {
  /** The market multiplies the account by this. */
  readonly market: number;
  /** Then this is paid in, or out, as a fraction of what is there. */
  readonly flow: number;
  readonly seconds: number;
};

const market = fc.double({ min: 0.5, max: 1.6, noNaN: true });
const flow = fc.oneof(fc.constant(0), fc.double({ min: -0.9, max: 5, noNaN: true }));
const seconds = fc.oneof(fc.constant(900), fc.nat(200_000));

function steps(changes: { readonly [Name in keyof Step]?: fc.Arbitrary<number> } = {}) {
  return fc.array(fc.record({ market, flow, seconds, ...changes }), { maxLength: 40 });
}

/** An account of 1000 that goes through these steps. */
function account(path: readonly Step[], scale = 1): readonly TimedReading[] {
  let [equity, total, at] = [1000 * scale, 1000 * scale, START];
  const readings: TimedReading[] = [{ equity, cashFlowTotal: total, at }];
  for (const step of path) {
    const paid = equity * step.market * step.flow;
    [equity, total, at] = [equity * step.market + paid, total + paid, at + step.seconds];
    readings.push({ equity, cashFlowTotal: total, at });
  }
  return readings;
}

const PERCENTAGES = ["totalReturnPct", "currentDrawdownPct", "maxDrawdownPct"] as const;

function percentages(figures: PortfolioFigures): readonly number[] {
  return PERCENTAGES.map((name) => figures[name] ?? Number.NaN);
}

test("deposits and withdrawals alone never change the unit, nor the day's result", () => {
  fc.assert(
    fc.property(steps({ market: fc.constant(1) }), (path) => {
      const { figures, tracking } = lookAt(account(path), NEW_YORK);
      expect(tracking?.unit).toBeCloseTo(1, 9);
      for (const each of figures) {
        expect(percentages(each).map((value) => Math.round(value * 1e6) + 0)).toEqual([0, 0, 0]);
        expect(Math.abs(each.dailyPnl ?? Number.NaN)).toBeLessThan(
          1e-9 * (each.totalValue ?? 0) + 1e-6,
        );
      }
    }),
    RUNS,
  );
});

test("the total return of market moves alone is final / start - 1", () => {
  fc.assert(
    fc.property(steps({ flow: fc.constant(0) }), (path) => {
      const readings = account(path);
      const final = readings.at(-1)?.equity ?? 0;
      const told = lookAt(readings, NEW_YORK).figures.at(-1)?.totalReturnPct ?? Number.NaN;
      expect(Math.abs(told / 100 - (final / 1000 - 1))).toBeLessThan(
        1e-9 * Math.max(1, final / 1000),
      );
    }),
    RUNS,
  );
});

test("withdrawals at the end of what the market did leave the product of its moves", () => {
  fc.assert(
    fc.property(steps({ flow: fc.double({ min: -0.9, max: 0, noNaN: true }) }), (path) => {
      const product = path.reduce((unit, step) => unit * step.market, 1);
      const { unit } = trackingAfter(account(path), NEW_YORK);
      expect(Math.abs(unit / product - 1)).toBeLessThan(1e-6);
    }),
    RUNS,
  );
});

test("drawdowns are between -100 and 0, the lowest never rises, and the current is never lower", () => {
  fc.assert(
    fc.property(steps(), (path) => {
      let lowest = 0;
      for (const { currentDrawdownPct = 1, maxDrawdownPct = 1 } of lookAt(account(path)).figures) {
        expect(currentDrawdownPct).toBeLessThanOrEqual(0);
        expect(maxDrawdownPct).toBeLessThanOrEqual(Math.min(lowest, currentDrawdownPct));
        expect(maxDrawdownPct).toBeGreaterThanOrEqual(-100);
        lowest = maxDrawdownPct;
      }
    }),
    RUNS,
  );
});

test("drawdown is that of the product of market moves, calculated at the end of a path", () => {
  fc.assert(
    fc.property(steps({ flow: fc.constant(0) }), (path) => {
      const units = [1];
      for (const step of path) units.push((units.at(-1) ?? 0) * step.market);
      const drawdowns = units.map((unit, look) => unit / Math.max(...units.slice(0, look + 1)) - 1);
      const told = lookAt(account(path)).figures.at(-1);
      expect(told?.currentDrawdownPct).toBeCloseTo(100 * (drawdowns.at(-1) ?? 0), 6);
      expect(told?.maxDrawdownPct).toBeCloseTo(100 * Math.min(...drawdowns), 6);
    }),
    RUNS,
  );
});

test("wherever a reporter is started again, it tells the same", () => {
  fc.assert(
    fc.property(steps(), fc.array(fc.boolean()), (path, restarts) => {
      const readings = account(path);
      const once = lookAt(readings, NEW_YORK);
      const often = lookAt(readings, NEW_YORK, (look) => restarts[look] ?? true);
      expect(often).toEqual(once);
    }),
    RUNS,
  );
});

test("all amounts times a factor change no percentage", () => {
  const factor = fc.double({ min: 1e-3, max: 1e6, noNaN: true });
  fc.assert(
    fc.property(steps(), factor, (path, scale) => {
      const one = lookAt(account(path), NEW_YORK).figures;
      const scaled = { ...NEW_YORK, startCapital: 1000 * scale };
      lookAt(account(path, scale), scaled).figures.forEach((figures, look) => {
        const expected = percentages(one[look] ?? {});
        percentages(figures).forEach((value, index) => {
          const size = Math.max(1, Math.abs(expected[index] ?? Number.NaN));
          expect(Math.abs(value - (expected[index] ?? Number.NaN)) / size).toBeLessThan(1e-7);
        });
      });
    }),
    RUNS,
  );
});

test("looking twice tells the same as looking once", () => {
  fc.assert(
    fc.property(steps(), (path) => {
      const readings = account(path);
      const twice = readings.flatMap((reading) => [reading, reading]);
      const once = lookAt(readings, NEW_YORK);
      const { figures, tracking } = lookAt(twice, NEW_YORK);
      expect(figures.filter((_, look) => look % 2 === 1)).toEqual(once.figures);
      expect(tracking).toEqual(once.tracking);
    }),
    RUNS,
  );
});

test("a reset leaves return and result as they are, and the drawdown is measured from then", () => {
  fc.assert(
    fc.property(steps(), (path) => {
      const before = trackingAfter(account(path), NEW_YORK);
      const reset = resetHighWaterMark(before);
      expect({ ...reset, peak: before.peak, maxDrawdown: before.maxDrawdown }).toEqual(before);
      expect(reset.unit / reset.peak - 1).toBe(0);
    }),
    RUNS,
  );
});

test("whatever a source says, figures are numbers, and what is kept can be read again", async () => {
  const amount = fc.oneof(
    fc.double(),
    fc.double({ min: -1e6, max: 1e6 }),
    fc.constantFrom(0, 1000, 1e-300, 1e100),
  );
  const reading: fc.Arbitrary<TimedReading> = fc.record(
    {
      ...{ at: fc.integer({ min: START - 300_000, max: START + 300_000 }) },
      ...{ equity: amount, cash: amount, positions: amount, dailyPnl: amount },
      ...{ lastCloseEquity: amount, cashFlowToday: amount, cashFlowTotal: amount },
      currency: fc.constantFrom("USD", "KRW"),
    } satisfies Record<
      Exclude<keyof PortfolioReading, "isTradingBlocked" | "problems"> | "at",
      unknown
    >,
    { requiredKeys: ["at"] },
  );
  const name = trackingName("paper");
  await fc.assert(
    fc.asyncProperty(fc.array(reading, { maxLength: 12 }), amount, async (readings, capital) => {
      const { figures, tracking } = lookAt(readings, { ...NEW_YORK, startCapital: capital });
      for (const each of figures) {
        expect(Object.values(each).every(Number.isFinite)).toBe(true);
        const { currentDrawdownPct = 0, maxDrawdownPct = 0 } = each;
        expect([currentDrawdownPct, maxDrawdownPct].every((pct) => pct <= 0 && pct >= -100)).toBe(
          true,
        );
      }
      if (tracking === undefined) return;
      const ledger = createMemoryLedger();
      await saveTracking(ledger, name, { version: 0 }, JSON.parse(JSON.stringify(tracking)));
      expect((await readTracking(ledger, name)).tracking).toEqual(
        JSON.parse(JSON.stringify(tracking)),
      );
    }),
    { numRuns: 500 },
  );
});
