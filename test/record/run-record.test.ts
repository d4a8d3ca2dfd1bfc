import { describe, expect, test } from "@jest/globals";
import { groupingKey } from "../../src/grouping-key.ts";
import { fold } from "../../src/ledger/fold.ts";
import { emptySnapshot } from "../../src/ledger/snapshot.ts";
import { snapshotFamilies } from "../../src/ledger/snapshot-families.ts";
import type { HistogramSample, MetricFamily } from "../../src/metrics/exposition/family.ts";
import { decodeRecord, encodeRecord } from "../../src/record/encoding.ts";
import {
  completionRecord,
  isUnitId,
  lateRecord,
  newExecutionId,
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

const HEAD = { groupingKey: GROUP, executionId: "e1", families: [] };

describe("the id of a record", () => {
  test("names the execution, unless a unit of work succeeded", () => {
    expect(success("e1").id).toBe("run-e1");
    expect(success("e1", [], { runId: "monday", outcome: "failed" }).id).toBe("run-e1");
    const unit = success("e1", [], { runId: "monday" });
    expect(isUnitId(unit.id)).toBe(true);
    expect(success("e2", [], { runId: "monday" }).id).toBe(unit.id);
    expect(success("e1", [], { runId: "tuesday" }).id).not.toBe(unit.id);
  });

  test("of a start and of late counts is their own", () => {
    const ids = [
      startRecord({ ...HEAD, startedAt: NIGHT }).id,
      lateRecord({ ...HEAD, part: "1", at: NIGHT }).id,
      lateRecord({ ...HEAD, part: "2", at: NIGHT }).id,
      success("e1").id,
    ];
    expect(new Set(ids).size).toBe(4);
  });

  test("of late counts is one execution's alone", () => {
    const late = (part: string, executionId: string) =>
      lateRecord({ ...HEAD, executionId, part, at: NIGHT });
    expect(late("a", "b-c").id).toBe("late-a-b-c");
    // With the execution `c` it would have the same id.
    expect(() => late("a-b", "c")).toThrow(/^part is "a-b"/);
  });

  test.each(["a/b", "..", "\0", "x".repeat(10_000), "Zürich 📈", " "])(
    "is short and plain for the unit %j",
    (runId) => {
      expect(success("e1", [], { runId }).id).toMatch(/^unit-[0-9a-f]{64}$/);
    },
  );

  test.each(["", "\ud800", "x".repeat(20_000)])("is refused for the unit %#", (runId) => {
    expect(() => success("e1", [], { runId })).toThrow(/^runId is/);
  });

  test.each(["", "a/b", "x".repeat(65), "é"])("is refused for the execution %#", (executionId) => {
    expect(() => success(executionId)).toThrow(/^executionId is/);
  });

  test("is new for each execution", () => {
    expect(newExecutionId()).not.toBe(newExecutionId());
    expect(success(newExecutionId()).id).toMatch(/^run-[0-9a-f-]{36}$/);
  });
});

describe("a record", () => {
  test("is the same whatever the order of families, series and labels", () => {
    const a = { labels: { x: "1", y: "2" }, value: 1 };
    const b = { labels: { y: "1", x: "2" }, value: 2 };
    const families = (first: typeof a | typeof b, second: typeof a | typeof b): MetricFamily[] => [
      { type: "counter", name: "c_total", samples: [first, second] },
    ];
    const swapped = { labels: { y: "2", x: "1" }, value: 1 };
    expect(success("e", [...families(b, swapped), gauge("g", 1)])).toEqual(
      success("e", [gauge("g", 1), ...families(a, b)]),
    );
  });

  test("keeps an empty label out: to Prometheus it is none", () => {
    const [family] = success("e", [counter("c_total", 1, { x: "", y: "1" })]).families;
    expect(family?.samples[0]?.labels).toEqual({ y: "1" });
  });

  test("keeps buckets apart, whatever order a parser gave them in", () => {
    const family = histogram("h", [0.5, 1.5, 1.5, 9]);
    const [sample] = family.samples as [HistogramSample];
    const infinite = { upperBound: Number.POSITIVE_INFINITY, cumulativeCount: 4 };
    const shuffled = { ...sample, buckets: [infinite, ...sample.buckets.toReversed()] };
    for (const each of [sample, shuffled]) {
      const parsed: MetricFamily = { type: "histogram", name: "h", samples: [each] };
      expect(success("e", [parsed]).families[0]).toMatchObject({
        bounds: [1, 2],
        samples: [{ counts: [1n, 2n, 1n], sum: 12_500_000_000n }],
      });
    }
  });

  test("of a run that did not succeed has no results, and has its status and counts", () => {
    const families = [
      gauge("portfolio_cash", 1),
      gauge("kill_switch_status", 1),
      counter("c_total", 1),
    ];
    const names = (outcome: "succeeded" | "failed") =>
      success("e", families, { outcome }).families.map(({ name }) => name);
    expect(names("succeeded")).toEqual(["c_total", "kill_switch_status", "portfolio_cash"]);
    expect(names("failed")).toEqual(["c_total", "kill_switch_status"]);
  });

  test("of a start keeps counts of 0, so that their series exist before the run ends", () => {
    const start = startRecord({
      ...HEAD,
      startedAt: NIGHT,
      families: [runsTotal(0), histogram("h", [])],
    });
    expect(start.families).toMatchObject([
      { type: "counter", samples: [{ labels: { outcome: "succeeded" }, value: 0n }] },
      { type: "histogram", bounds: [1, 2], samples: [{ counts: [0n, 0n, 0n], sum: 0n }] },
    ]);
    expect(decodeRecord(encodeRecord(start))).toEqual({ status: "record", record: start });
    const totals = snapshotFamilies(fold(emptySnapshot(GROUP), [start]));
    expect(sampleValue(totals, "batch_job_runs_total", { outcome: "succeeded" })).toBe(0);
    expect(totals.find(({ name }) => name === "h")?.samples).toMatchObject([{ count: 0, sum: 0 }]);
  });

  test("has kinds as the caller knows them", () => {
    const record = success("e", [gauge("mine", 1)], {
      outcome: "failed",
      gaugeKind: () => "status",
    });
    expect(record.families).toMatchObject([{ name: "mine", kind: "status" }]);
  });

  test.each([Number.NaN, -1, Number.POSITIVE_INFINITY])("is refused at the time %p", (time) => {
    const input = { ...HEAD, outcome: "succeeded", completedAt: time } as const;
    expect(() => completionRecord(input)).toThrow(/^completedAt is/);
    expect(() => startRecord({ ...HEAD, startedAt: time })).toThrow(/^startedAt is/);
  });
});

describe("a value that does not add up is refused, and the error names the metric", () => {
  const series = (value: number, name = "x_total") => counter(name, value);
  const sample = { labels: {}, buckets: [], count: 1, sum: 1 };
  const bucket = (upperBound: number, cumulativeCount: number) => ({ upperBound, cumulativeCount });
  const x = (fields: object): MetricFamily =>
    ({ type: "histogram", name: "x_total", samples: [{ ...sample, ...fields }] }) as MetricFamily;
  test.each<{ name: string; family: MetricFamily }>([
    { name: "below 0", family: series(-1) },
    { name: "not a number", family: series(Number.NaN) },
    { name: "infinite", family: series(Number.POSITIVE_INFINITY) },
    { name: "above 1e15", family: series(1e16) },
    { name: "a gauge that is no number", family: gauge("x_total", Number.NaN) },
    { name: "a sum above 1e15", family: x({ sum: -1e16 }) },
    { name: "half an observation", family: x({ count: 0.5 }) },
    { name: "a bucket above the count", family: x({ buckets: [bucket(1, 2)] }) },
    { name: "buckets that fall", family: x({ count: 3, buckets: [bucket(1, 2), bucket(2, 1)] }) },
    { name: "a bucket twice", family: x({ buckets: [bucket(1, 1), bucket(1, 1)] }) },
    {
      name: "an infinite bucket that is not the count",
      family: x({ buckets: [bucket(1 / 0, 0)] }),
    },
    {
      name: "a summary",
      family: { type: "summary", name: "x_total", samples: [{ ...sample, quantiles: [] }] },
    },
    {
      name: "a timestamp",
      family: {
        type: "gauge",
        name: "x_total",
        samples: [{ labels: {}, value: 1, timestampMs: 1 }],
      },
    },
    { name: "the grouping label", family: counter("x_total", 1, { mode: "live" }) },
    { name: "the label job", family: counter("x_total", 1, { job: "x" }) },
    { name: "a label name that is none", family: counter("x_total", 1, { "a-b": "x" }) },
    { name: "a label value with a line feed", family: counter("x_total", 1, { a: "\n" }) },
    {
      name: "a series twice",
      family: {
        type: "counter",
        name: "x_total",
        samples: [
          { labels: {}, value: 1 },
          { labels: { a: "" }, value: 1 },
        ],
      },
    },
    { name: "help that is not text", family: { ...series(1), help: "\ud800" } },
  ])("$name", ({ family }) => {
    expect(() => success("e", [family])).toThrow(
      expect.objectContaining({ code: "ERR_METRIC", metric: "x_total" }),
    );
  });

  test("in a group with the label that says whose totals they are", () => {
    const group = groupingKey("nightly", { ledger_id: "mine" });
    expect(() => success("a", [counter("a_total", 1)], { groupingKey: group })).toThrow(
      "the grouping label ledger_id is its own",
    );
  });

  test.each(["push_time_seconds", "go_goroutines", "closing_bell_ledger_version", "9x"])(
    "the name %s",
    (name) => {
      expect(() => success("e", [counter(name, 1)])).toThrow(
        expect.objectContaining({ code: "ERR_METRIC" }),
      );
    },
  );

  test("the ledger's count of dropped label sets in another form than a run's own", () => {
    const name = "closing_bell_dropped_label_sets_total";
    for (const family of [gauge(name, 1), counter(name, 1, { a: "x" })]) {
      expect(() => success("e", [family])).toThrow(/one of the gateway's or the ledger's own/);
    }
  });

  test("a name twice, and one that is another one's series", () => {
    expect(() => success("e", [series(1), series(1)])).toThrow(/is given twice/);
    expect(() => success("e", [series(1, "h_count"), histogram("h", [1])])).toThrow(
      /h_count: its series h_count is also one of h/,
    );
  });
});
