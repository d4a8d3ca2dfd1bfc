import { describe, expect, test } from "@jest/globals";
import { renderFamilies } from "../../src/metrics/exposition/render.ts";
import { mergeGroups, type ServedGroup } from "../../src/scrape/merge-groups.ts";
import { counter, gauge, histogram } from "../support/run-records.ts";

const A: ServedGroup["labels"] = { job: "a", region: "eu" };
const B: ServedGroup["labels"] = { job: "b" };

test("a family of two groups is one, with the series of both under their groups' labels", () => {
  const merged = mergeGroups([
    { labels: A, families: [counter("rows_total", 7, { table: "x" }), gauge("lag", 1)] },
    { labels: B, families: [{ ...counter("rows_total", 9), help: "Rows" }] },
  ]);
  expect(merged.conflicts).toEqual([]);
  expect(renderFamilies(merged.families).toString()).toBe(
    [
      "# TYPE lag gauge",
      'lag{instance="",job="a",region="eu"} 1',
      "# TYPE rows_total counter",
      'rows_total{instance="",job="a",region="eu",table="x"} 7',
      'rows_total{instance="",job="b"} 9',
      "",
    ].join("\n"),
  );
});

test("the first help text is kept", () => {
  const { families } = mergeGroups([
    { labels: A, families: [{ ...counter("rows_total", 1), help: "Rows" }] },
    { labels: B, families: [{ ...counter("rows_total", 1), help: "Lines" }] },
  ]);
  expect(families).toMatchObject([{ help: "Rows" }]);
});

test("a group's own instance is kept", () => {
  const { families } = mergeGroups([
    { labels: { job: "a", instance: "i1" }, families: [gauge("lag", 1)] },
    { labels: B, families: [gauge("lag", 2, { instance: "i2" })] },
  ]);
  expect(families[0]?.samples.map(({ labels }) => labels["instance"])).toEqual(["i1", "i2"]);
});

describe("of what a gateway would refuse the first one is served, and the other one told:", () => {
  test.each<{ name: string; groups: readonly ServedGroup[]; conflict: string; series: number }>([
    {
      name: "another type",
      groups: [
        { labels: A, families: [counter("rows", 1)] },
        { labels: B, families: [gauge("rows", 2), gauge("lag", 1)] },
      ],
      conflict: 'rows is a gauge in {job="b"} and a counter in {job="a",region="eu"}',
      series: 2,
    },
    {
      name: "a histogram's series",
      groups: [
        { labels: A, families: [counter("latency_count", 1)] },
        { labels: B, families: [histogram("latency", [1])] },
      ],
      conflict:
        'latency in {job="b"}: its series latency_count is also one of latency_count in {job="a",region="eu"}',
      series: 1,
    },
    {
      name: "a name that is a histogram's series",
      groups: [
        { labels: A, families: [histogram("latency", [1])] },
        { labels: B, families: [gauge("latency_sum", 1)] },
      ],
      conflict:
        'latency_sum in {job="b"}: its series latency_sum is also one of latency in {job="a",region="eu"}',
      series: 1,
    },
    {
      name: "the same series",
      groups: [
        { labels: { job: "a" }, families: [gauge("lag", 1, { region: "eu" })] },
        { labels: A, families: [gauge("lag", 2)] },
      ],
      conflict: 'lag in {job="a",region="eu"}: another group has the series {job="a",region="eu"}',
      series: 1,
    },
  ])("$name", ({ groups, conflict, series }) => {
    const { families, conflicts } = mergeGroups(groups);
    expect(conflicts).toEqual([conflict]);
    expect(families.flatMap(({ samples }) => samples as readonly unknown[])).toHaveLength(series);
  });
});
