import { expect, test } from "@jest/globals";
import { goFloat } from "../../src/pushgateway/go-float.ts";

/** Each as the real gateway's API prints it. */
test.each<[number, string]>([
  [0, "0"],
  [-0, "-0"],
  [1, "1"],
  [-2.5, "-2.5"],
  [100_000, "100000"],
  [1_000_000, "1e+06"],
  [1_234_567, "1.234567e+06"],
  [123_456_789, "1.23456789e+08"],
  [1e21, "1e+21"],
  [1e100, "1e+100"],
  [0.0001, "0.0001"],
  [0.00001, "1e-05"],
  [Number.NaN, "NaN"],
  [Number.POSITIVE_INFINITY, "+Inf"],
  [Number.NEGATIVE_INFINITY, "-Inf"],
])("%p is printed as %s", (value, text) => {
  expect(goFloat(value)).toBe(text);
});
