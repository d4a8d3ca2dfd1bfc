import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { Children } from "../../../src/metrics/instruments/children.ts";
import { Counter } from "../../../src/metrics/instruments/counter.ts";
import { type Kind, outcome, pair, type Untyped } from "./prom-client.ts";

/** Values that have merged two series in some client, by each other's separators. */
const tricky = fc.constantFrom("", "a", "b", ",", ":", "|", "a:b", "a,b:", "b:a,", '"', "\0", "1");

describe("two label sets", () => {
  test("are two series, whatever separators their values hold", () => {
    const pairs = fc.array(fc.tuple(tricky, tricky, fc.nat({ max: 5 })), { maxLength: 40 });
    fc.assert(
      fc.property(pairs, fc.boolean(), (increments, byPosition) => {
        const counter = new Counter({ name: "c", help: "C.", labelNames: ["x", "y"] });
        const reference = new Map<string, number>();
        for (const [x, y, by] of increments) {
          if (byPosition) counter.labels(x, y).inc(by);
          else counter.inc({ y, x }, by);
          const key = JSON.stringify([x, y]);
          reference.set(key, (reference.get(key) ?? 0) + by);
        }
        const samples = counter.family()?.samples ?? [];
        const counted = samples.map(({ labels, value }): [string, number] => [
          JSON.stringify([labels["x"] ?? "", labels["y"] ?? ""]),
          value,
        ]);
        expect(counted).toEqual([...reference]);
      }),
      { numRuns: 2000 },
    );
  });

  test("are two series for arbitrary text too", () => {
    const text = fc.string({ unit: "binary", maxLength: 3 });
    fc.assert(
      fc.property(fc.uniqueArray(fc.tuple(text, text, text), { selector: String }), (sets) => {
        const children = new Children(["a", "b", "c"], () => ({}));
        const made = sets.map((values) => children.resolveValues(values));
        const distinct = new Set(sets.map((values) => JSON.stringify(values)));
        expect(new Set(made).size).toBe(distinct.size);
        expect(sets.map(([a, b, c]) => children.resolve({ c, b, a }))).toEqual(made);
      }),
      { numRuns: 1000 },
    );
  });
});

describe("one series", () => {
  test("is a label that is empty, missing, undefined or null", () => {
    const children = new Children(["x", "y"], () => ({}));
    const child = children.resolve({ x: "1" });
    expect(children.resolve({ x: "1", y: "" })).toBe(child);
    expect(children.resolve({ x: "1", y: undefined })).toBe(child);
    expect(children.resolve({ x: "1", y: null } as never)).toBe(child);
    expect(children.resolveValues(["1", ""])).toBe(child);
    expect(children.resolveValues(["1", undefined] as never)).toBe(child);
    expect([...children.entries()]).toEqual([{ labels: { x: "1" }, child: {}, text: 'x="1"' }]);
  });

  test("is a number and its text", () => {
    const children = new Children(["x"], () => ({}));
    expect(children.resolve({ x: 1 })).toBe(children.resolveValues(["1"]));
  });

  test("has no label that the caller's object only inherits from every object", () => {
    const children = new Children(["constructor", "toString"], () => ({}));
    children.resolve({});
    expect([...children.entries()]).toEqual([{ labels: {}, child: {}, text: "" }]);
  });

  test("keeps no hold on the caller's object", () => {
    const children = new Children(["x"], () => ({}));
    const labels = { x: "1" };
    children.resolve(labels);
    labels.x = "2";
    children.resolve(labels);
    expect(Array.from(children.entries(), (entry) => entry.labels)).toEqual([
      { x: "1" },
      { x: "2" },
    ]);
  });

  test("is the one of an instrument without labels", () => {
    const children = new Children([], () => ({}));
    expect(children.resolve({})).toBe(children.resolveValues([]));
    expect(children.resolveArguments([])).toBe(children.resolveArguments([{}]));
  });
});

describe("a label set that gets no series leaves nothing behind", () => {
  test("when there are too many", () => {
    const limit = { maxLabelSets: 1, open: ["a"], dropped: () => {} };
    const children = new Children(["a", "b"], () => ({}), { limit });
    for (let set = 0; set < 100; set++) children.resolve({ a: `${set}`, b: "x" });
    expect([...children.root.keys()]).toEqual(["0", "other"]);
  });

  test("when its values are refused", () => {
    const check = () => {
      throw new Error("no");
    };
    const children = new Children(["a", "b"], () => ({}), { check });
    expect(() => children.resolve({ a: "1", b: "x" })).toThrow("no");
    expect(children.root.size).toBe(0);
  });
});

describe("labels that are not the instrument's are refused in prom-client's words:", () => {
  const methods: readonly { readonly kind: Kind; readonly method: keyof Untyped }[] = [
    { kind: "counter", method: "inc" },
    { kind: "gauge", method: "set" },
    { kind: "gauge", method: "inc" },
    { kind: "gauge", method: "dec" },
    { kind: "histogram", method: "observe" },
  ];

  describe.each(methods)("$kind.$method", ({ kind, method }) => {
    test.each<{ name: string; labelNames: string[]; call: (metric: Untyped) => void }>([
      {
        name: "a label that it has not",
        labelNames: ["a", "b"],
        call: (metric) => metric[method]({ a: "1", z: "2" }, 1),
      },
      {
        name: "a label of an instrument without any",
        labelNames: [],
        call: (metric) => metric[method]({ z: "2" }, 1),
      },
      {
        name: "a label that it has not, of many",
        labelNames: Array.from({ length: 30 }, (_, index) => `label_${index}`),
        call: (metric) => metric[method]({ z: "2" }, 1),
      },
      {
        name: "a label that it has not, in a kept child",
        labelNames: ["a"],
        call: (metric) => metric.labels({ z: "2" })[method](1),
      },
      {
        name: "too few values",
        labelNames: ["a", "b"],
        call: (metric) => metric.labels("1")[method](1),
      },
      {
        name: "too many values",
        labelNames: ["a", "b"],
        call: (metric) => metric.labels("1", "2", "3")[method](1),
      },
      {
        name: "no values",
        labelNames: ["a", "b"],
        call: (metric) => metric.labels()[method](1),
      },
    ])("$name", ({ labelNames, call }) => {
      const { ours, theirs } = pair(kind, labelNames);
      const refused = outcome(() => call(theirs));
      expect(refused).toMatch(/^Error: (?:Added label|Invalid number of arguments)/);
      expect(outcome(() => call(ours))).toBe(refused);
    });
  });
});
