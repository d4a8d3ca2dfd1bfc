import { InvalidInputError } from "../errors.ts";
import { quote } from "../sources/quote.ts";

/** A value without members. A number is NaN or infinite where the text has such a token. */
export type JsonScalar = string | number | boolean | null;

export type JsonKind = "object" | "array" | "scalar";

/** Decides what of a document is looked at, and gets it. The rest is checked and dropped. */
export type JsonVisitor = {
  /** The key of the next value, in an object that is looked at. */
  key(name: string): void;
  /** A value begins in a container that is looked at, or is the document: is it looked at? */
  begin(kind: JsonKind): boolean;
  /** The scalar that is looked at. Text is cut after {@link MAX_TEXT} characters. */
  scalar(value: JsonScalar): void;
  /** The container that is looked at ends. */
  leave(): void;
};

/** Takes a document piece by piece; its memory does not grow with the document. */
export type JsonScanner = {
  /** @throws {InvalidInputError} with line and column, for what is not JSON. */
  write(text: string): void;
  /** @throws {InvalidInputError} when the document is not complete. */
  end(): void;
  /** The first `NaN` or `Infinity`, which Python writes and JSON does not have, and its place. */
  notFinite(): string | undefined;
};

/** Characters of a string that are kept: names, dates, messages. */
export const MAX_TEXT = 1000;

/** Characters of a number or a literal. */
const MAX_BARE = 1000;

/** Brackets within brackets. The deepest place that is read in any format has 7. */
const MAX_DEPTH = 64;

const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

const LITERALS: ReadonlyMap<string, JsonScalar> = new Map<string, JsonScalar>([
  ["true", true],
  ["false", false],
  ["null", null],
]);

const NOT_FINITE: ReadonlySet<string> = new Set(["NaN", "Infinity", "-Infinity"]);

const ESCAPES: ReadonlyMap<string, string> = new Map([
  ['"', '"'],
  ["\\", "\\"],
  ["/", "/"],
  ["b", "\b"],
  ["f", "\f"],
  ["n", "\n"],
  ["r", "\r"],
  ["t", "\t"],
]);

const [TAB, NEWLINE, RETURN, SPACE] = [9, 10, 13, 32];
const [QUOTE, COMMA, COLON, BACKSLASH] = [34, 44, 58, 92];
const [OPEN_ARRAY, CLOSE_ARRAY, OPEN_OBJECT, CLOSE_OBJECT] = [91, 93, 123, 125];

/** What may come next, in the words of a message. */
type Expected =
  | "a value"
  | "a value or ]"
  | "a key"
  | "a key or }"
  | ":"
  | ", or the closing bracket"
  | "nothing more";

/**
 * A strict reader of JSON that keeps only what its visitor wants. `JSON.parse` needs the whole text and
 * builds the whole document: up to twenty times its size, of a file that somebody else made.
 * (Over 250 lines: one state machine.)
 */
export function createJsonScanner(visitor: JsonVisitor): JsonScanner {
  /** Of each open bracket, whether it is an object's. */
  const open: boolean[] = [];
  /** Nothing deeper than this many brackets is looked at. */
  let visible = Number.POSITIVE_INFINITY;
  let expected: Expected = "a value";
  let mode: "between" | "string" | "bare" = "between";
  let isKey = false;
  /** Whether the token is kept. */
  let isKept = false;
  let token = "";
  /** What follows the backslash, while an escape is read. */
  let escaped: string | undefined;
  /** Characters of all pieces before this one. */
  let before = 0;
  let line = 1;
  let lineStart = 0;
  let notFinite: string | undefined;

  function place(at: number): string {
    return `line ${line}, column ${before + at - lineStart + 1}`;
  }

  function fail(problem: string, at: number): InvalidInputError {
    return new InvalidInputError(`${place(at)}: ${problem}`);
  }

  function isLookedAt(): boolean {
    return open.length < visible;
  }

  function unexpected(text: string, at: number): InvalidInputError {
    const found = quote(text.slice(at, at + 20), [], 10);
    return fail(`expected ${expected}, found ${JSON.stringify(found)}`, at);
  }

  function beginValue(kind: JsonKind, text: string, at: number): boolean {
    if (expected !== "a value" && expected !== "a value or ]") throw unexpected(text, at);
    expected = open.length === 0 && kind === "scalar" ? "nothing more" : ", or the closing bracket";
    return isLookedAt() && visitor.begin(kind);
  }

  function openContainer(isObject: boolean, text: string, at: number): void {
    const wasLookedAt = isLookedAt();
    const isWanted = beginValue(isObject ? "object" : "array", text, at);
    open.push(isObject);
    if (open.length > MAX_DEPTH) throw fail(`more than ${MAX_DEPTH} brackets within brackets`, at);
    if (wasLookedAt && !isWanted) visible = open.length;
    expected = isObject ? "a key or }" : "a value or ]";
  }

  function closeContainer(isObject: boolean, text: string, at: number): void {
    const isEnd =
      expected === ", or the closing bracket" ||
      expected === (isObject ? "a key or }" : "a value or ]");
    if (!isEnd || open.at(-1) !== isObject) throw unexpected(text, at);
    if (isLookedAt()) visitor.leave();
    open.pop();
    if (open.length < visible) visible = Number.POSITIVE_INFINITY;
    expected = open.length === 0 ? "nothing more" : ", or the closing bracket";
  }

  /** One character between tokens, or the first one of a token. */
  function readBetween(text: string, at: number): number {
    switch (text.charCodeAt(at)) {
      case NEWLINE:
        line++;
        lineStart = before + at + 1;
        return at + 1;
      case SPACE:
      case TAB:
      case RETURN:
        return at + 1;
      case OPEN_OBJECT:
      case OPEN_ARRAY:
        openContainer(text.charCodeAt(at) === OPEN_OBJECT, text, at);
        return at + 1;
      case CLOSE_OBJECT:
      case CLOSE_ARRAY:
        closeContainer(text.charCodeAt(at) === CLOSE_OBJECT, text, at);
        return at + 1;
      case COMMA:
        if (expected !== ", or the closing bracket") throw unexpected(text, at);
        expected = open.at(-1) === true ? "a key" : "a value";
        return at + 1;
      case COLON:
        if (expected !== ":") throw unexpected(text, at);
        expected = "a value";
        return at + 1;
      case QUOTE:
        isKey = expected === "a key" || expected === "a key or }";
        isKept = isKey ? isLookedAt() : beginValue("scalar", text, at);
        token = "";
        mode = "string";
        return at + 1;
      default:
        isKept = beginValue("scalar", text, at);
        token = "";
        mode = "bare";
        return at;
    }
  }

  function keep(text: string): void {
    if (isKept && token.length < MAX_TEXT) token += text.slice(0, MAX_TEXT - token.length);
  }

  function readString(text: string, start: number): number {
    let from = start;
    for (let at = start; at < text.length; at++) {
      const code = text.charCodeAt(at);
      if (escaped !== undefined) {
        readEscape(text.charAt(at), at);
        from = at + 1;
      } else if (code === QUOTE) {
        keep(text.slice(from, at));
        endString();
        return at + 1;
      } else if (code === BACKSLASH) {
        keep(text.slice(from, at));
        escaped = "";
      } else if (code < SPACE) {
        throw fail("a control character in a string", at);
      }
    }
    if (escaped === undefined) keep(text.slice(from));
    return text.length;
  }

  function readEscape(character: string, at: number): void {
    escaped += character;
    if (escaped?.startsWith("u")) {
      if (!/^u[\da-fA-F]*$/.test(escaped)) throw fail(`no such escape: \\${quote(escaped)}`, at);
      if (escaped.length < 5) return;
      keep(String.fromCharCode(Number.parseInt(escaped.slice(1), 16)));
    } else {
      const meant = ESCAPES.get(character);
      if (meant === undefined) throw fail(`no such escape: \\${quote(character)}`, at);
      keep(meant);
    }
    escaped = undefined;
  }

  function endString(): void {
    mode = "between";
    if (isKey) expected = ":";
    if (!isKept) return;
    if (isKey) visitor.key(token);
    else visitor.scalar(token);
  }

  function readBare(text: string, start: number): number {
    let at = start;
    while (at < text.length && isBare(text.charCodeAt(at))) at++;
    token += text.slice(start, at);
    if (token.length > MAX_BARE) throw fail(`a value of more than ${MAX_BARE} characters`, at);
    if (at < text.length) endBare(text, at);
    return at;
  }

  function endBare(text: string, at: number): void {
    mode = "between";
    if (NUMBER.test(token)) {
      if (isKept) visitor.scalar(Number(token));
      return;
    }
    const literal = LITERALS.get(token);
    if (literal !== undefined) {
      if (isKept) visitor.scalar(literal);
    } else if (NOT_FINITE.has(token)) {
      notFinite ??= `${place(at - token.length)}: ${token}`;
      if (isKept) visitor.scalar(Number(token));
    } else {
      const found = token === "" ? text.slice(at, at + 20) : token;
      const problem = `expected a value, found ${JSON.stringify(quote(found, [], 10))}`;
      throw fail(problem, at - token.length);
    }
  }

  return {
    write(text) {
      let at = 0;
      while (at < text.length) {
        if (mode === "string") at = readString(text, at);
        else if (mode === "bare") at = readBare(text, at);
        else at = readBetween(text, at);
      }
      before += text.length;
    },
    end() {
      if (mode === "bare") endBare("", 0);
      if (mode === "string") throw fail("the file ends within a string: it is cut off", 0);
      if (expected === "nothing more") return;
      if (open.length === 0) throw fail("the file is empty", 0);
      throw fail(`the file ends with ${open.length} open brackets: it is cut off`, 0);
    },
    notFinite: () => notFinite,
  };
}

/** Letters, digits, `+`, `-`, `.`: what numbers and literals are made of. */
function isBare(code: number): boolean {
  return (
    (code >= 48 && code <= 57) ||
    (code >= 97 && code <= 122) ||
    (code >= 65 && code <= 90) ||
    code === 43 ||
    code === 45 ||
    code === 46
  );
}
