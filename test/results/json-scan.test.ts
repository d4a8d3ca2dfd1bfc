import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { InvalidInputError } from "../../src/errors.ts";
import { createJsonScanner } from "../../src/results/json-scan.ts";
import { createOutline, type JsonNode, type Selection } from "../../src/results/outline.ts";

/** Everything, however deep. */
const ALL: { others?: Selection } = {};
ALL.others = ALL;

function scan(pieces: readonly string[], selection: Selection = ALL) {
  const outline = createOutline(selection);
  const scanner = createJsonScanner(outline.visitor);
  for (const piece of pieces) scanner.write(piece);
  scanner.end();
  return { document: outline.document(), notFinite: scanner.notFinite() };
}

function plain(node: JsonNode | undefined): unknown {
  if (typeof node !== "object" || node === null) return node;
  const members = [...node.members].map(([key, member]) => [key, plain(member)] as const);
  return node.kind === "array" ? members.map(([, member]) => member) : Object.fromEntries(members);
}

/** Cuts text at some places. */
function pieces(text: string, cuts: readonly number[]): readonly string[] {
  const at = [0, ...cuts.map((cut) => cut % (text.length + 1)), text.length].toSorted(
    (a, b) => a - b,
  );
  return at.slice(1).map((end, index) => text.slice(at[index], end));
}

function outcome(run: () => unknown): unknown {
  try {
    return { taken: run() };
  } catch (error) {
    if (error instanceof InvalidInputError || error instanceof SyntaxError) return "refused";
    throw error;
  }
}

const cuts = fc.array(fc.nat(), { maxLength: 8 });

describe("the scanner and JSON.parse", () => {
  test("read the same from any JSON, however it is cut into pieces", () => {
    fc.assert(
      fc.property(fc.json(), fc.nat({ max: 3 }), cuts, (json, indent, where) => {
        fc.pre(!json.includes("__proto__"));
        const text = JSON.stringify(JSON.parse(json), undefined, indent);
        const expected = JSON.stringify(JSON.parse(text));
        expect(JSON.stringify(plain(scan(pieces(text, where)).document))).toBe(expected);
      }),
      { numRuns: 200 },
    );
  });

  test("refuse the same texts", () => {
    const character = fc.constantFrom(...'{}[]",:\\ \n01-+.eEtrufalsn"');
    let taken = 0;
    fc.assert(
      fc.property(fc.json({ maxDepth: 2 }), fc.nat(), character, fc.boolean(), cuts, (...given) => {
        const [json, place, instead, isAdded, where] = given;
        const at = place % (json.length + 1);
        const text = json.slice(0, at) + instead + json.slice(isAdded ? at : at + 1);
        fc.pre(!text.includes("__proto__"));
        const parsed = outcome(() => JSON.parse(text));
        const scanned = outcome(() => plain(scan(pieces(text, where)).document));
        if (parsed === "refused") expect(scanned).toBe("refused");
        // Of a key that is there twice, JSON.parse takes the last.
        else if (scanned !== "refused") expect(scanned).toEqual(parsed);
        if (scanned !== "refused") taken++;
      }),
      { numRuns: 1000 },
    );
    expect(taken).toBeGreaterThan(100);
  });

  test.each([
    '"\\ud83d\\ude00\\u0041\\n\\"\\\\\\/\\b\\f\\r\\t"',
    '"\\ud800"',
    '""',
    "-0",
    "0.5e-3",
    "1E+2",
    "true",
    "null",
    " [ ] ",
    '{"":{}}',
  ])("read %s alike", (text) => {
    expect(plain(scan([...text]).document)).toEqual(JSON.parse(text));
  });

  test.each([
    "01",
    "1.",
    ".5",
    "+1",
    "--1",
    "0x10",
    "1e",
    "tru",
    "True",
    "undefined",
    "'a'",
    '"\\x41"',
    '"\\u12g4"',
    '"\t"',
    '{"a":1,}',
    "[1,]",
    "[,1]",
    "[1 2]",
    '{"a" 1}',
    "{1:2}",
    '{"a":}',
    "[}",
    "]",
    "1 2",
    "",
  ])("refuse %j alike", (text) => {
    expect(() => JSON.parse(text)).toThrow(SyntaxError);
    expect(() => scan([text])).toThrow(InvalidInputError);
  });
});

test("what nobody wants is checked and not kept", () => {
  const selection = { members: new Map([["wanted", {}]]) };
  const text = '{"a": {"wanted": 1, "b": [1, {"wanted": 2}]}, "wanted": 3, "c": "wanted"}';
  expect(plain(scan([text], selection).document)).toEqual({ wanted: 3 });
  expect(() => scan(['{"a": {"b": [1, {"c": 0x2}]}}'], selection)).toThrow(
    'line 1, column 23: expected a value, found "0x2"',
  );
});

test("a place is told by line and column, across pieces", () => {
  expect(() => scan(['{\n  "a', '": 1,\n', '  "b": tr', "ee\n}"])).toThrow(
    'line 3, column 8: expected a value, found "tree"',
  );
});

test("Python's NaN is taken, and where it first was is told", () => {
  const { document, notFinite } = scan(['{"a": [1, Na', 'N],\n "b": -Infinity}']);
  expect(plain(document)).toEqual({ a: [1, Number.NaN], b: Number.NEGATIVE_INFINITY });
  expect(notFinite).toBe("line 1, column 11: NaN");
});

test("text is cut, so that it can be kept", () => {
  const long = `${"x".repeat(600)}\\n${"y".repeat(600)}`;
  expect(plain(scan([`"${long}"`]).document)).toBe(`${"x".repeat(600)}\n${"y".repeat(399)}`);
});

test("members of an array can be taken as they end, any number of them", () => {
  const seen: string[] = [];
  const each = (member: JsonNode, path: readonly string[]) => {
    seen.push(`${path.join(".")} ${JSON.stringify(plain(member))}`);
  };
  const member = { members: new Map([["a", {}]]) };
  const selection = { members: new Map([["list", { others: member, each }]]) };
  const list = Array.from({ length: 30_000 }, (_, a) => ({ a, b: [a] }));
  const { document } = scan([JSON.stringify({ list })], selection);
  expect(seen.join()).toBe(list.map(({ a }) => `list.${a} {"a":${a}}`).join());
  expect(plain(document)).toEqual({ list: [] });
});
