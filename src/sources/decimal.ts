/**
 * A decimal number, exactly: `digits` times ten to the power of `-scale`. Doubles are not: in them
 * 103820.56 less 103529.24 is 291.3199999999997.
 */
export type Decimal = { readonly digits: bigint; readonly scale: number };

export const ZERO: Decimal = { digits: 0n, scale: 0 };

/**
 * What JSON calls a number, also with leading zeros or a plus, as some brokers pad theirs. No spaces,
 * no thousands separators, no `.5`, no `NaN`.
 */
const DECIMAL = /^([+-]?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d{1,3}))?$/;

/** Beyond it nothing is an amount, and sums and products might not be finite. */
const MAX_MAGNITUDE = 1e100;

/** Characters of a number's text: no amount of money needs more. */
const MAX_LENGTH = 100;

/** The number that a JSON value is or, as a string, spells; undefined when it is none. */
export function parseDecimal(value: unknown): Decimal | undefined {
  if (typeof value !== "string" && typeof value !== "number") return undefined;
  // The shortest text that gives the double: what its sender wrote, up to 15 digits.
  const text = `${value}`;
  if (text.length > MAX_LENGTH) return undefined;
  const [, sign, whole = "", fraction = "", exponent = "0"] = DECIMAL.exec(text) ?? [];
  if (sign === undefined) return undefined;
  const magnitude = BigInt(whole + fraction);
  const decimal = {
    digits: sign === "-" ? -magnitude : magnitude,
    scale: fraction.length - Number(exponent),
  };
  return Math.abs(toNumber(decimal)) <= MAX_MAGNITUDE ? decimal : undefined;
}

export function subtract(a: Decimal, b: Decimal): Decimal {
  const scale = Math.max(a.scale, b.scale);
  return { digits: digitsAt(a, scale) - digitsAt(b, scale), scale };
}

export function multiply(a: Decimal, b: Decimal): Decimal {
  return { digits: a.digits * b.digits, scale: a.scale + b.scale };
}

/** The double nearest to it; never -0. */
export function toNumber({ digits, scale }: Decimal): number {
  return digits === 0n ? 0 : Number(`${digits}e${-scale}`);
}

function digitsAt({ digits, scale }: Decimal, finer: number): bigint {
  return digits * 10n ** BigInt(finer - scale);
}
