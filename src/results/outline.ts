import { InvalidInputError } from "../errors.ts";
import { formatJsonPath } from "../sources/json-path.ts";
import { quote } from "../sources/quote.ts";
import type { JsonKind, JsonScalar, JsonVisitor } from "./json-scan.ts";

/** What of a JSON document is wanted. Without members and others: a value, or that there is a container. */
export type Selection = {
  /** By key, in an array by index. */
  readonly members?: ReadonlyMap<string, Selection>;
  /** Every other member. */
  readonly others?: Selection;
  /** Of an array: takes each member as it ends, and none is kept. */
  readonly each?: (member: JsonNode, path: readonly string[]) => void;
};

/** What of a document was wanted, and there. */
export type JsonNode = JsonScalar | JsonContainer;

export type JsonContainer = {
  readonly kind: "object" | "array";
  readonly members: ReadonlyMap<string, JsonNode>;
};

/** Members that are kept at one time. A file of a hundred strategies has 3,000. */
const MAX_KEPT = 20_000;

type Frame = {
  readonly selection: Selection;
  readonly node: { readonly kind: "object" | "array"; readonly members: Map<string, JsonNode> };
  /** Of the next value, or of the one that is read. */
  key: string;
  /** Of the next member of an array. */
  index: number;
};

/** Keeps of a document what a selection wants. */
export function createOutline(wanted: Selection): {
  readonly visitor: JsonVisitor;
  /** The document; undefined when it was never visited. */
  readonly document: () => JsonNode | undefined;
} {
  const frames: Frame[] = [];
  let document: JsonNode | undefined;
  let kept = 0;

  function pathOf(key: string): string[] {
    return [...frames.slice(0, -1).map((frame) => frame.key), key];
  }

  function put(frame: Frame | undefined, value: JsonNode): void {
    if (frame === undefined) document = value;
    else if (isStreamed(frame)) frame.selection.each?.(value, pathOf(frame.key));
    else {
      if (++kept > MAX_KEPT) {
        throw new InvalidInputError(
          `${shownPath(pathOf(frame.key))}: more members than can be read`,
        );
      }
      frame.node.members.set(frame.key, value);
    }
  }

  function begin(kind: JsonKind): boolean {
    const frame = frames.at(-1);
    if (frame?.node.kind === "array") frame.key = `${frame.index++}`;
    const key = frame?.key ?? "";
    const selection =
      frame === undefined ? wanted : (frame.selection.members?.get(key) ?? frame.selection.others);
    if (selection === undefined) return false;
    if (frame?.node.members.has(key)) {
      throw new InvalidInputError(`${shownPath(pathOf(key))} is there twice: which one counts?`);
    }
    if (kind === "scalar") return true;
    const node = { kind, members: new Map<string, JsonNode>() };
    if (selection.members === undefined && selection.others === undefined) {
      put(frame, node);
      return false;
    }
    frames.push({ selection, node, key: "", index: 0 });
    return true;
  }

  return {
    visitor: {
      key(name) {
        const frame = frames.at(-1);
        if (frame === undefined) return;
        frame.key = name;
        if (name === "__proto__") {
          throw new InvalidInputError(
            `${shownPath(pathOf(name))}: no backtester writes such a key`,
          );
        }
      },
      begin,
      scalar: (value) => put(frames.at(-1), value),
      leave() {
        const node = frames.pop()?.node;
        if (node === undefined) return;
        const parent = frames.at(-1);
        if (parent !== undefined && isStreamed(parent)) kept -= sizeOf(node);
        put(parent, node);
      },
    },
    document: () => document,
  };
}

function isStreamed({ selection, node }: Frame): boolean {
  return selection.each !== undefined && node.kind === "array";
}

function sizeOf(node: JsonContainer): number {
  let size = 0;
  for (const member of node.members.values())
    size += 1 + (isContainer(member) ? sizeOf(member) : 0);
  return size;
}

/** The way to a place, for messages. */
export function shownPath(path: readonly string[]): string {
  return quote(formatJsonPath(path));
}

export function isContainer(node: JsonNode | undefined): node is JsonContainer {
  return typeof node === "object" && node !== null;
}

/** The object at a place, or nothing. */
export function objectAt(node: JsonNode | undefined, key: string): JsonContainer | undefined {
  const member = memberOf(node, key);
  return isContainer(member) && member.kind === "object" ? member : undefined;
}

export function memberOf(node: JsonNode | undefined, key: string): JsonNode | undefined {
  return isContainer(node) ? node.members.get(key) : undefined;
}

/** A selection of members by name. */
export function select(members: Readonly<Record<string, Selection>>): Selection {
  return { members: new Map(Object.entries(members)) };
}

/** A selection of plain values. */
export function selectValues(...names: readonly string[]): Selection {
  return { members: new Map(names.map((name) => [name, {}])) };
}
