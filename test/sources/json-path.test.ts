import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { InvalidOptionError } from "../../src/errors.ts";
import {
  formatJsonPath,
  type JsonPath,
  lookUp,
  parseJsonPath,
} from "../../src/sources/json-path.ts";

const paths = fc.array(
  fc.oneof(
    fc.string({ unit: "binary" }),
    fc.string(),
    fc.constantFrom("$", "", ".", "x.y", "[0]", '"', "__proto__", "constructor", "0", "length"),
    fc.nat(999_999_999),
  ),
  { maxLength: 6 },
);

describe("parseJsonPath", () => {
  test.each<{ text: string; path: JsonPath }>([
    { text: "total", path: ["total"] },
    { text: "data.total", path: ["data", "total"] },
    { text: "accounts[0].value", path: ["accounts", 0, "value"] },
    { text: 'a["x.y"]', path: ["a", "x.y"] },
    { text: 'a["x.y"].b[12]["]"]', path: ["a", "x.y", "b", 12, "]"] },
    { text: '["a \\"b\\" \\u00e9"]', path: ['a "b" é'] },
    { text: '[""]', path: [""] },
    { text: "[3]", path: [3] },
    { text: "$", path: [] },
    { text: "$.a", path: ["a"] },
    { text: "$[0][1]", path: [0, 1] },
    { text: "$a.$", path: ["$a", "$"] },
    { text: '["$"]', path: ["$"] },
    { text: "a.0", path: ["a", "0"] },
    { text: "총액.tot-evlu_amt", path: ["총액", "tot-evlu_amt"] },
  ])("$text", ({ text, path }) => {
    expect(parseJsonPath(text, "fields.cash")).toEqual(path);
  });

  test.each([
    { text: "", at: "it is empty" },
    { text: ".a", at: "character 1" },
    { text: "a.", at: "character 3" },
    { text: "a..b", at: "character 3" },
    { text: "a b", at: "character 2" },
    { text: "a[", at: "character 2" },
    { text: "a[]", at: "character 2" },
    { text: "a[-1]", at: "character 2" },
    { text: "a[01]", at: "character 2" },
    { text: "a[1.5]", at: "character 2" },
    { text: "a[9999999999]", at: "character 2" },
    { text: "a['b']", at: "character 2" },
    { text: 'a["b]', at: "character 2" },
    { text: 'a["\\x"]', at: "string at character 2" },
    { text: "a[0]b", at: "character 5" },
    { text: "a[*]", at: "character 2" },
    { text: "$$..a", at: "character 4" },
  ])("refuses $text and says where", ({ text, at }) => {
    const parse = () => parseJsonPath(text, "fields.cash");
    expect(parse).toThrow(InvalidOptionError);
    expect(parse).toThrow(/^fields\.cash: /);
    expect(parse).toThrow(at);
  });

  test("reads what formatJsonPath wrote", () => {
    fc.assert(
      fc.property(paths, (path) => {
        expect(parseJsonPath(formatJsonPath(path), "path")).toEqual(path);
      }),
      { numRuns: 2000 },
    );
  });

  test("of any text gives a path that survives being written, or refuses it", () => {
    const texts = fc.oneof(
      fc.string({ unit: fc.constantFrom("a", "$", ".", "[", "]", '"', "0", "1", "\\") }),
      fc.string({ unit: "binary" }),
    );
    fc.assert(
      fc.property(texts, (text) => {
        let path: JsonPath;
        try {
          path = parseJsonPath(text, "path");
        } catch (error) {
          expect(error).toBeInstanceOf(InvalidOptionError);
          return;
        }
        expect(parseJsonPath(formatJsonPath(path), "path")).toEqual(path);
      }),
      { numRuns: 2000 },
    );
  });
});

describe("lookUp", () => {
  const document = { data: { total: 1, none: null }, accounts: [{ value: "2" }], "x.y": true };

  test.each<{ path: string; value: unknown }>([
    { path: "data.total", value: 1 },
    { path: "data.none", value: null },
    { path: "accounts[0].value", value: "2" },
    { path: '["x.y"]', value: true },
    { path: "accounts", value: [{ value: "2" }] },
    { path: "$", value: document },
  ])("$path", ({ path, value }) => {
    expect(lookUp(document, parseJsonPath(path, "path"))).toEqual({ isFound: true, value });
  });

  test.each([
    { path: "daten", why: '$ has no "daten"' },
    { path: "data.Total", why: 'data has no "Total"' },
    { path: "data.none.x", why: "data.none is null, not an object" },
    { path: "data.total.x", why: "data.total is a number, not an object" },
    { path: "accounts.value", why: "accounts is an array, not an object" },
    { path: "accounts.length", why: "accounts is an array, not an object" },
    { path: "accounts[0].value[0]", why: "accounts[0].value is a string, not an array" },
    { path: "accounts[1]", why: "accounts has length 1" },
    { path: "data[0]", why: "data is an object, not an array" },
    { path: "constructor", why: '$ has no "constructor"' },
    { path: "__proto__", why: '$ has no "__proto__"' },
    { path: "data.toString", why: 'data has no "toString"' },
  ])("$path leads nowhere, and it says where it ended", ({ path, why }) => {
    expect(lookUp(document, parseJsonPath(path, "path"))).toEqual({ isFound: false, why });
  });

  test("finds every value of any JSON by its own path, and nothing beside it", () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        const json: unknown = JSON.parse(text);
        for (const [path, value] of valuesOf(json)) {
          expect(lookUp(json, path)).toEqual({ isFound: true, value });
          expect(lookUp(json, [...path, "no such key"])).toMatchObject({ isFound: false });
        }
      }),
    );
  });

  test("never throws, whatever the document and the path", () => {
    fc.assert(
      fc.property(fc.json(), paths, (text, path) => {
        expect(typeof lookUp(JSON.parse(text), path).isFound).toBe("boolean");
      }),
    );
  });

  test("walks a document of any depth", () => {
    const depth = 100_000;
    const deep: unknown = JSON.parse(`${"[".repeat(depth)}7${"]".repeat(depth)}`);
    expect(lookUp(deep, Array(depth).fill(0))).toEqual({ isFound: true, value: 7 });
  });
});

/** Every value in a document, with its path. */
function* valuesOf(json: unknown, path: JsonPath = []): Generator<[JsonPath, unknown]> {
  yield [path, json];
  if (typeof json !== "object" || json === null) return;
  for (const [key, value] of Object.entries(json)) {
    yield* valuesOf(value, [...path, Array.isArray(json) ? Number(key) : key]);
  }
}
