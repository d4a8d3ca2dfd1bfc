import { labelValueProblem } from "../../grouping-key.ts";
import type { LabelDomain } from "../definition.ts";
import type { LabelSet, MetricFamily } from "../exposition/family.ts";

type LabelDomains = Readonly<Record<string, LabelDomain>>;

/**
 * A counter or histogram and, after what was set, the label sets that may still come: those that
 * differ from it in enumerated labels alone, at 0. To `increase()` a series that appears with its
 * first count has not grown, so SELL is born with BUY and not with the first sale. Gauges stay as
 * they are: 0 would be a value of theirs.
 */
export function bornTogether(family: MetricFamily, domains: LabelDomains): MetricFamily {
  switch (family.type) {
    case "counter": {
      const born = unsetLabelSets(family.samples, domains).map((labels) => ({ labels, value: 0 }));
      return { ...family, samples: [...family.samples, ...born] };
    }
    case "histogram": {
      const buckets = (family.samples[0]?.buckets ?? []).map(({ upperBound }) => {
        return { upperBound, cumulativeCount: 0 };
      });
      const born = unsetLabelSets(family.samples, domains).map((labels) => {
        return { labels, buckets, count: 0, sum: 0 };
      });
      return { ...family, samples: [...family.samples, ...born] };
    }
    default:
      return family;
  }
}

function unsetLabelSets(
  samples: readonly { readonly labels: LabelSet }[],
  domains: LabelDomains,
): readonly LabelSet[] {
  const all = samples.flatMap(({ labels }) => siblings(labels, domains));
  const unset = new Map(all.map((labels) => [JSON.stringify(labels), labels]));
  for (const { labels } of samples) unset.delete(JSON.stringify(labels));
  return [...unset.values()];
}

/** All that have the same open labels, each in the order of the definition. */
function siblings(labels: LabelSet, domains: LabelDomains): readonly LabelSet[] {
  return Object.entries(domains).reduce<readonly LabelSet[]>(
    (sets, [name, domain]) => {
      const listed = Array.isArray(domain) ? domain.map(String).filter(isUsable) : undefined;
      const values = listed ?? [labels[name] ?? ""];
      // To Prometheus an empty label is none.
      return sets.flatMap((set) =>
        values.map((value) => (value ? { ...set, [name]: value } : set)),
      );
    },
    [{}],
  );
}

/** A definition may list what no series can be set to: it must not cost the run its report. */
function isUsable(value: string): boolean {
  return labelValueProblem(value) === undefined;
}
