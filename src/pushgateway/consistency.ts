import type { LabelSet, MetricFamily } from "../metrics/exposition/family.ts";
import { OWN_FAMILIES } from "./own-families.ts";
import type { Group, Store } from "./store.ts";

/**
 * Why a store cannot be scraped as a whole because of one of its groups; undefined when it can.
 * The rules are client_golang's, by which the gateway tries every push before it keeps it: one
 * type per name across all groups, no series twice, no family in the way of the `_sum`, `_count`
 * and `_bucket` lines of another. The other groups are taken to agree among themselves.
 */
export function inconsistency(store: Store, id: string): string | undefined {
  const group = store.get(id);
  if (group === undefined) return undefined;
  const others = [...store].filter(([other]) => other !== id).map(([, other]) => other);
  const types = typesByName([...others, group]);
  for (const { family } of group.families.values()) {
    const problem =
      labelProblem(family) ??
      typeProblem(family, others) ??
      collision(family, types) ??
      duplicate(family, others);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

type FamilyType = MetricFamily["type"];

function typesByName(groups: readonly Group[]): ReadonlyMap<string, FamilyType> {
  const types = new Map<string, FamilyType>(OWN_FAMILIES);
  for (const { families } of groups) {
    for (const [name, { family }] of families) types.set(name, family.type);
  }
  return types;
}

function labelProblem(family: MetricFamily): string | undefined {
  for (const { labels } of family.samples) {
    for (const label of Object.keys(labels)) {
      if (label.startsWith("__")) {
        return `${collected(family.name, labels)} has a label with an invalid name: ${label}`;
      }
      if (family.type === "summary" && label === "quantile") {
        return `${collected(family.name, labels)} must not have an explicit "quantile" label`;
      }
    }
  }
  return undefined;
}

function typeProblem({ name, type, samples }: MetricFamily, others: readonly Group[]) {
  const metric = collected(name, samples[0]?.labels ?? {});
  const own = OWN_FAMILIES.get(name);
  if (own !== undefined && own !== type) {
    return `${metric} is not a ${own.toUpperCase()}, as which the gateway exposes its own ${name}`;
  }
  for (const { families, labels } of others) {
    const stored = families.get(name)?.family.type;
    if (stored !== undefined && stored !== type) {
      return `${metric} is not a ${stored.toUpperCase()}, as which group ${seriesText("", labels)} holds it`;
    }
  }
  return undefined;
}

/** The suffixes of the lines that a family of this type has besides its own name. */
const SUFFIXES: Readonly<Record<FamilyType, readonly string[]>> = {
  counter: [],
  gauge: [],
  untyped: [],
  summary: ["_count", "_sum"],
  histogram: ["_count", "_sum", "_bucket"],
};

function collision({ name, type }: MetricFamily, types: ReadonlyMap<string, FamilyType>) {
  for (const suffix of SUFFIXES.histogram) {
    if (!name.endsWith(suffix)) continue;
    const owner = name.slice(0, -suffix.length);
    const ownerType = types.get(owner);
    if (ownerType !== undefined && SUFFIXES[ownerType].includes(suffix)) {
      return `collected metric named "${name}" collides with previously collected ${ownerType} named "${owner}"`;
    }
  }
  for (const suffix of SUFFIXES[type]) {
    if (types.has(`${name}${suffix}`)) {
      return `collected ${type} named "${name}" collides with previously collected metric named "${name}${suffix}"`;
    }
  }
  return undefined;
}

function duplicate(family: MetricFamily, others: readonly Group[]): string | undefined {
  const seen = new Set<string>();
  for (const { families } of others) {
    for (const { labels } of families.get(family.name)?.family.samples ?? []) {
      seen.add(seriesKey(labels));
    }
  }
  for (const { labels } of family.samples) {
    const key = seriesKey(labels);
    if (seen.has(key)) {
      return `${collected(family.name, labels)} was collected before with the same name and label values`;
    }
    seen.add(key);
  }
  return undefined;
}

/** Stored samples have their labels in order, so that the same series always gives the same key. */
function seriesKey(labels: LabelSet): string {
  return JSON.stringify(Object.entries(labels));
}

function collected(name: string, labels: LabelSet): string {
  return `collected metric "${name}" { ${seriesText(name, labels)} }`;
}

/** A series as PromQL writes it. */
export function seriesText(name: string, labels: LabelSet): string {
  const pairs = Object.entries(labels).map(([label, value]) => `${label}=${JSON.stringify(value)}`);
  return `${name}{${pairs.join(",")}}`;
}
