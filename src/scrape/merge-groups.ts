import type { LabelSet, MetricFamily } from "../metrics/exposition/family.ts";

/** Totals of one group, as it names its series: without the group's own labels. */
export type ServedGroup = {
  /** `job` and the grouping labels. */
  readonly labels: LabelSet;
  readonly families: readonly MetricFamily[];
};

export type MergedGroups = {
  /** In the order of their names. Their series carry their group's labels. */
  readonly families: readonly MetricFamily[];
  /** What was left out, for people: a sentence for each family or series. */
  readonly conflicts: readonly string[];
};

/**
 * Several groups as one exposition, in which a family is there once with the series of all groups.
 *
 * What a Pushgateway would refuse is left out here: of two groups that give a name different types, or
 * have the same series, the first one is served. So the order of `groups` has to stay the same.
 *
 * Every series gets an empty `instance`, as at a Pushgateway: without it Prometheus attaches the
 * server's own, even with `honor_labels`.
 */
export function mergeGroups(groups: readonly ServedGroup[]): MergedGroups {
  const families = new Map<string, Merged>();
  /** Which family has series of this name, and in which group it was seen first. */
  const owners = new Map<string, { readonly family: string; readonly group: string }>();
  const conflicts: string[] = [];

  for (const { labels: own, families: theirs } of groups) {
    const group = labelText(own);
    for (const family of theirs) {
      const { name, type } = family;
      const known = families.get(name);
      if (known !== undefined && known.type !== type) {
        const first = owners.get(name)?.group;
        conflicts.push(`${name} is a ${type} in ${group} and a ${known.type} in ${first}`);
        continue;
      }
      const taken = seriesNames(family).find((each) => (owners.get(each)?.family ?? name) !== name);
      if (taken !== undefined) {
        const { family: other, group: first } = owners.get(taken) ?? {};
        conflicts.push(
          `${name} in ${group}: its series ${taken} is also one of ${other} in ${first}`,
        );
        continue;
      }
      for (const each of seriesNames(family)) {
        if (!owners.has(each)) owners.set(each, { family: name, group });
      }
      const merged = known ?? { type, help: family.help, series: new Map<string, Sample>() };
      families.set(name, merged);
      for (const sample of family.samples) {
        const labels = sorted({ instance: "", ...sample.labels, ...own });
        const key = JSON.stringify(Object.entries(labels).filter(([, value]) => value !== ""));
        if (merged.series.has(key)) {
          conflicts.push(`${name} in ${group}: another group has the series ${labelText(labels)}`);
        } else merged.series.set(key, { ...sample, labels });
      }
    }
  }
  return { families: [...families].sort(byName).map(toFamily), conflicts };
}

type Sample = MetricFamily["samples"][number];

type Merged = {
  readonly type: MetricFamily["type"];
  readonly help: string | undefined;
  readonly series: Map<string, Sample>;
};

function toFamily([name, { type, help, series }]: readonly [string, Merged]): MetricFamily {
  const head = help === undefined ? { type, name } : { type, name, help };
  // Samples of families of this type, and of no others.
  return { ...head, samples: [...series.values()] } as MetricFamily;
}

/** Names under which a family's series are stored: two families must not share one. */
function seriesNames({ type, name }: MetricFamily): readonly string[] {
  if (type === "histogram") return [name, `${name}_bucket`, `${name}_sum`, `${name}_count`];
  return type === "summary" ? [name, `${name}_sum`, `${name}_count`] : [name];
}

function sorted(labels: LabelSet): LabelSet {
  return Object.fromEntries(Object.entries(labels).sort(byName));
}

function labelText(labels: LabelSet): string {
  const pairs = Object.entries(labels).filter(([, value]) => value !== "");
  return `{${pairs.map(([name, value]) => `${name}=${JSON.stringify(value)}`).join(",")}}`;
}

function byName([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : 1;
}
