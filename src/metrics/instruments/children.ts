import { inspect } from "node:util";
import { escapeLabelValue } from "../exposition/escape.ts";
import type { LabelSet } from "../exposition/family.ts";

/** What a label object may hold at run time; everything is a string in the end. */
export type LabelInput = Readonly<Record<string, string | number | undefined>>;

/** One series of an instrument, with its labels rendered once. */
export type Entry<Child> = {
  readonly labels: LabelSet;
  readonly child: Child;
  /** `a="1",b="2"`, escaped, in the order of the label names. */
  readonly text: string;
  /** What the writer puts before the value of each of its lines; it renders them once. */
  prefixes?: readonly string[];
};

/** When an instrument has too many label sets, and what becomes of further ones. */
export type LabelLimit = {
  readonly maxLabelSets: number;
  /** Labels that may hold anything: they become `other` together. */
  readonly open: readonly string[];
  /** Told of each write that was diverted. */
  readonly dropped: () => void;
};

/** Judges the values of a new label set, and throws at one that cannot be reported. */
export type LabelCheck = (labels: LabelSet) => void;

type Level<Child> = Map<string, Child | Level<Child>>;

/**
 * The children of one instrument, one per label set: a map per label position, so that finding one
 * builds no key string and two different label sets can never share a key.
 *
 * A class, with fields that are not `#private`: this is the hot path of every labelled write.
 */
export class Children<Child extends object> {
  readonly labelNames: readonly string[];
  readonly create: () => Child;
  readonly limit: LabelLimit | undefined;
  readonly check: LabelCheck | undefined;
  readonly size: number;
  readonly first: string;
  readonly second: string;
  root: Level<Child> = new Map();
  created = new Map<Child, Entry<Child>>();

  constructor(
    labelNames: readonly string[],
    create: () => Child,
    { limit, check }: { readonly limit?: LabelLimit; readonly check?: LabelCheck } = {},
  ) {
    this.labelNames = labelNames;
    this.create = create;
    this.limit = limit;
    this.check = check;
    this.size = labelNames.length;
    this.first = labelNames[0] ?? "";
    this.second = labelNames[1] ?? "";
  }

  /** The child of a label object; made when new. Refuses labels that the instrument has not. */
  resolve(labels: LabelInput): Child {
    // Two labels or one, all strings and known: no array, no closure. Half the cost of a write.
    if (this.size === 2) {
      const first = labels[this.first];
      const second = labels[this.second];
      if (typeof first === "string" && typeof second === "string") {
        const level = this.root.get(first) as Level<Child> | undefined;
        const child = level?.get(second) as Child | undefined;
        if (child !== undefined && hasLabels(labels, 2)) return child;
      }
    } else if (this.size === 1) {
      const only = labels[this.first];
      if (typeof only === "string") {
        const child = this.root.get(only) as Child | undefined;
        if (child !== undefined && hasLabels(labels, 1)) return child;
      }
    }
    return this.find(this.valuesOf(labels));
  }

  /** The child of values in the order of the label names; made when new. */
  resolveValues(values: readonly (string | number)[]): Child {
    const { labelNames } = this;
    if (values.length !== labelNames.length) {
      throw new Error(
        `Invalid number of arguments (${values.length}): "${values.join(", ")}" for label names (${labelNames.length}): "${labelNames.join(", ")}".`,
      );
    }
    return this.find(values.map((value) => `${value ?? ""}`));
  }

  /** Both forms of `labels(...)`: one object, or the values in order. */
  resolveArguments(args: readonly (LabelInput | string | number)[]): Child {
    const [first] = args;
    if (args.length === 1 && typeof first === "object" && first !== null) {
      return this.resolve(first);
    }
    return this.resolveValues(args as readonly (string | number)[]);
  }

  /** Forgets one label set. A child kept from before counts nowhere from now on. */
  remove(args: readonly (LabelInput | string | number)[]): void {
    const [first] = args;
    const byObject = args.length === 1 && typeof first === "object" && first !== null;
    const values = byObject
      ? this.valuesOf(first)
      : (args as readonly (string | number)[]).map((value) => `${value ?? ""}`);
    const level = this.levelOf(values);
    const last = values.at(-1) ?? "";
    const child = level?.get(last) as Child | undefined;
    if (child === undefined) return;
    level?.delete(last);
    this.created.delete(child);
  }

  /** In the order of their creation. */
  entries(): Iterable<Entry<Child>> {
    return this.created.values();
  }

  clear(): void {
    this.root = new Map();
    this.created = new Map();
  }

  private valuesOf(labels: LabelInput): readonly string[] {
    const values = this.labelNames.map(() => "");
    for (const name in labels) {
      const position = this.labelNames.indexOf(name);
      if (position < 0) {
        throw new Error(
          `Added label "${name}" is not included in initial labelset: ${inspect(this.labelNames)}`,
        );
      }
      values[position] = `${labels[name] ?? ""}`;
    }
    return values;
  }

  private find(values: readonly string[]): Child {
    // An instrument without labels has one child, under the empty value of no label.
    const last = values.at(-1) ?? "";
    const known = this.levelOf(values)?.get(last) as Child | undefined;
    if (known !== undefined) return known;

    const diverted = this.divert(values);
    if (diverted !== undefined) return this.find(diverted);
    const rendered = renderLabels(this.labelNames, values);
    this.check?.(rendered.labels);
    const child = this.create();
    // Only now: a label set that is diverted or refused must leave nothing behind.
    let level = this.root;
    for (const value of values.slice(0, -1)) {
      const next = (level.get(value) as Level<Child> | undefined) ?? new Map();
      level.set(value, next);
      level = next;
    }
    level.set(last, child);
    this.created.set(child, { child, ...rendered });
    return child;
  }

  /** The map that holds, or would hold, the child under the last value. */
  private levelOf(values: readonly string[]): Level<Child> | undefined {
    let level: Level<Child> | undefined = this.root;
    for (const value of values.slice(0, -1)) level = level?.get(value) as Level<Child> | undefined;
    return level;
  }

  /** Where a new label set goes when there are enough; undefined when there is room. */
  private divert(values: readonly string[]): readonly string[] | undefined {
    const { limit } = this;
    if (limit === undefined || this.created.size < limit.maxLabelSets) return undefined;
    const { labelNames } = this;
    const isOpen = (position: number) => limit.open.includes(labelNames[position] ?? "");
    // Already there: the few sets of `other` itself come on top of the limit.
    if (values.every((value, position) => !isOpen(position) || value === OTHER)) return undefined;
    limit.dropped();
    return values.map((value, position) => (isOpen(position) ? OTHER : value));
  }
}

const OTHER = "other";

/** Whether an object has that many labels: then none besides those that were found. */
function hasLabels(labels: LabelInput, expected: number): boolean {
  let count = 0;
  for (const _ in labels) count++;
  return count === expected;
}

/** The caller's object is never kept; a label that is missing and one that is empty are one. */
function renderLabels(names: readonly string[], values: readonly string[]) {
  const labels: Record<string, string> = Object.create(null);
  const parts: string[] = [];
  for (const [index, name] of names.entries()) {
    const value = values[index] ?? "";
    if (value === "") continue;
    labels[name] = value;
    parts.push(`${name}="${escapeLabelValue(value)}"`);
  }
  // Joined, not added up: a string that was added up is walked piece by piece at each scrape.
  return { labels, text: parts.join(",") };
}
