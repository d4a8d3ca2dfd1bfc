import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { redactSecrets as redact } from "../../src/secret-spelling.ts";
import { quote } from "../../src/sources/quote.ts";

const SECRET = "p@ss/wörd+1";

describe("quote", () => {
  test.each([
    { name: "as it is", text: "not found", quoted: "not found" },
    { name: "on one line", text: " a\r\n\tb\u2028c ", quoted: "a b c" },
    { name: "without what a terminal obeys", text: "\u001b[2Jx\u202ey\u009bz", quoted: "[2Jx y z" },
    { name: "cut", text: "x".repeat(101), quoted: `${"x".repeat(100)}…` },
    { name: "cut between characters", text: "💰".repeat(101), quoted: `${"💰".repeat(100)}…` },
    { name: "without secrets", text: `token ${SECRET} is bad`, quoted: "token *** is bad" },
    {
      name: "without half a secret at the cut",
      text: `${"x".repeat(95)}${SECRET}`,
      quoted: `${"x".repeat(95)}***`,
    },
  ])("$name", ({ text, quoted }) => {
    expect(quote(text, [SECRET])).toBe(quoted);
  });
});

describe("redact", () => {
  test.each([
    { spelling: SECRET },
    { spelling: encodeURIComponent(SECRET) },
    { spelling: encodeURIComponent(SECRET).toLowerCase() },
    { spelling: JSON.stringify(SECRET).slice(1, -1) },
    { spelling: SECRET.replaceAll("/", "\\/") },
    { spelling: SECRET.replaceAll("ö", "\\u00f6") },
    { spelling: SECRET.toUpperCase() },
  ])("replaces $spelling", ({ spelling }) => {
    expect(redact(`<${spelling}>`, [SECRET])).toBe("<***>");
  });

  test("replaces the longer of two secrets first", () => {
    expect(redact("abcdef", ["abc", "abcdef"])).toBe("***");
  });

  test("an empty secret is none", () => {
    expect(redact("text", [""])).toBe("text");
  });

  test("leaves no secret in any text", () => {
    const secrets = fc.string({ unit: "grapheme", minLength: 4, maxLength: 20 });
    fc.assert(
      fc.property(secrets, fc.string(), fc.string(), (secret, before, after) => {
        fc.pre(!secret.includes("*"));
        const text = `${before}${secret}${encodeURIComponent(secret)}${after}`;
        expect(redact(text, [secret])).not.toContain(secret);
      }),
    );
  });
});
