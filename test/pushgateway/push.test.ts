import { describe, expect, test } from "@jest/globals";
import { parsedBody } from "../../src/pushgateway/body.ts";
import { renderStore } from "../../src/pushgateway/exposition.ts";
import { pushed } from "../../src/pushgateway/push.ts";
import { emptyStore, groupId, lastPushSucceeded, type Store } from "../../src/pushgateway/store.ts";

type Labels = Readonly<Record<string, string>>;

function push(store: Store, labels: Labels, body: string, at = 1) {
  const group = { labels };
  return pushed(store, { kind: "merge", group, ...parsedBody(Buffer.from(body)), at });
}

const HISTOGRAM = '# TYPE h histogram\nh_bucket{le="1"} 1\nh_sum 1\nh_count 1\n';
const SUMMARY = '# TYPE s summary\ns{quantile="0.5"} 1\ns_sum 1\ns_count 1\n';

describe("after a push by another group", () => {
  test.each<{ name: string; stored: string; body: string; problem?: string }>([
    { name: "a family of another name", stored: "a 1\n", body: "b 1\n" },
    {
      name: "another type",
      stored: "# TYPE m counter\nm 1\n",
      body: "# TYPE m gauge\nm 1\n",
      problem:
        'collected metric "m" { m{instance="",job="two"} } is not a COUNTER, as which group {job="one"} holds it',
    },
    {
      name: "the same series but for the job",
      stored: 'a{instance="x"} 1\n',
      body: 'a{instance="x"} 2\n',
    },
    ...["_bucket", "_sum", "_count"].map((suffix) => ({
      name: `a histogram's ${suffix}`,
      stored: HISTOGRAM,
      body: `h${suffix} 1\n`,
      problem: `collected metric named "h${suffix}" collides with previously collected histogram named "h"`,
    })),
    { name: "another suffix", stored: HISTOGRAM, body: "h_max 1\n" },
    { name: "a summary's _bucket, which it has not", stored: SUMMARY, body: "s_bucket 1\n" },
    {
      name: "a summary's _sum",
      stored: SUMMARY,
      body: "s_sum 1\n",
      problem:
        'collected metric named "s_sum" collides with previously collected summary named "s"',
    },
    {
      name: "a histogram whose _bucket is taken",
      stored: "h_bucket 1\n",
      body: HISTOGRAM,
      problem:
        'collected histogram named "h" collides with previously collected metric named "h_bucket"',
    },
    { name: "a summary whose _bucket is taken", stored: "s_bucket 1\n", body: SUMMARY },
  ])("$name", ({ stored, body, problem }) => {
    const { store } = push(emptyStore, { job: "one" }, stored);
    const prefix = "pushed metrics are invalid or inconsistent with existing metrics: ";
    expect(push(store, { job: "two" }, body).problem).toBe(problem && `${prefix}${problem}`);
  });
});

describe("in a group of its own", () => {
  test.each<{ name: string; labels?: Labels; body: string; problem?: string }>([
    {
      name: "one of the gateway's own names with another type",
      body: "# TYPE go_goroutines counter\ngo_goroutines 1\n",
      problem: "is not a GAUGE, as which the gateway exposes its own go_goroutines",
    },
    { name: "one of them with the same", body: "# TYPE go_goroutines gauge\ngo_goroutines 1\n" },
    {
      name: "the _count of one of them",
      body: "go_gc_duration_seconds_count 1\n",
      problem: 'collides with previously collected summary named "go_gc_duration_seconds"',
    },
    {
      name: "a summary where quantile is a label of the group",
      labels: { job: "j", quantile: "1" },
      body: SUMMARY,
      problem: 'must not have an explicit "quantile" label',
    },
    { name: "a gauge there", labels: { job: "j", quantile: "1" }, body: "a 1\n" },
    {
      name: "a gauge where le is a label of the group",
      labels: { job: "j", le: "1" },
      body: "a 1\n",
    },
    {
      name: "series that the group's labels make the same",
      labels: { job: "j", x: "1" },
      body: 'a{x="1"} 1\na{x="2"} 2\n',
      problem: 'collected metric "a" { a{instance="",job="j",x="1"} } was collected before',
    },
  ])("$name", ({ labels = { job: "j" }, body, problem }) => {
    const result = push(emptyStore, labels, body);
    if (problem === undefined) expect(result.problem).toBeUndefined();
    else expect(result.problem).toContain(problem);
  });
});

test("of two groups that differ by an empty instance, the second is refused, in either order", () => {
  const twins = [{ job: "j" }, { job: "j", instance: "" }];
  for (const [first = {}, second = {}] of [twins, twins.toReversed()]) {
    const { store } = push(emptyStore, first, "a 1\n");
    const result = push(store, second, "b 1\n");
    expect(result.problem).toContain("differs from a stored one only by instance");
    expect(result.store).toBe(store);
  }
  const other = push(
    push(emptyStore, { job: "j" }, "a 1\n").store,
    { job: "j", instance: "x" },
    "",
  );
  expect(other.problem).toBeUndefined();
});

test("a failure is the last push only when it came later than the last success", () => {
  const labels = { job: "j" };
  const good = push(emptyStore, labels, "a 1\n", 5).store;
  const succeeded = (store: Store) => [...store.values()].map(lastPushSucceeded);
  expect(succeeded(push(good, labels, "a 1 1\n", 5).store)).toEqual([true]);
  const bad = push(good, labels, "a 1 1\n", 6).store;
  expect(succeeded(bad)).toEqual([false]);
  expect(succeeded(push(bad, labels, "a 1\n", 7).store)).toEqual([true]);
  expect(bad.get(groupId(labels))?.families.get("a")).toBe(
    good.get(groupId(labels))?.families.get("a"),
  );
});

test("the scrape is sorted, with a help line and a type line for each family", () => {
  const first = push(
    emptyStore,
    { job: "b" },
    '# HELP m One.\n# TYPE m counter\nm{x="2"} 2\nm 1\n',
  );
  const { store } = push(first.store, { job: "a" }, "# HELP m Two.\n# TYPE m counter\nm 3\nl 4\n");
  expect(renderStore(store).toString().split("# HELP push")[0]).toBe(
    [
      "# HELP l ",
      "# TYPE l untyped",
      'l{instance="",job="a"} 4',
      "# HELP m One.",
      "# TYPE m counter",
      'm{instance="",job="a"} 3',
      'm{instance="",job="b"} 1',
      'm{instance="",job="b",x="2"} 2',
      "",
    ].join("\n"),
  );
});
