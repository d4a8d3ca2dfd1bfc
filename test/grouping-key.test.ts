import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { InvalidGroupingKeyError } from "../src/errors.ts";
import {
  formatGroupingKey,
  type GroupingKey,
  groupingKey,
  groupPath,
  labelValueProblem,
} from "../src/grouping-key.ts";

type Labels = Readonly<Record<string, string>>;

describe("the path of a group", () => {
  test.each<{ name: string; job: string; labels?: Labels; path: string }>([
    { name: "job alone", job: "backup", path: "/metrics/job/backup" },
    {
      name: "labels in the order of their names, whatever the order given",
      job: "j",
      labels: { b: "2", a: "1", C: "3" },
      path: "/metrics/job/j/C/3/a/1/b/2",
    },
    { name: "letters, digits, _ and - stay", job: "aZ09_-", path: "/metrics/job/aZ09_-" },
    { name: "a slash", job: "test/job", path: "/metrics/job@base64/dGVzdC9qb2I" },
    { name: "a space, never as +", job: "a b", path: "/metrics/job@base64/YSBi" },
    { name: "a dot, which HTTP clients resolve", job: ".", path: "/metrics/job@base64/Lg" },
    { name: "two dots", job: "..", path: "/metrics/job@base64/Li4" },
    { name: "a percent sign", job: "%2F", path: "/metrics/job@base64/JTJG" },
    { name: "an umlaut, as UTF-8", job: "ü", path: "/metrics/job@base64/w7w" },
    { name: "beyond the basic plane", job: "📈", path: "/metrics/job@base64/8J-TiA" },
    { name: "url-safe base64", job: "a?b>c~", path: "/metrics/job@base64/YT9iPmN-" },
    {
      name: "an empty value, as the gateway spells it",
      job: "j",
      labels: { x: "" },
      path: "/metrics/job/j/x@base64/=",
    },
    {
      name: "a value that looks encoded is encoded again",
      job: "j",
      labels: { x: "x@base64" },
      path: "/metrics/job/j/x@base64/eEBiYXNlNjQ",
    },
    {
      name: "a version with dots",
      job: "backtest",
      labels: { strategy: "momentum-1.2" },
      path: "/metrics/job/backtest/strategy@base64/bW9tZW50dW0tMS4y",
    },
  ])("$name", ({ job, labels, path }) => {
    expect(groupPath(groupingKey(job, labels))).toBe(path);
  });

  test("leads a gateway to exactly the labels of the key", () => {
    fc.assert(
      fc.property(keys(), (key) => {
        expect(labelsOfPath(groupPath(key))).toEqual({ job: key.job, ...key.labels });
      }),
      { numRuns: 1000 },
    );
  });

  test("holds nothing that a proxy, a URL parser or a router could change", () => {
    fc.assert(
      fc.property(keys(), (key) => {
        const path = groupPath(key);
        expect(path).toMatch(/^\/metrics(?:\/[A-Za-z0-9_]+(?:@base64)?\/(?:[A-Za-z0-9_-]+|=))+$/);
        expect(new URL(path, "http://gateway").pathname).toBe(path);
      }),
      { numRuns: 1000 },
    );
  });

  test("is another one for another key", () => {
    const fewNames = fc.constantFrom("a", "b", "a_b");
    const fewValues = fc.constantFrom("", "a", "b", "/", "a/b", "=", "@", "a/b/b", "YQ", "Lw");
    const near = fc
      .tuple(
        fewValues.filter((job) => job !== ""),
        fc.dictionary(fewNames, fewValues),
      )
      .map(([job, labels]) => groupingKey(job, labels));
    fc.assert(
      fc.property(near, near, (one, other) => {
        const same = canonical(one) === canonical(other);
        expect(groupPath(one) === groupPath(other)).toBe(same);
        expect(formatGroupingKey(one) === formatGroupingKey(other)).toBe(same);
      }),
      { numRuns: 2000 },
    );
  });

  test("is not made of a key that was made by hand and is none", () => {
    expect(() => groupPath({ job: "", labels: {} })).toThrow(InvalidGroupingKeyError);
    expect(() => groupPath({ job: "j", labels: { "a/b": "c" } })).toThrow(InvalidGroupingKeyError);
    expect(groupPath({ job: "j", labels: { b: "2", a: "1" } })).toBe("/metrics/job/j/a/1/b/2");
  });
});

describe("a grouping key", () => {
  test("keeps no hold on the object it was made of", () => {
    const labels = { strategy: "a" };
    const key = groupingKey("j", labels);
    labels.strategy = "b";
    expect(key.labels).toEqual({ strategy: "a" });
  });

  test("is written as PromQL writes it", () => {
    const key = groupingKey("backtest", { strategy: 'a"b\\c', mode: "backtest" });
    expect(formatGroupingKey(key)).toBe('{job="backtest",mode="backtest",strategy="a\\"b\\\\c"}');
  });

  test.each<{ name: string; job: unknown; labels?: unknown; reason: string }>([
    { name: "no job", job: "", reason: "job is empty: a group needs a job name" },
    { name: "a job that is a number", job: 7, reason: "label job must be a string, not number" },
    { name: "a job left out", job: undefined, reason: "label job must be a string, not undefined" },
    {
      name: "job among the labels",
      job: "j",
      labels: { job: "k" },
      reason: "label job is given twice: as the job and in the labels",
    },
    ...["", "__x", "__name__", "1b", "b:c", "a=b", "a-b", "a/b", "a b", "ü", "a\n"].map((name) => ({
      name: `the label name ${JSON.stringify(name)}`,
      job: "j",
      labels: { [name]: "v" },
      reason: `label name ${JSON.stringify(name)} is not usable: letters, digits and _, not first a digit, not first __`,
    })),
    ...["le", "quantile"].map((name) => ({
      name: `the label ${name}, which breaks every later scrape`,
      job: "j",
      labels: { [name]: "1" },
      reason: `label ${name} belongs to histograms and summaries and cannot be a grouping label`,
    })),
    {
      name: "an empty instance, which breaks every later scrape",
      job: "j",
      labels: { instance: "" },
      reason: 'label instance is empty: the gateway adds instance="" itself; leave it out',
    },
    {
      name: "a value that is undefined",
      job: "j",
      labels: { x: undefined },
      reason: "label x must be a string, not undefined",
    },
    {
      name: "a value that is an object",
      job: "j",
      labels: { x: {} },
      reason: "label x must be a string, not object",
    },
    { name: "a line feed", job: "a\nb", reason: "label job holds a control character" },
    {
      name: "a null character",
      job: "j",
      labels: { x: "\0" },
      reason: "label x holds a control character",
    },
    {
      name: "half a surrogate pair, which breaks every later scrape",
      job: "j",
      labels: { x: "\ud800" },
      reason: "label x is not well-formed Unicode",
    },
    {
      name: "1,025 characters",
      job: "j",
      labels: { x: "v".repeat(1025) },
      reason: "label x is longer than 1024 bytes",
    },
    {
      name: "1,026 bytes in fewer characters",
      job: "ü".repeat(513),
      reason: "label job is longer than 1024 bytes",
    },
  ])("is refused: $name", ({ job, labels, reason }) => {
    const make = () => groupingKey(job as string, labels as Labels);
    expect(make).toThrow(InvalidGroupingKeyError);
    expect(make).toThrow(new Error(reason));
  });

  test("may be as long as a label may be, and named as strangely", () => {
    const labels = { _: "v".repeat(1024), constructor: "c", toString: "t" };
    expect(labelsOfPath(groupPath(groupingKey("ü".repeat(512), labels)))).toEqual({
      job: "ü".repeat(512),
      ...labels,
    });
  });
});

describe("labelValueProblem", () => {
  test.each([
    ["\u007f", "holds a control character"],
    ["\u001f", "holds a control character"],
    ["\udc00\ud800", "is not well-formed Unicode"],
    ["\u2028\u0085 \u00a0", undefined],
    ["", undefined],
    ["👩‍💻", undefined],
  ])("%j: %s", (value, problem) => {
    expect(labelValueProblem(value)).toBe(problem);
  });
});

function keys(): fc.Arbitrary<GroupingKey> {
  const odd = fc.constantFrom(
    "/",
    ".",
    "..",
    "%2F",
    "a b",
    "+",
    "=",
    "@base64",
    "ü/ü",
    "a//b",
    "-_",
  );
  const value = fc.oneof(
    odd,
    fc.string({ unit: "grapheme", maxLength: 20 }),
    fc.string({ unit: "binary", maxLength: 20 }),
  );
  const usable = value.filter((text) => labelValueProblem(text) === undefined);
  const name = fc
    .string({ unit: fc.constantFrom(..."azAZ_09"), minLength: 1, maxLength: 6 })
    .filter((text) => /^(?!__|[09])/.test(text));
  return fc
    .tuple(
      usable.filter((job) => job !== ""),
      fc.dictionary(name, fc.oneof(usable, fc.constant("")), { maxKeys: 5 }),
    )
    .filter(([, labels]) => labels["instance"] !== "")
    .map(([job, labels]) => groupingKey(job, labels));
}

/** As the Pushgateway reads it: decode the path, split it, decode what is marked as base64. */
function labelsOfPath(path: string): Record<string, string> {
  const [root, ...components] = decodeURIComponent(path.slice(1)).split("/");
  if (root !== "metrics" || components.length % 2 !== 0) throw new Error(`no group: ${path}`);
  const labels: Record<string, string> = {};
  for (let at = 0; at < components.length; at += 2) {
    const name = components[at] as string;
    const value = components[at + 1] as string;
    const plain = name.replace(/@base64$/, "");
    if (Object.hasOwn(labels, plain)) throw new Error(`label ${plain} comes twice in ${path}`);
    labels[plain] = name === plain ? value : fromBase64(value);
  }
  return labels;
}

/** Go's base64.RawURLEncoding after trailing `=` were cut, over UTF-8. */
function fromBase64(text: string): string {
  const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  const bits = [...text.replace(/=+$/, "")].map((char) => {
    const digit = digits.indexOf(char);
    if (digit < 0) throw new Error(`not base64url: ${text}`);
    return digit.toString(2).padStart(6, "0");
  });
  const octets = bits.join("").match(/.{8}/g) ?? [];
  return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(
    Uint8Array.from(octets, (octet) => Number.parseInt(octet, 2)),
  );
}

function canonical({ job, labels }: GroupingKey): string {
  return JSON.stringify([job, ...Object.entries(labels).sort()]);
}
