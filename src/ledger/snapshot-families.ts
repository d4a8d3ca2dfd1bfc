import type { CounterDefinition } from "../metrics/definition.ts";
import type { LabelSet, MetricFamily, ScalarSample } from "../metrics/exposition/family.ts";
import { numberOf } from "../record/amount.ts";
import { labelKey } from "../record/record-family.ts";
import { isLater } from "./fold.ts";
import { ledgerCatalogue } from "./own-families.ts";
import type { FamilyTotals, GaugeTotal, HistogramTotals, Snapshot } from "./snapshot.ts";

/** A group's totals as metric families, in the order of their names: what is published. Pure. */
export function snapshotFamilies({ totals }: Snapshot): readonly MetricFamily[] {
  const results = new Map(
    totals.results?.families.map(({ name, samples }) => {
      const { at = 0, id = "" } = totals.results ?? {};
      return [name, samples.map((sample): GaugeTotal => ({ ...sample, at, id }))];
    }),
  );
  const { droppedLabelSetsTotal, rejectedRecordsTotal } = ledgerCatalogue;
  const families = totals.families.map((family) => {
    return familyOf(family, results.get(family.name) ?? []);
  });
  return [
    { definition: droppedLabelSetsTotal, value: totals.droppedLabelSets },
    { definition: rejectedRecordsTotal, value: totals.rejected },
  ]
    .reduce(addOwn, families)
    .filter(({ samples }) => samples.length > 0);
}

/** Adds what the ledger counted itself to what runs counted under the same name. */
function addOwn(
  families: readonly MetricFamily[],
  { definition: { type, name, help }, value }: { definition: CounterDefinition; value: number },
): readonly MetricFamily[] {
  // Only what there is to tell: most groups never drop or reject anything.
  if (value === 0) return families;
  const counted = families.find((family) => family.name === name);
  const before = counted?.type === "counter" ? (counted.samples[0]?.value ?? 0) : 0;
  const samples = [{ labels: {}, value: before + value }];
  return [...families.filter((family) => family !== counted), { type, name, help, samples }];
}

function familyOf(family: FamilyTotals, results: readonly GaugeTotal[]): MetricFamily {
  const { name, help } = family;
  const head = help === undefined ? { name } : { name, help };
  switch (family.type) {
    case "counter": {
      const samples = family.samples.map(({ labels, value }) => {
        return { labels, value: numberOf(value) };
      });
      return { type: family.type, ...head, samples };
    }
    case "histogram":
      return { type: family.type, ...head, samples: family.samples.map(histogramSample(family)) };
    case "gauge":
    case "untyped":
      return { type: family.type, ...head, samples: newest([...family.samples, ...results]) };
    default:
      return family satisfies never;
  }
}

function histogramSample({ bounds }: HistogramTotals) {
  return ({ labels, counts, sum }: HistogramTotals["samples"][number]) => {
    let total = 0n;
    const cumulative = counts.map((count) => {
      total += count;
      return Number(total);
    });
    const buckets = bounds.map((upperBound, index) => {
      return { upperBound, cumulativeCount: cumulative[index] ?? 0 };
    });
    return { labels, buckets, count: Number(total), sum: numberOf(sum) };
  };
}

/** A gauge that was a status once and is a result now has both; the later one is meant. */
function newest(samples: readonly GaugeTotal[]): readonly ScalarSample[] {
  const byLabels = new Map<string, GaugeTotal>();
  for (const sample of samples) {
    const key = labelKey(sample.labels);
    const known = byLabels.get(key);
    if (known === undefined || isLater(sample, known)) byLabels.set(key, sample);
  }
  return [...byLabels.values()].map(({ labels, value }: { labels: LabelSet; value: number }) => {
    return { labels, value };
  });
}
