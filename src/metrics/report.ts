import { InvalidOptionError } from "../errors.ts";
import { refuseUnknownKeys } from "../options.ts";
import { currentMetricSet } from "./current.ts";
import { finite } from "./instruments/value.ts";
import type { MetricSet } from "./metric-set.ts";

/**
 * What every helper goes through: reporting never harms the job. An update that is refused changes
 * nothing, is counted (`closing_bell_refused_updates_total`) and named in the run's delivery
 * report; the job goes on. The instruments themselves throw, as prom-client's do.
 */
export function report(
  update: (metrics: MetricSet) => void,
  metrics: MetricSet = currentMetricSet(),
): void {
  try {
    update(metrics);
  } catch (error) {
    metrics.refuse(error);
  }
}

/** The named numbers of an options object; what is undefined is unknown and left out. */
export function numbersOf<Name extends string>(
  helper: string,
  given: Readonly<Partial<Record<Name, number | undefined>>>,
  names: readonly Name[],
): ReadonlyMap<Name, number> {
  refuseUnknownKeys(given, names, helper);
  const numbers = new Map<Name, number>();
  for (const name of names) {
    const value = given[name];
    if (value === undefined) continue;
    try {
      numbers.set(name, finite(value));
    } catch (cause) {
      throw new InvalidOptionError(`${helper}: ${name} is not a number: ${String(value)}`, {
        cause,
      });
    }
  }
  return numbers;
}

/** @throws {InvalidOptionError} for what is no boolean: a forgotten `await` would pass for true. */
export function boolean(what: string, value: unknown): boolean {
  if (typeof value === "boolean") return value;
  throw new InvalidOptionError(`${what} must be a boolean, got ${typeof value}`);
}

/** Seconds since the call, on the monotonic clock. */
export function stopwatch(): () => number {
  const started = performance.now();
  return () => (performance.now() - started) / 1000;
}

/**
 * Calls `fn` and tells `settled` once how long it took: after it returned or threw, or after the
 * promise that it returned settled. Gives back what `fn` gave; of a promise, one that settles
 * alike and after the time was told. Other thenables (lazy query builders start when they are
 * awaited) are left alone: what is measured then is only the call.
 */
export function timed<T>(fn: () => T, settled: (seconds: number) => void): T {
  const elapsed = stopwatch();
  let result: T;
  try {
    result = fn();
  } catch (error) {
    settled(elapsed());
    throw error;
  }
  if (result instanceof Promise) {
    return result.finally(() => settled(elapsed())) as T;
  }
  settled(elapsed());
  return result;
}
