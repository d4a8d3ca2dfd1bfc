import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { fold, foldWithinLimits, MAX_SNAPSHOT_BYTES } from "../../src/ledger/fold.ts";
import { emptySnapshot, encodeSnapshot, encodeTotals } from "../../src/ledger/snapshot.ts";
import { snapshotFamilies } from "../../src/ledger/snapshot-families.ts";
import { runCatalogue } from "../../src/metrics/catalogue.ts";
import type { MetricFamily } from "../../src/metrics/exposition/family.ts";
import { createMetricSet } from "../../src/metrics/metric-set.ts";
import {
  completionRecord,
  lateRecord,
  type RunRecord,
  startRecord,
} from "../../src/record/run-record.ts";
import {
  counter,
  GROUP,
  gauge,
  histogram,
  NIGHT,
  runsTotal,
  sampleValue,
  success,
} from "../support/run-records.ts";

const EMPTY = emptySnapshot(GROUP);

describe("any order and any batching", () => {
  test("give totals of the same bytes", () => {
    fc.assert(
      fc.property(recordsInTwoOrders(), ({ records, shuffled, sizes }) => {
        const whole = fold(EMPTY, records);
        let snapshot = EMPTY;
        for (const batch of batches(shuffled, sizes)) snapshot = fold(snapshot, batch);
        expect(encodeTotals(snapshot.totals)).toBe(encodeTotals(whole.totals));
      }),
      { numRuns: 300 },
    );
  });

  test("of one batch give the same snapshot, whatever limits and conflicts there are", () => {
    fc.assert(
      fc.property(fc.shuffledSubarray(crowded(), { minLength: 0 }), (records) => {
        const ascending = encodeSnapshot(fold(EMPTY, records.toSorted(byId)));
        expect(encodeSnapshot(fold(EMPTY, records)).bytes.equals(ascending.bytes)).toBe(true);
      }),
      { numRuns: 20 },
    );
  });

  test("beyond the limit keep the sum over all label sets", () => {
    fc.assert(
      fc.property(fc.shuffledSubarray(crowded(), { minLength: 6 }), fc.nat(5), (records, cut) => {
        const once = fold(EMPTY, records.slice(0, cut));
        const { totals } = fold(once, records.slice(cut));
        const trades = snapshotFamilies({ ...once, totals }).find(
          ({ name }) => name === "trades_total",
        );
        const values = trades?.samples.map((sample) => ("value" in sample ? sample.value : 0));
        expect(values?.reduce((sum, value) => sum + value, 0)).toBe(600);
      }),
      { numRuns: 50 },
    );
  });
});

describe("counters and histograms", () => {
  test("add up exactly where doubles do not", () => {
    const records = Array.from({ length: 1000 }, (_, index) =>
      success(`r${index}`, [counter("cost_usd_total", 0.1), histogram("h", [0.1, 1.5, 7])]),
    );
    const families = snapshotFamilies(fold(EMPTY, records));
    expect(sampleValue(families, "cost_usd_total")).toBe(100);
    expect(families.find(({ name }) => name === "h")?.samples).toEqual([
      {
        labels: {},
        buckets: [
          { upperBound: 1, cumulativeCount: 1000 },
          { upperBound: 2, cumulativeCount: 2000 },
        ],
        count: 3000,
        sum: 8600,
      },
    ]);
  });

  test("of a run that failed are added too: the money was spent", () => {
    const failed = success("a", [counter("cost_usd_total", 3)], { outcome: "failed" });
    expect(sampleValue(familiesOf(failed), "cost_usd_total")).toBe(3);
  });

  test("that are zero make the label set exist", () => {
    expect(sampleValue(familiesOf(success("a", [runsTotal(0)])), ...RUNS)).toBe(0);
  });
});

const RUNS = ["batch_job_runs_total", { outcome: "succeeded" }] as const;

describe("gauges", () => {
  test("points in time take the maximum, whichever run ended last", () => {
    const name = "batch_job_last_success_timestamp_seconds";
    const early = success("a", [gauge(name, NIGHT + 9)], { completedAt: NIGHT });
    const late = success("b", [gauge(name, NIGHT + 5)], { completedAt: NIGHT + 100 });
    expect(sampleValue(familiesOf(early, late), name)).toBe(NIGHT + 9);
  });

  test("a status is the newest run's, failed or not", () => {
    const on = success("a", [gauge("kill_switch_status", 1)], {
      outcome: "failed",
      completedAt: NIGHT + 9,
    });
    const off = success("b", [gauge("kill_switch_status", 0)], { completedAt: NIGHT });
    expect(sampleValue(familiesOf(on, off), "kill_switch_status")).toBe(1);
  });

  test("of equal times the greater id stands", () => {
    const status = (id: string, value: number) => success(id, [gauge("kill_switch_status", value)]);
    expect(sampleValue(familiesOf(status("a", 0), status("b", 1)), "kill_switch_status")).toBe(1);
  });

  test("the results of a success replace all of the one before, those of a failure nothing", () => {
    const first = success("a", [gauge("portfolio_cash", 1), gauge("daily_pnl", 2)]);
    const second = success("b", [gauge("portfolio_cash", 3)], { completedAt: NIGHT + 9 });
    const failed = success("c", [gauge("portfolio_cash", 5)], {
      outcome: "failed",
      completedAt: NIGHT + 99,
    });
    const families = familiesOf(failed, second, first);
    expect(sampleValue(families, "portfolio_cash")).toBe(3);
    expect(sampleValue(families, "daily_pnl")).toBeUndefined();
  });

  test("a start and what is counted late leave results alone", () => {
    const first = success("a", [gauge("portfolio_cash", 1)]);
    const head = { groupingKey: GROUP, executionId: "b" };
    const start = startRecord({ ...head, startedAt: NIGHT + 9, families: [] });
    const families = [gauge("portfolio_cash", 7), counter("c_total", 2)];
    const late = lateRecord({ ...head, part: "1", at: NIGHT + 99, families });
    const folded = familiesOf(first, start, late);
    expect(sampleValue(folded, "portfolio_cash")).toBe(1);
    expect(sampleValue(folded, "c_total")).toBe(2);
  });
});

describe("limits", () => {
  test("200 label sets per family: the ticker of the ones that come later becomes other", () => {
    const families = familiesOf(...crowded());
    const trades = families.find(({ name }) => name === "trades_total");
    expect(trades?.samples).toHaveLength(201);
    expect(sampleValue(families, "trades_total", { side: "BUY", ticker: "other" })).toBe(400);
    expect(sampleValue(families, "closing_bell_dropped_label_sets_total")).toBe(400);
  });

  test("a family without such a label leaves the later ones out, and says so", () => {
    const samples = Array.from({ length: 205 }, (_, n) => ({
      labels: { user: `u${n}` },
      value: 1,
    }));
    const families = familiesOf(success("a", [{ type: "counter", name: "logins_total", samples }]));
    expect(families.find(({ name }) => name === "logins_total")?.samples).toHaveLength(200);
    expect(sampleValue(families, "closing_bell_dropped_label_sets_total")).toBe(5);
  });

  test("a label set that is known is added to, however full the family is", () => {
    const again = crowded().map((record) => ({ ...record, id: `${record.id}-again` }));
    const once = fold(EMPTY, crowded());
    const twice = snapshotFamilies(fold(once, again));
    expect(sampleValue(twice, "trades_total", { side: "BUY", ticker: "T0-0" })).toBe(2);
  });

  test("a free label beside the ticker does not make other endless", () => {
    const samples = Array.from({ length: 300 }, (_, n) => ({
      labels: { ticker: `T${n}`, user: `u${n}` },
      value: 1,
    }));
    const [family] = familiesOf(success("a", [{ type: "counter", name: "c_total", samples }]));
    expect(family?.samples).toHaveLength(220);
  });

  test("zeros that were born with a count take no room from those that count", () => {
    const record = (run: number) =>
      success(`run-${String(run).padStart(3, "0")}`, [
        {
          type: "counter",
          name: "own_total",
          samples: ["A", "B", "C"].map((side, index) => ({
            labels: { side, unit: `u${run}` },
            value: index === run % 3 ? 2 : 0,
          })),
        },
      ]);
    const records = Array.from({ length: 200 }, (_, run) => record(run));
    const totals = fold(EMPTY, records).totals;
    const family = totals.families.find(({ name }) => name === "own_total");
    const values = (family?.type === "counter" ? family.samples : []).map(({ value }) => value);
    expect(totals.droppedLabelSets).toBe(0);
    expect(values.filter((value) => value > 0n)).toHaveLength(200);
    expect(values).toHaveLength(400);

    // Full: what is at 0 now would need the room of one that counts.
    const late = fold(fold(EMPTY, records), [record(1000)]).totals;
    expect(late.droppedLabelSets).toBe(1);
  });

  test("gauges beyond the limit are left out: values of several label sets do not merge", () => {
    const samples = Array.from({ length: 203 }, (_, n) => ({
      labels: { ticker: `T${n}` },
      value: n,
    }));
    const families = familiesOf(success("a", [{ type: "gauge", name: "weight", samples }]));
    expect(families.find(({ name }) => name === "weight")?.samples).toHaveLength(200);
    expect(sampleValue(families, "closing_bell_dropped_label_sets_total")).toBe(3);
  });

  test("what a run dropped itself is added to what the ledger dropped", () => {
    const set = createMetricSet();
    set.get(runCatalogue.droppedLabelSetsTotal).inc(4);
    const dropping = { name: "g", type: "gauge" } as const;
    const samples = Array.from({ length: 203 }, (_, n) => ({ labels: { n: `${n}` }, value: n }));
    const families = familiesOf(success("a", [...set.families(), { ...dropping, samples }]));
    expect(sampleValue(families, "closing_bell_dropped_label_sets_total")).toBe(7);
  });

  test("a group never grows beyond 300 KB: what is new then goes to other, what is known adds up", () => {
    let snapshot = EMPTY;
    let bytes = 0;
    let pending: readonly RunRecord[] = Array.from({ length: 60 }, (_, n) => bulky(n));
    while (pending.length > 0) {
      const folded = foldWithinLimits(snapshot, bytes, pending);
      pending = pending.filter((record) => !folded.taken.includes(record));
      snapshot = folded.snapshot;
      bytes = folded.stored.bytes.length;
      expect(bytes).toBeLessThanOrEqual(MAX_SNAPSHOT_BYTES);
    }
    expect(bytes).toBeGreaterThan(MAX_SNAPSHOT_BYTES / 2);
    const families = snapshotFamilies(snapshot);
    expect(sampleValue(families, ...RUNS)).toBe(60);
    expect(sampleValue(families, "closing_bell_dropped_label_sets_total")).toBeGreaterThan(1000);
  });
});

describe("a record that cannot be added", () => {
  test.each<{ name: string; family: MetricFamily; reason: string }>([
    {
      name: "another type",
      family: gauge("c_total", 1),
      reason: "metric c_total: it is a gauge here and a counter before",
    },
    {
      name: "other buckets",
      family: {
        type: "histogram",
        name: "h",
        samples: [{ labels: {}, buckets: [], count: 1, sum: 1 }],
      },
      reason: "metric h: its buckets are  here and 1,2 before",
    },
    {
      name: "a name that is a histogram's series",
      family: counter("h_count", 1),
      reason: "metric h_count: its series h_count is also one of h",
    },
    {
      name: "a histogram whose series is a metric",
      family: { ...histogram("x", [1]), name: "c" } as MetricFamily,
      reason: "metric c: its series c_count is also one of c_count",
    },
  ])("has $name: it is rejected whole, with its reason", ({ family, reason }) => {
    const first = fold(EMPTY, [
      success("a", [counter("c_total", 1), counter("c_count", 1), histogram("h", [1])]),
    ]);
    const { last, totals } = fold(first, [success("b", [family, runsTotal()])]);
    expect(last).toEqual([{ id: "run-b", rejected: reason }]);
    expect(totals.rejections).toEqual([{ id: "run-b", at: NIGHT + 1, reason }]);
    const families = snapshotFamilies({ ...first, totals });
    expect(sampleValue(families, ...RUNS)).toBeUndefined();
    expect(sampleValue(families, "closing_bell_rejected_records_total")).toBe(1);
  });

  test("for its thousands of buckets does not fill the snapshot with them", () => {
    const many = (n: number): MetricFamily => {
      const buckets = Array.from({ length: 20_000 }, (_, index) => {
        return { upperBound: index + Math.sin(index + n) / 9, cumulativeCount: 0 };
      });
      return { type: "histogram", name: "h", samples: [{ labels: {}, buckets, count: 0, sum: 0 }] };
    };
    const first = fold(EMPTY, [success("a", [histogram("h", [1])])]);
    const { last, totals } = fold(first, [success("b", [many(1)]), success("c", [many(2)])]);
    expect(totals.rejected).toBe(2);
    expect(last[0]?.rejected).toMatch(/its buckets are 0.* \(20000 bounds\) here and 1,2 before$/);
    expect(encodeSnapshot({ ...first, last, totals }).bytes.length).toBeLessThan(5000);
  });

  test("is remembered with the newest twenty, and counted for ever", () => {
    const first = fold(EMPTY, [success("a", [counter("x", 1)])]);
    const wrong = Array.from({ length: 30 }, (_, n) =>
      success(`w${n}`, [gauge("x", 1)], { completedAt: NIGHT + n }),
    );
    const { totals } = fold(first, wrong);
    expect(totals.rejected).toBe(30);
    expect(totals.rejections.map(({ at }) => at - NIGHT)).toEqual(
      Array.from({ length: 20 }, (_, n) => 29 - n),
    );
  });
});

function familiesOf(...records: readonly RunRecord[]): readonly MetricFamily[] {
  return snapshotFamilies(fold(EMPTY, records));
}

function byId(a: RunRecord, b: RunRecord): number {
  return a.id < b.id ? -1 : 1;
}

/** Six runs that trade 100 tickers of their own each: 600 label sets. */
function crowded(): RunRecord[] {
  return Array.from({ length: 6 }, (_, run) => {
    const samples = Array.from({ length: 100 }, (_, n) => ({
      labels: { side: "BUY", ticker: `T${run}-${n}` },
      value: 1,
    }));
    return success(`r${run}`, [{ type: "counter", name: "trades_total", samples }]);
  });
}

/** A run with 190 label sets of text that does not compress, in a family of its own. */
function bulky(run: number): RunRecord {
  const noise = (n: number) =>
    Array.from({ length: 20 }, (_, k) =>
      ((run * 7919 + n * 104729 + k * 1299709) ** 2 % 1e9).toString(36),
    ).join("");
  const samples = Array.from({ length: 190 }, (_, n) => ({
    labels: { ticker: `${run}-${n}-${noise(n)}` },
    value: 1,
  }));
  return success(`bulky${`${run}`.padStart(3, "0")}`, [
    { type: "counter", name: `bulky_${run}_total`, samples },
    runsTotal(),
  ]);
}

function batches(records: readonly RunRecord[], sizes: readonly number[]): readonly RunRecord[][] {
  const rest = [...records];
  const cut = sizes.map((size) => rest.splice(0, size));
  return [...cut, rest].filter((batch) => batch.length > 0);
}

function recordsInTwoOrders() {
  return fc.uniqueArray(record(), { maxLength: 12, selector: ({ id }) => id }).chain((records) =>
    fc.record({
      records: fc.constant(records),
      shuffled: fc.shuffledSubarray(records, { minLength: records.length }),
      sizes: fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 6 }),
    }),
  );
}

/** Records of all kinds that agree about types and buckets, at few different times. */
function record(): fc.Arbitrary<RunRecord> {
  const amount = fc.oneof(
    fc.nat(1000),
    fc.double({ min: 0, max: 1e15, noNaN: true }),
    fc.constantFrom(0.1, 1e-9, 1e15),
  );
  const help = fc.option(fc.constantFrom("Old.", "New."), { nil: undefined });
  const ticker = fc.constantFrom("A", "B", "other");
  const family = fc.oneof(
    fc.tuple(amount, ticker, help).map(([value, label, text]) => {
      const labelled = counter("trades_total", value, { ticker: label });
      return text === undefined ? labelled : { ...labelled, help: text };
    }),
    fc.array(fc.double({ min: -5, max: 5, noNaN: true }), { maxLength: 4 }).map((observed) => {
      return histogram("latency_seconds", observed);
    }),
    fc.nat(3).map((value) => gauge("kill_switch_status", value)),
    fc.nat(3).map((value) => gauge("portfolio_cash", value)),
    fc.nat(3).map((value) => gauge("daily_pnl", value)),
    fc.nat(9).map((value) => gauge("batch_job_last_success_timestamp_seconds", value)),
    fc.nat(9).map((value) => gauge("rows_timestamp_seconds", value)),
  );
  return fc
    .record({
      executionId: fc.stringMatching(/^[a-z]{1,3}$/),
      time: fc.constantFrom(NIGHT, NIGHT + 1, NIGHT + 2),
      kind: fc.constantFrom("succeeded", "failed", "start", "late"),
      runId: fc.option(fc.constantFrom("monday", "tuesday"), { nil: undefined }),
      families: fc.uniqueArray(family, { maxLength: 5, selector: ({ name }) => name }),
    })
    .map(({ executionId, time, kind, runId, families }) => {
      const head = { groupingKey: GROUP, executionId, families };
      if (kind === "start") return startRecord({ ...head, startedAt: time });
      if (kind === "late") return lateRecord({ ...head, part: "1", at: time });
      const unit = runId === undefined ? {} : { runId };
      const outcome = kind === "succeeded" ? "succeeded" : "failed";
      return completionRecord({ ...head, ...unit, outcome, completedAt: time });
    });
}
