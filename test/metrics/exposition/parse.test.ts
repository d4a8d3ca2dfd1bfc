import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { ExpositionError } from "../../../src/errors.ts";
import type { MetricFamily } from "../../../src/metrics/exposition/family.ts";
import { parseExposition, parseFloatToken } from "../../../src/metrics/exposition/parse.ts";
import { renderFamilies } from "../../../src/metrics/exposition/render.ts";

describe("parsing takes", () => {
  test.each<{ name: string; text: string; families: readonly MetricFamily[] }>([
    { name: "nothing", text: "", families: [] },
    { name: "blank lines and comments", text: "\n \t\n# a\n#\n# HELP\n# TYPE x\n", families: [] },
    { name: "blanks after the last line feed", text: "a 1\n \t", families: [untyped("a", 1)] },
    {
      name: "a family that is declared and never used, as none",
      text: "# TYPE x counter\n# HELP x About x.\n",
      families: [],
    },
    { name: "a sample without a type", text: "a 1\n", families: [untyped("a", 1)] },
    {
      name: "blanks wherever they may be, and a comma at the end",
      text: '\t a { x = "1" ,\ty="2", } 1\n',
      families: [untyped("a", 1, { x: "1", y: "2" })],
    },
    {
      name: "no blank before the value",
      text: 'a{x="1"}1\n',
      families: [untyped("a", 1, { x: "1" })],
    },
    { name: "empty braces", text: "a{} 1\n", families: [untyped("a", 1)] },
    {
      name: "the same series twice: that is for others to refuse",
      text: "a 1\na 2\n",
      families: [
        {
          type: "untyped",
          name: "a",
          samples: [
            { labels: {}, value: 1 },
            { labels: {}, value: 2 },
          ],
        },
      ],
    },
    {
      name: "a timestamp",
      text: "a 1 -1000\n",
      families: [
        { type: "untyped", name: "a", samples: [{ labels: {}, value: 1, timestampMs: -1000 }] },
      ],
    },
    {
      name: "a type in capitals",
      text: "# TYPE a GAUGE\na 1\n",
      families: [{ type: "gauge", name: "a", samples: [{ labels: {}, value: 1 }] }],
    },
    {
      name: "escapes in help and in values",
      text: '# HELP a \\\\ "\\n\na{x="\\\\n\\n\\""} 1\n',
      families: [
        {
          type: "untyped",
          name: "a",
          help: '\\ "\n',
          samples: [{ labels: { x: '\\n\n"' }, value: 1 }],
        },
      ],
    },
    {
      name: "families mixed line by line, in the order of their first",
      text: "# TYPE b gauge\na 1\nb 2\na 3\n",
      families: [
        { type: "gauge", name: "b", samples: [{ labels: {}, value: 2 }] },
        {
          type: "untyped",
          name: "a",
          samples: [
            { labels: {}, value: 1 },
            { labels: {}, value: 3 },
          ],
        },
      ],
    },
    {
      name: "a histogram by label set, its lines in any order",
      text:
        "# TYPE h histogram\n" +
        'h_count{b="1",a="2"} 3\nh_bucket{a="2",le="+Inf",b="1"} 3\nh_sum{a="2",b="1"} 4.5\n' +
        "h_count 1\n",
      families: [
        {
          type: "histogram",
          name: "h",
          samples: [
            {
              labels: { b: "1", a: "2" },
              buckets: [{ upperBound: Number.POSITIVE_INFINITY, cumulativeCount: 3 }],
              count: 3,
              sum: 4.5,
            },
            { labels: {}, buckets: [], count: 1, sum: 0 },
          ],
        },
      ],
    },
    {
      name: "a summary",
      text: '# TYPE s summary\ns{quantile="0.5"} 2\ns_sum 3\ns_count 4\n',
      families: [
        {
          type: "summary",
          name: "s",
          samples: [{ labels: {}, quantiles: [{ quantile: 0.5, value: 2 }], count: 4, sum: 3 }],
        },
      ],
    },
    {
      name: "x_count on its own when x is no histogram",
      text: "# TYPE x gauge\nx_count 1\nx 2\n",
      families: [
        { type: "gauge", name: "x", samples: [{ labels: {}, value: 2 }] },
        untyped("x_count", 1),
      ],
    },
    {
      name: "names that objects inherit",
      text: 'constructor{__proto__="a",toString="b"} 1\n',
      families: [
        {
          type: "untyped",
          name: "constructor",
          samples: [
            {
              labels: Object.fromEntries([
                ["__proto__", "a"],
                ["toString", "b"],
              ]),
              value: 1,
            },
          ],
        },
      ],
    },
  ])("$name", ({ text, families }) => {
    // Not in the order of the table's objects: a Map keeps the order of the text.
    expect(parseExposition(text).sort(byName)).toEqual([...families].sort(byName));
  });

  test("families in the order of their first line", () => {
    const names = parseExposition("# HELP c .\nb 1\na 1\nc 1\nb 2\n").map(({ name }) => name);
    expect(names).toEqual(["c", "b", "a"]);
  });
});

describe("parsing refuses, with line and reason", () => {
  test.each<{ name: string; text: string; line: number; problem: string }>([
    {
      name: "a last line without its end",
      text: "a 1",
      line: 1,
      problem: "unexpected end of input stream",
    },
    {
      name: "a cut comment",
      text: "a 1\n# HEL",
      line: 2,
      problem: "unexpected end of input stream",
    },
    {
      name: "a word",
      text: "blablabla\n",
      line: 1,
      problem: 'expected float as value, got ""',
    },
    {
      name: "a name that begins with a digit",
      text: "a 1\n1a 1\n",
      line: 2,
      problem: "invalid metric name",
    },
    {
      name: "a name with a dash",
      text: "a-b 1\n",
      line: 1,
      problem: 'expected float as value, got "-b"',
    },
    {
      name: "a carriage return",
      text: "a 1\r\n",
      line: 1,
      problem: 'expected float as value, got "1\\r"',
    },
    {
      name: "a number with underscores",
      text: "a 1_000\n",
      line: 1,
      problem: 'expected float as value, got "1_000"',
    },
    {
      name: "a hexadecimal number",
      text: "a 0x1p-2\n",
      line: 1,
      problem: 'expected float as value, got "0x1p-2"',
    },
    {
      name: "a number beyond a double",
      text: "a 1e999\n",
      line: 1,
      problem: 'expected float as value, got "1e999"',
    },
    {
      name: "a decimal comma",
      text: "a 1,5\n",
      line: 1,
      problem: 'expected float as value, got "1,5"',
    },
    {
      name: "a timestamp with a point",
      text: "a 1 1.5\n",
      line: 1,
      problem: 'expected integer as timestamp, got "1.5"',
    },
    {
      name: "a timestamp beyond 64 bits",
      text: "a 1 9223372036854775808\n",
      line: 1,
      problem: 'expected integer as timestamp, got "9223372036854775808"',
    },
    {
      name: "a third number",
      text: "a 1 2 3\n",
      line: 1,
      problem: 'spurious string after timestamp: " 3"',
    },
    {
      name: "a second TYPE line",
      text: "# TYPE a counter\n# TYPE a counter\na 1\n",
      line: 2,
      problem: 'second TYPE line for metric name "a", or TYPE reported after samples',
    },
    {
      name: "TYPE after a sample",
      text: "a 1\n# TYPE a counter\n",
      line: 2,
      problem: 'second TYPE line for metric name "a", or TYPE reported after samples',
    },
    {
      name: "an unknown type",
      text: "# TYPE a info\n",
      line: 1,
      problem: 'unknown metric type "info"',
    },
    {
      name: "a second HELP line",
      text: "# HELP a A.\n# HELP a B.\n",
      line: 2,
      problem: 'second HELP line for metric name "a"',
    },
    {
      name: "TYPE of no name",
      text: "# TYPE 1a counter\n",
      line: 1,
      problem: "invalid metric name in comment",
    },
    {
      name: "an escape in help that is none",
      text: "# HELP a \\t\n",
      line: 1,
      problem: "invalid escape sequence '\\t'",
    },
    {
      name: "an escape in a value that is none",
      text: 'a{x="\\t"} 1\n',
      line: 1,
      problem: "invalid escape sequence '\\t'",
    },
    {
      name: "the label __name__",
      text: 'x{__name__="y"} 1\n',
      line: 1,
      problem: 'label name "__name__" is reserved',
    },
    {
      name: "a label twice",
      text: 'x{a="1",a="2"} 1\n',
      line: 1,
      problem: 'duplicate label names for metric "x"',
    },
    {
      name: "a label that begins with a digit",
      text: 'x{1="1"} 1\n',
      line: 1,
      problem: 'invalid label name for metric "x"',
    },
    {
      name: "two commas",
      text: 'x{a="1",,b="2"} 1\n',
      line: 1,
      problem: 'invalid label name for metric "x"',
    },
    {
      name: "a label without a value",
      text: "x{a} 1\n",
      line: 1,
      problem: "expected '=' after label name, found '}'",
    },
    {
      name: "a value without quotes",
      text: "x{a=1} 1\n",
      line: 1,
      problem: "expected '\"' at start of label value, found '1'",
    },
    {
      name: "no comma between labels",
      text: 'x{a="1"b="2"} 1\n',
      line: 1,
      problem: 'unexpected end of label value "1"',
    },
    {
      name: "a value that does not end",
      text: 'x{a="1} 1\n',
      line: 1,
      problem: 'label value "1} 1" contains unescaped new-line',
    },
    {
      name: "a value that ends in a backslash",
      text: 'x{a="1\\\n',
      line: 1,
      problem: 'label value "1" contains unescaped new-line',
    },
    {
      name: "braces that do not end",
      text: 'x{a="1",\n',
      line: 1,
      problem: 'invalid label name for metric "x"',
    },
    {
      name: "a bucket bound that is no number",
      text: '# TYPE h histogram\nh_bucket{le="one"} 1\n',
      line: 2,
      problem: "expected float as value for 'le' label, got \"one\"",
    },
    {
      name: "a quantile that is no number",
      text: '# TYPE s summary\ns{quantile=""} 1\n',
      line: 2,
      problem: "expected float as value for 'quantile' label, got \"\"",
    },
  ])("$name", ({ text, line, problem }) => {
    const error = thrownBy(() => parseExposition(text));
    expect(error).toBeInstanceOf(ExpositionError);
    expect(error).toMatchObject({
      code: "ERR_EXPOSITION",
      line,
      problem,
      message: `text format parsing error in line ${line}: ${problem}`,
    });
  });
});

describe("whatever the text", () => {
  const fragment = fc.constantFrom(
    "a",
    "h",
    "_sum",
    "_count",
    "_bucket",
    "{",
    "}",
    '"',
    "\\",
    "n",
    ",",
    "=",
    " ",
    "\n",
    "le",
    "1",
    "0.5",
    "NaN",
    "+Inf",
    "# TYPE h histogram\n",
    "# TYPE a summary\n",
    "# HELP a ",
    "quantile",
    'x="y"',
  );
  const text = fc.oneof(
    fc.string({ unit: fragment, maxLength: 40 }),
    fc.string({ unit: "binary", maxLength: 40 }),
  );

  test("it is refused as an ExpositionError, or taken so that rendering it gives the same again", () => {
    fc.assert(
      fc.property(text, (hostile) => {
        let families: readonly MetricFamily[];
        try {
          families = parseExposition(`${hostile}\n`);
        } catch (error) {
          expect(error).toBeInstanceOf(ExpositionError);
          return;
        }
        const again = renderFamilies(families);
        expect(renderFamilies(parseExposition(again.toString())).toString()).toBe(again.toString());
      }),
      { numRuns: 3000 },
    );
  });
});

describe("a line of a megabyte takes time in proportion to its length", () => {
  test.each<{ name: string; line: (length: number) => string }>([
    { name: "digits that are no number", line: (n) => `a ${"1".repeat(n)}x` },
    { name: "a number's digits", line: (n) => `a 0.${"1".repeat(n)}` },
    { name: "an exponent's digits", line: (n) => `a 1e${"0".repeat(n)}x` },
    { name: "a timestamp's digits", line: (n) => `a 1 ${"9".repeat(n)}` },
    { name: "a timestamp's zeros", line: (n) => `a 1 ${"0".repeat(n)}x` },
    { name: "blanks", line: (n) => `a${" ".repeat(n)}` },
    { name: "a name", line: (n) => "a".repeat(n) },
    { name: "a value that does not end", line: (n) => `a{x="${"y".repeat(n)}` },
    { name: "escapes", line: (n) => `a{x="${"\\\\".repeat(n / 2)}"} 1` },
    { name: "escapes that do not end", line: (n) => `a{x="${'\\"'.repeat(n / 2)}` },
    { name: "backslashes in help", line: (n) => `# HELP a ${"\\\\".repeat(n / 2)}` },
    { name: "backslashes in a type", line: (n) => `# TYPE a ${"\\".repeat(n)}` },
    { name: "commas", line: (n) => `a{${",".repeat(n)}} 1` },
    { name: "labels", line: (n) => `a{${labels(n)}} 1` },
    { name: "labels of a histogram", line: (n) => `# TYPE h histogram\nh_count{${labels(n)}} 1` },
    {
      name: "the same label",
      line: (n) => `# TYPE h histogram\nh_bucket{${'le="1",'.repeat(n / 7)}} 1`,
    },
    { name: "line feeds", line: (n) => "\n".repeat(n) },
    {
      name: "series of one histogram",
      line: (n) => `# TYPE h histogram${'\nh_count{a="b"} 1'.repeat(n / 17)}`,
    },
  ])("$name", ({ line }) => {
    // Four times the length; what is quadratic takes 16 times the time, and is stopped before it
    // takes the megabyte. Time is the processor's, in ms; the slack is for garbage collection.
    let before = timeOf(line(15_625));
    for (const length of [62_500, 250_000, 1_000_000]) {
      const time = timeOf(line(length));
      expect(time).toBeLessThan(12 * (before + 20));
      before = time;
    }
  });
});

describe("parseFloatToken", () => {
  test.each([
    ["1", 1],
    ["+1", 1],
    ["-1.5e3", -1500],
    [".5", 0.5],
    ["5.", 5],
    ["1E+2", 100],
    ["1e-400", 0],
    ["inf", Number.POSITIVE_INFINITY],
    ["+Inf", Number.POSITIVE_INFINITY],
    ["-INFINITY", Number.NEGATIVE_INFINITY],
    ["nan", Number.NaN],
    ["NaN", Number.NaN],
    ["-0", -0],
    ["", undefined],
    [".", undefined],
    ["e5", undefined],
    ["1e", undefined],
    ["+nan", undefined],
    ["--1", undefined],
    ["1e309", undefined],
    ["1 ", undefined],
    ["0b1", undefined],
    ["0x10", undefined],
    ["١", undefined],
  ])("%j is %p", (token, value) => {
    expect(parseFloatToken(token)).toBe(value);
  });

  test("reads what Number writes", () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
        fc.pre(!Object.is(value, -0));
        expect(parseFloatToken(`${value}`)).toBe(value);
      }),
      { numRuns: 2000 },
    );
  });
});

function untyped(name: string, value: number, labels: Record<string, string> = {}): MetricFamily {
  return { type: "untyped", name, samples: [{ labels, value }] };
}

function byName(one: MetricFamily, other: MetricFamily): number {
  return one.name < other.name ? -1 : 1;
}

function labels(length: number): string {
  return Array.from({ length: length / 12 }, (_, index) => `l${index}="v",`).join("");
}

function attempt(text: string): void {
  try {
    parseExposition(`${text}\n`);
  } catch (error) {
    expect(error).toBeInstanceOf(ExpositionError);
  }
}

/** Milliseconds of processor time: another process does not count. */
function timeOf(text: string): number {
  const before = process.cpuUsage();
  attempt(text);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

function thrownBy(call: () => unknown): unknown {
  try {
    call();
  } catch (error) {
    return error;
  }
  throw new Error("nothing was thrown");
}
