import type { MetricFamily } from "../metrics/exposition/family.ts";
import { renderFamilies } from "../metrics/exposition/render.ts";
import { BUILD } from "./build.ts";
import type { Store } from "./store.ts";

/** The one thing the gateway says about itself; the pushed metrics are what people come for. */
const BUILD_INFO: MetricFamily = {
  type: "gauge",
  name: "pushgateway_build_info",
  help: "A metric with a constant '1' value, labeled by what this gateway is: closing-bell's embedded one.",
  samples: [{ labels: BUILD, value: 1 }],
};

/** All groups in one: what Prometheus scrapes. Families by name, series by their label values. */
export function renderStore(store: Store): Buffer {
  return renderFamilies(gathered(store));
}

/** The families of all groups under one name each. Help texts may differ: the first one stays. */
export function gathered(store: Store): MetricFamily[] {
  const families = new Map<string, MetricFamily>([[BUILD_INFO.name, BUILD_INFO]]);
  for (const group of store.values()) {
    for (const [name, { family }] of group.families) {
      families.set(name, joined(families.get(name), family));
    }
  }
  return [...families.values()]
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map((family) => sortedSamples({ ...family, help: family.help ?? "" }));
}

function joined(before: MetricFamily | undefined, family: MetricFamily): MetricFamily {
  if (before === undefined) return family;
  // One type per name is what every push is checked for.
  return { ...before, samples: [...before.samples, ...family.samples] } as MetricFamily;
}

function sortedSamples(family: MetricFamily): MetricFamily {
  const keyed = family.samples.map((sample) => ({ sample, values: Object.values(sample.labels) }));
  keyed.sort((a, b) => compareValues(a.values, b.values));
  return { ...family, samples: keyed.map(({ sample }) => sample) } as MetricFamily;
}

function compareValues(a: readonly string[], b: readonly string[]): number {
  if (a.length !== b.length) return a.length - b.length;
  const index = a.findIndex((value, at) => value !== b[at]);
  return index === -1 ? 0 : (a[index] ?? "") < (b[index] ?? "") ? -1 : 1;
}
