/**
 * A quantity that adds up exactly: a whole number of billionths (1e-9). Doubles do not: ten million
 * times 0.1 is 999999.99984 in them.
 */
export type Amount = bigint;

/** Digits after the point that are kept. */
const DIGITS = 9;

/** Largest quantity that one run may add. Beyond it a double no longer tells tenths apart. */
export const MAX_AMOUNT = 1e15;

/** The amount nearest to a finite value of at most {@link MAX_AMOUNT} on either side of zero. */
export function amountOf(value: number): Amount {
  // toFixed rounds the exact value of the double; up to 1e21 it never uses an exponent.
  return BigInt(value.toFixed(DIGITS).replace(".", ""));
}

/** The double nearest to an amount. */
export function numberOf(amount: Amount): number {
  const digits = `${amount < 0n ? -amount : amount}`.padStart(DIGITS + 1, "0");
  const value = Number(`${digits.slice(0, -DIGITS)}.${digits.slice(-DIGITS)}`);
  return amount < 0n ? -value : value;
}
