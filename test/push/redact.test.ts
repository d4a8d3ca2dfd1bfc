import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { quote, redact } from "../../src/push/redact.ts";

const basic = (password: string) => ({ type: "basic", username: "bell", password }) as const;

describe("a secret is redacted", () => {
  test.each([
    { name: "as it is", text: "for p/s w?", secret: "p/s w?" },
    { name: "encoded whole", text: "for p%2Fs%20w%3F", secret: "p/s w?" },
    { name: "encoded in part", text: "for p/s%20w?", secret: "p/s w?" },
    { name: "encoded in lower case", text: "for p%2fs w?", secret: "p/s w?" },
    { name: "with characters of expressions", text: "for a.*(b|c)[d]$", secret: "a.*(b|c)[d]$" },
    { name: "escaped as in JSON", text: 'for p\\/s\\"w\\u0026', secret: 'p/s"w&' },
    { name: "beyond ASCII", text: "for w%C3%B6rd", secret: "wörd" },
  ])("$name", ({ text, secret }) => {
    expect(redact(text, basic(secret))).toBe("for ***");
  });

  test("in the header that carries it", () => {
    const header = `Basic ${Buffer.from("bell:s3cret").toString("base64")}`;
    expect(redact(header, basic("s3cret"))).toBe("Basic ***");
  });

  test("whatever it is made of", () => {
    fc.assert(
      fc.property(fc.string({ minLength: 4, unit: "grapheme" }), (secret) => {
        for (const echoed of [secret, encodeURIComponent(secret), encodeURI(secret)]) {
          expect(redact(`<${echoed}>`, { type: "bearer", token: secret })).toBe("<***>");
        }
      }),
      { numRuns: 2000 },
    );
  });
});

test("a long answer is cut, and loses its control characters", () => {
  const answer = Buffer.from(`\u001b[31m${"x".repeat(2000)}\n`);
  expect(quote(answer, undefined)).toBe(`[31m${"x".repeat(508)}…`);
});
