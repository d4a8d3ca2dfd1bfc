import { InvalidInputError } from "../errors.ts";
import type { BacktestResults } from "./results.ts";

/**
 * How far the reported return may be from `final / start - 1`, as a fraction: 0.01 percentage points.
 * The coarsest return that is read is LEAN's, a fraction with 4 places, which is off by up to 0.005
 * points. A unit that was mistaken is off by 99 times the return, which is more for any return above
 * 0.0002 %.
 */
const TOLERANCE = 1e-4;

/** The same relative to what became of the capital, for returns of many thousand percent. */
const RELATIVE_TOLERANCE = 1e-6;

/** Results where what is undefined is unknown. */
export type FoundResults = {
  readonly [Name in keyof BacktestResults]: BacktestResults[Name] | undefined;
};

/**
 * Leaves out what is unknown, and refuses results that contradict themselves or cannot be. Every
 * reader ends here.
 *
 * @throws {InvalidInputError} naming both numbers.
 */
export function checkedResults(found: FoundResults): BacktestResults {
  const results: BacktestResults = Object.fromEntries(
    Object.entries(found).filter(([, value]) => value !== undefined),
  );
  const { startValue, finalValue, totalReturnPct, maxDrawdownPct } = results;
  const { winRate, startTime, endTime, currency } = results;
  if (startValue !== undefined && !(startValue > 0)) {
    throw new InvalidInputError(`the start balance is ${startValue}; expected more than 0`);
  }
  if (startValue !== undefined && finalValue !== undefined && totalReturnPct !== undefined) {
    checkReturn(startValue, finalValue, totalReturnPct);
  }
  if (maxDrawdownPct !== undefined && maxDrawdownPct > 0) {
    throw new InvalidInputError(
      `the maximum drawdown is ${shown(maxDrawdownPct)} %; expected 0 or less`,
    );
  }
  for (const [name, count] of [
    ["trades", results.trades],
    ["open positions", results.openPositions],
  ] as const) {
    if (count !== undefined && !(Number.isSafeInteger(count) && count >= 0)) {
      throw new InvalidInputError(`the number of ${name} is ${count}; expected a whole number`);
    }
  }
  if (winRate !== undefined && !(winRate >= 0 && winRate <= 1)) {
    throw new InvalidInputError(`the win rate is ${shown(winRate * 100)} %; expected 0 to 100`);
  }
  if (startTime !== undefined && endTime !== undefined && endTime < startTime) {
    throw new InvalidInputError(`it ends (${iso(endTime)}) before it starts (${iso(startTime)})`);
  }
  if (currency !== undefined && !/^[A-Za-z0-9]{1,12}$/.test(currency)) {
    throw new InvalidInputError("the currency is no symbol such as USD");
  }
  return results;
}

function checkReturn(startValue: number, finalValue: number, totalReturnPct: number): void {
  const ratio = finalValue / startValue;
  const difference = Math.abs(ratio - 1 - totalReturnPct / 100);
  if (difference <= TOLERANCE + RELATIVE_TOLERANCE * Math.abs(ratio)) return;
  throw new InvalidInputError(
    `it contradicts itself: from ${startValue} to ${finalValue} is a return of ` +
      `${shown((ratio - 1) * 100)} %, but it says ${shown(totalReturnPct)} %`,
  );
}

function shown(number: number): string {
  return `${Number(number.toPrecision(6))}`;
}

function iso(seconds: number): string {
  return new Date(seconds * 1000).toISOString();
}
