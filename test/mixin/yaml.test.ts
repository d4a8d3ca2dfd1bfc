import { expect, test } from "@jest/globals";
import { yamlDocument } from "../../src/mixin/yaml.ts";

const one = (value: string) => yamlDocument("h", { value }).replace("# h\nvalue: ", "");

test.each<{ name: string; value: string; written: string }>([
  { name: "a word", value: "group:batch_job:max1h", written: "group:batch_job:max1h\n" },
  { name: "a path", value: "../rules/jobs.yml", written: "'../rules/jobs.yml'\n" },
  { name: "a duration", value: "5m", written: "5m\n" },
  { name: "a URL", value: "https://x.example/a-b", written: "https://x.example/a-b\n" },
  { name: "a number that is text", value: "0x20", written: "'0x20'\n" },
  { name: "a word that YAML 1.1 takes for a truth", value: "Yes", written: "'Yes'\n" },
  { name: "a word with a colon at its end", value: "a:", written: "'a:'\n" },
  { name: "nothing", value: "", written: "''\n" },
  { name: "quotes of both kinds", value: `it's "so"`, written: `'it''s "so"'\n` },
  { name: "a template", value: "{{ $labels.job }}", written: "'{{ $labels.job }}'\n" },
  { name: "letters of any language", value: "börse 😀", written: "'börse 😀'\n" },
  {
    name: "breaks that YAML sees and people do not",
    value: 'a\u2028"\\\u0085',
    written: `"a\\U00002028\\"\\\\\\U00000085"\n`,
  },
  { name: "lines", value: "a\n  or b", written: "|-\n  a\n    or b\n" },
  { name: "lines that a block would lose", value: " a\nb", written: `" a\\U0000000ab"\n` },
  { name: "an empty line", value: "a\n\nb", written: `"a\\U0000000a\\U0000000ab"\n` },
  {
    name: "long prose",
    value: `${"word: ".repeat(20)}end`,
    written: `>-\n  ${"word: ".repeat(16).trim()}\n  ${"word: ".repeat(4)}end\n`,
  },
  {
    name: "long text with two spaces",
    value: `${"word ".repeat(20)} end`,
    written: `'${"word ".repeat(20)} end'\n`,
  },
])("$name", ({ value, written }) => {
  expect(one(value)).toBe(written);
});

test("mappings and lists, with comments above items", () => {
  const value = {
    "#": "never written",
    empty: [],
    absent: undefined,
    items: [
      { "#": "why", name: "a", more: { count: 1 } },
      { name: "b", list: ["x", 2] },
    ],
    none: {},
  };
  expect(yamlDocument("head\nof two lines", value)).toBe(`# head
# of two lines
empty: []
items:
  # why
  - name: a
    more:
      count: 1
  - name: b
    list:
      - x
      - 2
none: {}
`);
});
