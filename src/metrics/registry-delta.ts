import type { LabelSet, MetricFamily } from "./exposition/family.ts";
import { type MetricRegistry, registryFamilies } from "./prom-client.ts";

/**
 * Registries as one run sees them: what counters and histograms grew by since this was called, or
 * since the result was called before, and what gauges hold when it is called. So a registry may outlive the run, as in a process
 * that serves one run after another, and each run reports what is its own.
 *
 * Both calls reject with whatever a `collect` throws.
 */
export async function watchRegistries(
  registries: readonly MetricRegistry[],
): Promise<() => Promise<readonly MetricFamily[]>> {
  const readAll = async () => (await Promise.all(registries.map(registryFamilies))).flat();
  let before = byName(await readAll());
  return async () => {
    const after = await readAll();
    const grown = after.map((family) => grownSince(before.get(family.name), family));
    before = byName(after);
    return grown;
  };
}

function byName(families: readonly MetricFamily[]): ReadonlyMap<string, MetricFamily> {
  return new Map(families.map((family) => [family.name, family]));
}

function grownSince(before: MetricFamily | undefined, after: MetricFamily): MetricFamily {
  if (before === undefined || before.type !== after.type) return after;
  if (after.type === "counter" && before.type === "counter") {
    const earlier = byLabels(before.samples);
    const samples = after.samples.map((sample) => {
      const base = earlier.get(key(sample.labels))?.value ?? 0;
      // Lower than before: it was reset in between, and what it holds is all new.
      return { ...sample, value: sample.value >= base ? sample.value - base : sample.value };
    });
    return { ...after, samples };
  }
  if (after.type === "histogram" && before.type === "histogram") {
    const earlier = byLabels(before.samples);
    const samples = after.samples.map((sample) => {
      const base = earlier.get(key(sample.labels));
      if (base === undefined) return sample;
      const buckets = sample.buckets.map((bucket, index) => ({
        ...bucket,
        cumulativeCount: bucket.cumulativeCount - (base.buckets[index]?.cumulativeCount ?? 0),
      }));
      const count = sample.count - base.count;
      // One bucket lower than before is enough: in sum they may have grown past it again.
      const cumulative = [0, ...buckets.map(({ cumulativeCount }) => cumulativeCount), count];
      const wasReset = cumulative.some((upTo, index) => upTo < (cumulative[index - 1] ?? 0));
      return wasReset ? sample : { ...sample, buckets, count, sum: sample.sum - base.sum };
    });
    return { ...after, samples };
  }
  return after;
}

function byLabels<Sample extends { readonly labels: LabelSet }>(
  samples: readonly Sample[],
): ReadonlyMap<string, Sample> {
  return new Map(samples.map((sample) => [key(sample.labels), sample]));
}

function key(labels: LabelSet): string {
  return JSON.stringify(Object.entries(labels).sort());
}
