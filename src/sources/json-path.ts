import { InvalidOptionError } from "../errors.ts";

/** The way to one value in a JSON document: keys of objects, indices of arrays. Empty: the document. */
export type JsonPath = readonly (string | number)[];

/** What is at the end of a path, or where on the way there was nothing. */
export type Found =
  | { readonly isFound: true; readonly value: unknown }
  /** `why` is for messages and holds nothing of the document but the names in the path. */
  | { readonly isFound: false; readonly why: string };

/** Keys that need no quotes. */
const NAME = /[^.[\]"'\\\s\p{C}]+/uy;
const INDEX = /\[(0|[1-9]\d{0,8})\]/y;
/** A JSON string in brackets. Which escapes it may have, JSON.parse knows. */
const QUOTED = /\[("(?:[^"\\]|\\.)*")\]/sy;

/**
 * Reads a path: `data.total`, `accounts[0].value`, `a["x.y"]`. `$` is the document itself, also as a
 * beginning (`$.data`, `$[0]`); a key of that name at the beginning is `["$"]`.
 *
 * @param what names the option in the message, e.g. `fields.equity`.
 * @throws {InvalidOptionError} for text that is no path.
 */
export function parseJsonPath(text: string, what: string): JsonPath {
  const path: (string | number)[] = [];
  const isRooted = /^\$(?=$|[.[])/.test(text);
  let at = isRooted ? 1 : 0;
  if (text === "") throw notAPath(text, what, "it is empty; the whole document is $");
  while (at < text.length) {
    const isFirst = at === 0;
    const index = matchAt(INDEX, text, at);
    const quoted = index === undefined ? matchAt(QUOTED, text, at) : undefined;
    if (index !== undefined) {
      path.push(Number(index[1]));
      at += index[0].length;
    } else if (quoted !== undefined) {
      path.push(unquoted(quoted[1] ?? "", text, what, at));
      at += quoted[0].length;
    } else {
      if (!isFirst && text[at] !== ".") throw notAPath(text, what, expectedAt(at));
      if (!isFirst) at++;
      const name = matchAt(NAME, text, at);
      if (name === undefined) throw notAPath(text, what, expectedAt(at));
      path.push(name[0]);
      at += name[0].length;
    }
  }
  return path;
}

/** The text of a path; {@link parseJsonPath} reads the same path from it. */
export function formatJsonPath(path: JsonPath): string {
  if (path.length === 0) return "$";
  return path
    .map((step, index) => {
      if (typeof step === "number") return `[${step}]`;
      const isBare = matchAt(NAME, step, 0)?.[0] === step && !(index === 0 && step === "$");
      if (!isBare) return `[${JSON.stringify(step)}]`;
      return index === 0 ? step : `.${step}`;
    })
    .join("");
}

/** Follows a path. Never throws, whatever the document: only what is its own is looked at. */
export function lookUp(document: unknown, path: JsonPath): Found {
  let value = document;
  for (const [index, step] of path.entries()) {
    // A message's alone: a deep path would be written again at every step.
    const here = () => formatJsonPath(path.slice(0, index));
    if (typeof step === "number") {
      if (!Array.isArray(value)) return missing(`${here()} is ${kindOf(value)}, not an array`);
      if (step >= value.length) return missing(`${here()} has length ${value.length}`);
      value = value[step];
    } else {
      if (!isObject(value)) return missing(`${here()} is ${kindOf(value)}, not an object`);
      if (!Object.hasOwn(value, step)) {
        return missing(`${here()} has no ${JSON.stringify(step)}`);
      }
      value = value[step];
    }
  }
  return { isFound: true, value };
}

/** An object of JSON: neither null nor an array. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A JSON value's kind in words, e.g. `an array`. Nothing of the value itself. */
export function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}

function missing(why: string): Found {
  return { isFound: false, why };
}

function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | undefined {
  pattern.lastIndex = at;
  return pattern.exec(text) ?? undefined;
}

function unquoted(quoted: string, text: string, what: string, at: number): string {
  try {
    return `${JSON.parse(quoted)}`;
  } catch {
    // biome-ignore lint/style/useErrorCause: it says no more
    throw notAPath(text, what, `the string at character ${at + 1} is not written as in JSON`);
  }
}

function expectedAt(at: number): string {
  return `expected .name, [0] or ["name"] at character ${at + 1}`;
}

function notAPath(text: string, what: string, problem: string): InvalidOptionError {
  return new InvalidOptionError(`${what}: ${JSON.stringify(text)} is no path: ${problem}`);
}
