import {
  recordCacheHit,
  recordCacheMiss,
  trackFeatureCalculation,
  trackFeatureQuery,
} from "closing-bell";

export type Layer = { get(key: string): Promise<number | undefined> };

/** A feature store of two cache layers, counted: hits by layer, misses, query and calculation time. */
export function monitoredStore(
  layers: { readonly redis: Layer; readonly timescale: Layer },
  calculate: (ticker: string) => Promise<number>,
): (ticker: string) => Promise<number> {
  return (ticker) =>
    trackFeatureQuery(async () => {
      const recent = await layers.redis.get(ticker);
      if (recent !== undefined) {
        recordCacheHit("L1_Redis");
        return recent;
      }
      const stored = await layers.timescale.get(ticker);
      if (stored !== undefined) {
        recordCacheHit("L2_TimescaleDB");
        return stored;
      }
      recordCacheMiss();
      return trackFeatureCalculation("mom_20d", () => calculate(ticker));
    });
}
