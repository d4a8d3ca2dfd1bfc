import {
  recordCacheHit,
  recordCacheMiss,
  trackFeatureCalculation,
  trackFeatureQuery,
} from "../../metrics/feature-store.ts";

export type FeatureCache = {
  /** The feature's value on a day, by index into the prices. */
  get(day: number): number;
  /** Queries so far, for the hit rate. */
  traffic(): { readonly hits: number; readonly misses: number };
};

/** Days that the first layer keeps. */
const FIRST_LAYER_DAYS = 20;

/**
 * One feature behind the two cache layers of a live system, here both in memory: recent days in the
 * first, where the live system has Redis, everything in the second, where it has TimescaleDB.
 */
export function createFeatureCache(
  feature: string,
  calculate: (day: number) => number,
): FeatureCache {
  const first = new Map<number, number>();
  const second = new Map<number, number>();
  let hits = 0;
  let misses = 0;

  function keepRecent(day: number, value: number): void {
    first.set(day, value);
    const [oldest] = first.keys();
    if (first.size > FIRST_LAYER_DAYS && oldest !== undefined) first.delete(oldest);
  }

  function lookUp(day: number): number {
    const recent = first.get(day);
    if (recent !== undefined) {
      hits++;
      recordCacheHit("L1_Redis");
      return recent;
    }
    const stored = second.get(day);
    if (stored !== undefined) {
      hits++;
      recordCacheHit("L2_TimescaleDB");
      return stored;
    }
    misses++;
    recordCacheMiss();
    const value = trackFeatureCalculation(feature, () => calculate(day));
    keepRecent(day, value);
    second.set(day, value);
    return value;
  }

  return {
    get: (day) => trackFeatureQuery(() => lookUp(day)),
    traffic: () => ({ hits, misses }),
  };
}
