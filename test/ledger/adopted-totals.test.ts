import { describe, expect, test } from "@jest/globals";
import { adoptedTotals } from "../../src/ledger/adopted-totals.ts";
import { fold } from "../../src/ledger/fold.ts";
import {
  decodeSnapshot,
  emptySnapshot,
  encodeSnapshot,
  type Snapshot,
} from "../../src/ledger/snapshot.ts";
import { snapshotFamilies } from "../../src/ledger/snapshot-families.ts";
import type { MetricFamily } from "../../src/metrics/exposition/family.ts";
import {
  counter,
  GROUP,
  gauge,
  histogram,
  NIGHT,
  sampleValue,
  success,
} from "../support/run-records.ts";

const COMPLETED = "batch_job_last_completion_timestamp_seconds";
const OTHERS_VERSION = gauge("closing_bell_ledger_version", 9, { ledger_id: "other" });
const FAMILIES: readonly MetricFamily[] = [
  { ...counter("trades_total", 12.3, { action: "buy" }), help: "Trades" },
  histogram("slippage", [0.5, 1.5, 9]),
  gauge("portfolio_cash", 7),
  gauge(COMPLETED, NIGHT),
  gauge("batch_job_exit_code", 3),
  { type: "untyped", name: "other", samples: [{ labels: {}, value: 1 }] },
];

describe("totals that begin with what a gateway shows", () => {
  test("show the same, without whose totals they were", () => {
    const shown = snapshotFamilies(adopted([...FAMILIES, OTHERS_VERSION]));
    expect(shown).toEqual(FAMILIES.toSorted((a, b) => (a.name < b.name ? -1 : 1)));
  });

  test("are stored and read back like any others", () => {
    const snapshot = adopted(FAMILIES);
    expect(decodeSnapshot(GROUP, encodeSnapshot(snapshot))).toEqual(snapshot);
  });

  test("go on adding exactly", () => {
    const buys = counter("trades_total", 0.1, { action: "buy" });
    const snapshot = [1, 2, 3].reduce(
      (before, run) => fold(before, [success(`r${run}`, [buys, histogram("slippage", [2])])]),
      adopted(FAMILIES),
    );
    const shown = snapshotFamilies(snapshot);
    expect(sampleValue(shown, "trades_total", { action: "buy" })).toBe(12.6);
    const slippage = shown.find(({ name }) => name === "slippage");
    expect(slippage?.samples).toMatchObject([
      {
        count: 6,
        sum: 17,
        buckets: [
          { upperBound: 1, cumulativeCount: 1 },
          { upperBound: 2, cumulativeCount: 5 },
        ],
      },
    ]);
  });

  test("of a histogram that spells out `+Inf` have no bucket for it", () => {
    const spelt = histogram("slippage", [9]).samples.map((sample) => ({
      ...sample,
      buckets: [...sample.buckets, { upperBound: Number.POSITIVE_INFINITY, cumulativeCount: 1 }],
    }));
    const family: MetricFamily = { type: "histogram", name: "slippage", samples: spelt };
    const shown = snapshotFamilies(adopted([family]));
    expect(shown).toEqual([histogram("slippage", [9])]);
  });

  test("lose their results to the first success, however old, and to no failure", () => {
    const failed = success("f", [gauge("drawdown", 1)], { outcome: "failed" });
    const before = fold(adopted(FAMILIES), [failed]);
    expect(sampleValue(snapshotFamilies(before), "portfolio_cash")).toBe(7);
    const after = fold(before, [success("s", [gauge("drawdown", 1)], { completedAt: 1 })]);
    expect(sampleValue(snapshotFamilies(after), "portfolio_cash")).toBeUndefined();
    expect(sampleValue(snapshotFamilies(after), "drawdown")).toBe(1);
  });

  test("keep a status until any run says another, and a time until a later one is said", () => {
    const run = success("f", [gauge("batch_job_exit_code", 0), gauge(COMPLETED, NIGHT - 60)], {
      outcome: "failed",
      completedAt: 1,
    });
    const shown = snapshotFamilies(fold(adopted(FAMILIES), [run]));
    expect(sampleValue(shown, "batch_job_exit_code")).toBe(0);
    expect(sampleValue(shown, COMPLETED)).toBe(NIGHT);
  });

  test("go on counting what was rejected and dropped", () => {
    const snapshot = adopted([
      counter("trades_total", 1),
      counter("closing_bell_rejected_records_total", 2),
      counter("closing_bell_dropped_label_sets_total", 5),
    ]);
    const conflict = success("c", [gauge("trades_total", 1)]);
    const shown = snapshotFamilies(fold(snapshot, [conflict]));
    expect(sampleValue(shown, "closing_bell_rejected_records_total")).toBe(3);
    expect(sampleValue(shown, "closing_bell_dropped_label_sets_total")).toBe(5);
  });

  test("are empty where nothing is shown", () => {
    expect(adopted([])).toEqual({ ...emptySnapshot(GROUP), version: 1 });
  });

  test.each([Number.NaN, Number.POSITIVE_INFINITY])("are none with a value of %p", (value) => {
    expect(() => adopted([gauge("portfolio_cash", value)])).toThrow("portfolio_cash");
  });

  test("hold what many runs added up to, beyond what a single run may add", () => {
    const half = counter("volume_total", 6e14);
    const total = fold(emptySnapshot(GROUP), [success("a", [half]), success("b", [half])]);
    const shown = snapshotFamilies(total);
    expect(sampleValue(shown, "volume_total")).toBe(1.2e15);
    expect(snapshotFamilies(adopted(shown))).toEqual(shown);
  });
});

function adopted(families: readonly MetricFamily[]): Snapshot {
  return { group: GROUP, version: 1, last: [], totals: adoptedTotals(families) };
}
