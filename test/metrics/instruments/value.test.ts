import { describe, expect, test } from "@jest/globals";
import { finite } from "../../../src/metrics/instruments/value.ts";
import { type Kind, outcome, pair, type Untyped } from "./prom-client.ts";

const noNumbers: readonly unknown[] = ["1", "", "x", true, 1n, {}, [], Symbol("s"), () => 1];

const methods: readonly { readonly kind: Kind; readonly method: keyof Untyped }[] = [
  { kind: "counter", method: "inc" },
  { kind: "gauge", method: "set" },
  { kind: "gauge", method: "inc" },
  { kind: "gauge", method: "dec" },
  { kind: "histogram", method: "observe" },
];

describe.each(methods)("$kind.$method with labels", ({ kind, method }) => {
  test.each(noNumbers)("refuses %p, in prom-client's words where it refuses", (value) => {
    const { ours, theirs } = pair(kind, ["a"]);
    const refused = outcome(() => theirs[method]({ a: "1" }, value));
    // prom-client counts "" as 0, and lowers by "1" since it negates before it checks.
    if (refused === "no error" || method === "dec") return;
    expect(refused).toMatch(/^TypeError: (?:Value|Delta) is not a valid number: /);
    expect(outcome(() => ours[method]({ a: "1" }, value))).toBe(refused);
    expect(outcome(() => ours.labels("1")[method](value))).toBe(refused);
  });

  test.each([...noNumbers, null, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])(
    "refuses %p, and makes no series of it",
    (value) => {
      const { ours } = pair(kind, ["a"]);
      for (const call of [
        () => ours[method]({ a: "1" }, value),
        () => ours.labels("1")[method](value),
        () => ours.labels({ a: "1" })[method](value),
      ]) {
        expect(outcome(call)).toMatch(/^TypeError: (?:Value|Delta) is not a valid number: /);
      }
      expect((ours as unknown as { family(): unknown }).family()).toBeUndefined();
    },
  );
});

describe.each(methods)("$kind.$method without labels", ({ kind, method }) => {
  test.each(["1", "x", true, 1n, Number.NaN, Number.POSITIVE_INFINITY, null])(
    "refuses %p, and makes no series of it",
    (value) => {
      const { ours } = pair(kind, []);
      expect(outcome(() => ours[method](value))).toMatch(/^TypeError: .* is not a valid number: /);
      expect((ours as unknown as { family(): unknown }).family()).toBeUndefined();
    },
  );
});

test.each([0, -0, 5e-324, -1, Number.MAX_VALUE])("%p is a number", (value) => {
  expect(finite(value)).toBe(value);
});
