import { describe, expect, test } from "@jest/globals";
import { InvalidOptionError } from "../src/errors.ts";
import { nearestName, refuseUnknownKeys, unknownKey } from "../src/options.ts";

describe("refuseUnknownKeys", () => {
  test("lets known keys pass, undefined ones included", () => {
    expect(() => refuseUnknownKeys({ a: 1, b: undefined }, ["a", "b"], "it")).not.toThrow();
    expect(() => refuseUnknownKeys({}, [], "it")).not.toThrow();
  });

  test("names the function, the key and the one that was meant", () => {
    expect(() => refuseUnknownKeys({ timeout: 5 }, ["timeoutMs", "signal"], "runJob")).toThrow(
      new InvalidOptionError('runJob: unknown key "timeout"; did you mean "timeoutMs"?'),
    );
  });

  test("does not take what every object inherits for known", () => {
    expect(() => refuseUnknownKeys({ toString: 1 }, ["url"], "it")).toThrow(InvalidOptionError);
  });
});

describe("unknownKey", () => {
  test("lists what is known when nothing is near", () => {
    expect(unknownKey("zzzzzz", ["url", "labels"])).toBe(
      'unknown key "zzzzzz"; known: url, labels',
    );
  });

  test("quotes the key, so that a blank in it is seen", () => {
    expect(unknownKey("url ", ["url"])).toBe('unknown key "url "; did you mean "url"?');
  });
});

describe("nearestName", () => {
  test.each<{ name: string; typed: string; known: string[]; nearest: string | undefined }>([
    { name: "the same name", typed: "job", known: ["url", "job"], nearest: "job" },
    { name: "another case", typed: "STATUS", known: ["status"], nearest: "status" },
    { name: "a letter left out", typed: "gatway", known: ["gateway"], nearest: "gateway" },
    { name: "a letter too many", typed: "gatteway", known: ["gateway"], nearest: "gateway" },
    { name: "two letters swapped", typed: "gaetway", known: ["gateway"], nearest: "gateway" },
    { name: "the nearer of two", typed: "labls", known: ["table", "labels"], nearest: "labels" },
    { name: "the first of two as near", typed: "ac", known: ["ab", "ad"], nearest: "ab" },
    { name: "none when all are far", typed: "job", known: ["gateway"], nearest: undefined },
    { name: "none of none", typed: "job", known: [], nearest: undefined },
    {
      name: "more letters may be wrong in a longer name",
      typed: "groupingLabels",
      known: ["groupingKey"],
      nearest: undefined,
    },
  ])("$name", ({ typed, known, nearest }) => {
    expect(nearestName(typed, known)).toBe(nearest);
  });

  test("a name of a megabyte is compared by its beginning alone", () => {
    const { length } = unknownKey("x".repeat(1_000_000), ["x".repeat(1_000_000)]);
    expect(length).toBeGreaterThan(1_000_000);
  });
});
