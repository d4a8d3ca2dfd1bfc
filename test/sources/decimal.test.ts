import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { multiply, parseDecimal, subtract, toNumber } from "../../src/sources/decimal.ts";

describe("parseDecimal", () => {
  test.each<{ value: unknown; number: number }>([
    { value: "103820.56", number: 103_820.56 },
    { value: "-23140.2", number: -23_140.2 },
    { value: "0", number: 0 },
    { value: "-0", number: 0 },
    { value: "+7", number: 7 },
    { value: "000000012.50", number: 12.5 },
    { value: "1e3", number: 1000 },
    { value: "1.5E-7", number: 1.5e-7 },
    { value: 12.75, number: 12.75 },
    { value: 1e21, number: 1e21 },
    { value: 5e-324, number: 5e-324 },
    { value: -0, number: 0 },
    { value: "0.1234567890123456789", number: 0.123_456_789_012_345_68 },
  ])("$value", ({ value, number }) => {
    const decimal = parseDecimal(value);
    expect(decimal === undefined ? undefined : toNumber(decimal)).toBe(number);
  });

  test.each<{ value: unknown }>(
    [
      "",
      " ",
      "1 ",
      " 1",
      "1\n",
      "1,000.00",
      "1.000,00",
      ".5",
      "5.",
      "0x10",
      "1_000",
      "$5",
      "NaN",
      "Infinity",
      "1e101",
      "1e9999",
      "--1",
      "1e",
      "١٢",
      "9".repeat(101),
      Number.NaN,
      Number.POSITIVE_INFINITY,
      1e101,
      null,
      undefined,
      true,
      10n,
      [],
      ["1"],
      {},
    ].map((value) => ({ value })),
  )("refuses $value", ({ value }) => {
    expect(parseDecimal(value)).toBeUndefined();
  });
});

describe("arithmetic", () => {
  test("shows no noise of floating point", () => {
    expect(103_820.56 - 103_529.24).not.toBe(291.32);
    expect(toNumber(subtract(decimal("103820.56"), decimal("103529.24")))).toBe(291.32);
    expect(toNumber(multiply(decimal(12_345), decimal(0.01)))).toBe(123.45);
    expect(toNumber(subtract(decimal("0.3"), decimal("0.1")))).toBe(0.2);
  });

  test("of cents is that of whole numbers", () => {
    const cents = fc.integer({ min: -1e12, max: 1e12 });
    const spelled = (value: number) => decimal(`${value}e-2`);
    fc.assert(
      fc.property(cents, cents, (a, b) => {
        expect(toNumber(subtract(spelled(a), spelled(b)))).toBe((a - b) / 100 + 0);
        expect(toNumber(multiply(decimal(a), decimal("0.01")))).toBe(a / 100 + 0);
      }),
    );
  });

  test("reads every double of money's size as itself", () => {
    fc.assert(
      fc.property(fc.double({ min: -1e100, max: 1e100, noNaN: true }), (value) => {
        expect(toNumber(decimal(value))).toBe(value + 0);
      }),
    );
  });
});

function decimal(value: unknown) {
  const parsed = parseDecimal(value);
  if (parsed === undefined) throw new Error(`${value} is none`);
  return parsed;
}
