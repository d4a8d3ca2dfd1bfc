import { inspect } from "node:util";
import type { LabelSet } from "../exposition/family.ts";

/** What a label object may hold at run time; everything is a string in the end. */
export type LabelInput = Readonly<Record<string, string | number | undefined>>;

/**
 * The children of one instrument, one per label set: a map per label position, so that finding one
 * builds no key string and two different label sets can never share a key.
 */
export type Children<Child> = {
  readonly labelNames: readonly string[];
  /** The child of a label object or of values in the order of the label names; made when new. */
  resolve(labels: LabelInput): Child;
  resolveValues(values: readonly (string | number)[]): Child;
  /** In the order of their creation. */
  entries(): readonly { readonly labels: LabelSet; readonly child: Child }[];
  clear(): void;
};

type Level<Child> = Map<string, Child | Level<Child>>;

export function createChildren<Child>(
  labelNames: readonly string[],
  create: () => Child,
): Children<Child> {
  let root: Level<Child> = new Map();
  let created: { labels: LabelSet; child: Child }[] = [];

  function find(values: readonly string[]): Child {
    let level = root;
    const last = values.length - 1;
    for (let position = 0; position < last; position++) {
      const value = values[position] ?? "";
      let next = level.get(value) as Level<Child> | undefined;
      if (next === undefined) {
        next = new Map();
        level.set(value, next);
      }
      level = next;
    }
    // An instrument without labels has one child, under the empty value of no label.
    const value = values[last] ?? "";
    let child = level.get(value) as Child | undefined;
    if (child === undefined) {
      child = create();
      level.set(value, child);
      created.push({ labels: labelSet(values), child });
    }
    return child;
  }

  /** The caller's object is never kept; a label that is missing and one that is empty are one. */
  function labelSet(values: readonly string[]): LabelSet {
    const labels: Record<string, string> = Object.create(null);
    for (const [index, name] of labelNames.entries()) {
      const value = values[index] ?? "";
      if (value !== "") labels[name] = value;
    }
    return labels;
  }

  return {
    labelNames,
    resolve(labels) {
      const values = labelNames.map(() => "");
      for (const name in labels) {
        const position = labelNames.indexOf(name);
        if (position < 0) {
          throw new Error(
            `Added label "${name}" is not included in initial labelset: ${inspect(labelNames)}`,
          );
        }
        values[position] = `${labels[name] ?? ""}`;
      }
      return find(values);
    },
    resolveValues(values) {
      if (values.length !== labelNames.length) {
        throw new Error(
          `Invalid number of arguments (${values.length}): "${values.join(", ")}" for label names (${labelNames.length}): "${labelNames.join(", ")}".`,
        );
      }
      return find(values.map((value) => `${value ?? ""}`));
    },
    entries: () => created,
    clear() {
      root = new Map();
      created = [];
    },
  };
}

/** Both forms of `labels(...)`: one object, or the values in order. */
export function childOf<Child>(
  children: Children<Child>,
  args: readonly (LabelInput | string | number)[],
): Child {
  const [first] = args;
  if (args.length === 1 && typeof first === "object" && first !== null) {
    return children.resolve(first);
  }
  return children.resolveValues(args as readonly (string | number)[]);
}
