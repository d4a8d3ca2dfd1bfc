import { catalogue } from "./catalogue.ts";
import { numbersOf, report, timed } from "./report.ts";

export type CacheLayer = (typeof catalogue.cacheHitsTotal.labels.layer)[number];

/** Measures a feature's calculation, synchronous or not, and returns what `fn` returns. */
export function trackFeatureCalculation<T>(feature: string, fn: () => T): T {
  return timed(fn, (seconds) =>
    report((set) =>
      set
        .get(catalogue.featureCalculationLatencySeconds)
        .observe({ feature_name: feature }, seconds),
    ),
  );
}

/** Measures a whole query of the feature store, caches included, and returns what `fn` returns. */
export function trackFeatureQuery<T>(fn: () => T): T {
  return timed(fn, (seconds) =>
    report((set) => set.get(catalogue.featureStoreQueryLatencySeconds).observe(seconds)),
  );
}

/** Counts a hit in a cache layer. */
export function recordCacheHit(layer: CacheLayer): void {
  report((set) => set.get(catalogue.cacheHitsTotal).inc({ layer }));
}

/** Counts a miss: the feature had to be calculated. */
export function recordCacheMiss(): void {
  report((set) => set.get(catalogue.cacheMissesTotal).inc());
}

/** Sets the hit rate of `hits` and `misses`. Without traffic there is no rate, and none is set. */
export function updateCacheMetrics(traffic: {
  readonly hits: number;
  readonly misses: number;
}): void {
  report((set) => {
    const numbers = numbersOf("updateCacheMetrics", traffic, ["hits", "misses"]);
    const hits = numbers.get("hits") ?? 0;
    const misses = numbers.get("misses") ?? 0;
    if (hits < 0 || misses < 0) {
      throw new RangeError(`updateCacheMetrics: hits ${hits} and misses ${misses} must be counts`);
    }
    if (hits + misses > 0) set.get(catalogue.cacheHitRate).set(hits / (hits + misses));
  });
}
