import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { amountOf, MAX_AMOUNT, numberOf } from "../../src/record/amount.ts";

describe("an amount", () => {
  test.each<{ value: number; amount: bigint }>([
    { value: 0, amount: 0n },
    { value: -0, amount: 0n },
    { value: 0.1, amount: 100_000_000n },
    { value: 1e-9, amount: 1n },
    { value: 4e-10, amount: 0n },
    { value: 1.6e-9, amount: 2n },
    { value: -1.5, amount: -1_500_000_000n },
    { value: -1e-10, amount: 0n },
    { value: 2 ** 53 - 1, amount: 9_007_199_254_740_991_000_000_000n },
    { value: 1e15, amount: 10n ** 24n },
  ])("of $value is $amount billionths", ({ value, amount }) => {
    expect(amountOf(value)).toBe(amount);
  });

  test("reads back as the value it was, to nine digits", () => {
    fc.assert(
      fc.property(fc.double({ min: -MAX_AMOUNT, max: MAX_AMOUNT, noNaN: true }), (value) => {
        const back = numberOf(amountOf(value));
        // Half a billionth, or what a double of this size cannot tell apart.
        expect(Math.abs(back - value)).toBeLessThanOrEqual(5e-10 + Math.abs(value) * 2 ** -52);
        expect(numberOf(amountOf(back))).toBe(back);
      }),
    );
  });

  test("adds up where doubles do not", () => {
    const sum = Array.from({ length: 1_000_000 }, () => amountOf(0.1)).reduce((a, b) => a + b, 0n);
    expect(numberOf(sum)).toBe(100_000);
  });
});
