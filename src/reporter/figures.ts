/** What is known of these facts: without the ones that are undefined, or numbers that are none. */
export function given<T extends object>(facts: T): Given<T> {
  const known = Object.entries(facts).filter(
    ([, fact]) => fact !== undefined && (typeof fact !== "number" || Number.isFinite(fact)),
  );
  return Object.fromEntries(known) as Given<T>;
}

/** A fact that may be undefined is optional instead. */
export type Given<T> = {
  readonly [Name in keyof T as undefined extends T[Name] ? never : Name]: T[Name];
} & {
  readonly [Name in keyof T as undefined extends T[Name] ? Name : never]?: Exclude<
    T[Name],
    undefined
  >;
};

/** A fraction as a percentage, to 8 decimals. Undefined when it is too large for a number. */
export function percent(fraction: number): number | undefined {
  return Number.isFinite(fraction * 100) ? fixed(fraction * 100, 8) : undefined;
}

/** An amount as a source gave it, to 15 significant digits: whatever a decimal of that length says. */
export function sourced(amount: number | undefined): number | undefined {
  return amount === undefined ? undefined : Number(amount.toPrecision(15));
}

/**
 * `amount - others`, to 9 decimals, or to as many as 14 digits of the largest of them leave: beyond
 * that there is only the noise of subtracting.
 */
export function less(amount: number, ...others: readonly number[]): number | undefined {
  const result = others.reduce((rest, other) => rest - other, amount);
  if (!Number.isFinite(result)) return undefined;
  const size = Math.max(1, ...[amount, ...others].map(Math.abs));
  const digits = Math.floor(Math.log10(size)) + 1;
  return fixed(result, Math.min(9, Math.max(0, 14 - digits)));
}

/** Never -0. */
function fixed(value: number, decimals: number): number {
  return Number(value.toFixed(decimals)) + 0;
}
