import { describe, expect, test } from "@jest/globals";
import { parsedBody } from "../../src/pushgateway/body.ts";

/** Text with a byte that is not UTF-8 for each `ÿ`; what is UTF-8 is given as its bytes. */
const bytes = (text: string) => Buffer.from(text, "latin1");

describe("a body that is not UTF-8", () => {
  test("keeps what is, and names the families whose help is not", () => {
    const text = '# HELP a \u00c3\u00a4\na{x="\u00c3\u00a4"} 1\n# HELP b ÿ\nb 1\n# ÿ\n';
    expect(parsedBody(bytes(text))).toMatchObject({
      families: [{ name: "a", help: "ä", samples: [{ labels: { x: "ä" } }] }, { name: "b" }],
      badHelp: ["b"],
    });
  });

  test.each([
    {
      name: "in a label value",
      text: 'a 1\na{x="ÿ"} 1\n',
      says: "line 2: a label value is not UTF-8",
    },
    { name: "before another error", text: 'a{x="ÿ"} 1\nrubbish\n', says: "line 1: a label value" },
    { name: "after another error", text: 'rubbish\na{x="ÿ"} 1\n', says: "line 1: expected float" },
    { name: "in a value", text: "a 1ÿ\n", says: "line 1: expected float" },
    { name: "in a name", text: "aÿ 1\n", says: "line 1: " },
  ])("is refused $name", ({ text, says }) => {
    expect(() => parsedBody(bytes(text))).toThrow(`text format parsing error in ${says}`);
  });

  test("has harmful help only where there are samples", () => {
    expect(parsedBody(bytes("# HELP a ÿ\n"))).toEqual({ families: [], badHelp: [] });
  });
});
