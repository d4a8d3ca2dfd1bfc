import { ExpositionError } from "../../errors.ts";
import type { Bucket, LabelSet, MetricFamily } from "./family.ts";

/**
 * Parses text exposition format 0.0.4 as the Pushgateway's own parser does (prometheus/common,
 * `expfmt/text_parse.go`), including what it refuses: a body that it takes, we take, and the
 * other way round. Families keep the order of their first line; those without samples vanish.
 * One file, though a long one: a parser is read from top to bottom.
 * One grammar in one file, hence over 250 lines.
 *
 * @throws {ExpositionError} with the line and the reason.
 */
export function parseExposition(text: string): MetricFamily[] {
  const lines = text.split("\n");
  const families = new Map<string, FamilyDraft>();
  for (const [index, line] of lines.entries()) {
    const reader: LineReader = { text: line, at: 0, number: index + 1 };
    const last = index === lines.length - 1;
    if (last && line.replace(/[ \t]/g, "") !== "") {
      // Without its line feed the last line may be half a line: a cut-off body must not pass.
      throw new ExpositionError(reader.number, "unexpected end of input stream");
    }
    readLine(reader, families);
  }
  return [...families.values()].filter(({ samples }) => samples.size > 0).map(finishFamily);
}

type LineReader = { readonly text: string; at: number; readonly number: number };

type FamilyType = MetricFamily["type"];

type FamilyDraft = {
  readonly name: string;
  help?: string;
  type?: FamilyType;
  /** Keyed by the label set; scalar samples get a key of their own each, duplicates included. */
  readonly samples: Map<string, SampleDraft>;
};

type SampleDraft = {
  readonly labels: LabelSet;
  value: number;
  count: number;
  sum: number;
  readonly buckets: Bucket[];
  readonly quantiles: { quantile: number; value: number }[];
  timestampMs?: number;
};

type Suffix = "" | "_sum" | "_count" | "_bucket";

function readLine(reader: LineReader, families: Map<string, FamilyDraft>): void {
  skipBlanks(reader);
  if (reader.at === reader.text.length) return;
  if (reader.text[reader.at] === "#") readComment(reader, families);
  else readSample(reader, families);
}

function readComment(reader: LineReader, families: Map<string, FamilyDraft>): void {
  reader.at++;
  skipBlanks(reader);
  const keyword = take(reader, /[^ \t]*/y);
  if (keyword !== "HELP" && keyword !== "TYPE") return;
  skipBlanks(reader);
  const name = take(reader, /(?:[a-zA-Z_:][a-zA-Z0-9_:]*)?/y);
  if (atEnd(reader)) return;
  if (!isBlank(reader.text[reader.at])) fail(reader, "invalid metric name in comment");
  const { family } = familyOf(name, families);
  skipBlanks(reader);
  if (atEnd(reader)) return;

  const rest = reader.text.slice(reader.at);
  if (keyword === "HELP") {
    if (family.help !== undefined) fail(reader, `second HELP line for metric name "${name}"`);
    family.help = rest.replace(/\\(.?)/g, (_, escaped: string) => {
      if (escaped === "n") return "\n";
      if (escaped === "\\") return "\\";
      return fail(reader, `invalid escape sequence '\\${escaped}'`);
    });
    return;
  }
  if (family.type !== undefined) {
    fail(
      reader,
      `second TYPE line for metric name "${family.name}", or TYPE reported after samples`,
    );
  }
  // A quirk of the gateway's parser: backslashes in a TYPE line are dropped.
  const type = rest.replaceAll("\\", "").toUpperCase().toLowerCase();
  if (!isFamilyType(type)) fail(reader, `unknown metric type "${rest}"`);
  family.type = type;
}

function readSample(reader: LineReader, families: Map<string, FamilyDraft>): void {
  const name = take(reader, /(?:[a-zA-Z_:][a-zA-Z0-9_:]*)?/y);
  if (name === "") fail(reader, "invalid metric name");
  const { family, suffix } = familyOf(name, families);
  family.type ??= "untyped";
  skipBlanks(reader);

  const labels: Record<string, string> = Object.create(null);
  let upperBound = Number.NaN;
  let quantile = Number.NaN;
  if (reader.text[reader.at] === "{") {
    reader.at++;
    const bounded = boundLabel(family.type);
    for (const [label, value] of readLabels(reader, name, bounded)) {
      if (label !== bounded) labels[label] = value;
      else if (label === "le") upperBound = bound(reader, label, value);
      else quantile = bound(reader, label, value);
    }
  }
  skipBlanks(reader);
  const token = take(reader, /[^ \t]*/y);
  const value = parseFloatToken(token);
  if (value === undefined) fail(reader, `expected float as value, got ${JSON.stringify(token)}`);
  const timestampMs = readTimestamp(reader);

  const sample = sampleOf(family, labels);
  if (timestampMs !== undefined) sample.timestampMs = timestampMs;
  if (family.type !== "histogram" && family.type !== "summary") sample.value = value;
  else if (suffix === "_count") sample.count = Math.trunc(value);
  else if (suffix === "_sum") sample.sum = value;
  else if (!Number.isNaN(upperBound)) {
    sample.buckets.push({ upperBound, cumulativeCount: Math.trunc(value) });
  } else if (!Number.isNaN(quantile)) sample.quantiles.push({ quantile, value });
}

/** The label that is no label of the series, but says which of its lines this is. */
function boundLabel(type: FamilyType): "le" | "quantile" | undefined {
  if (type === "histogram") return "le";
  return type === "summary" ? "quantile" : undefined;
}

/** `bounded` may come twice, as the gateway has it: the last one counts. */
function* readLabels(
  reader: LineReader,
  metric: string,
  bounded: string | undefined,
): Generator<[string, string]> {
  const seen = new Set<string>();
  for (;;) {
    skipBlanks(reader);
    if (reader.text[reader.at] === "}") {
      reader.at++;
      return;
    }
    const label = take(reader, /(?:[a-zA-Z_][a-zA-Z0-9_]*)?/y);
    if (label === "") fail(reader, `invalid label name for metric "${metric}"`);
    if (label === "__name__") fail(reader, 'label name "__name__" is reserved');
    skipBlanks(reader);
    expect(reader, "=", "after label name");
    if (seen.has(label) && label !== bounded)
      fail(reader, `duplicate label names for metric "${metric}"`);
    seen.add(label);
    skipBlanks(reader);
    expect(reader, '"', "at start of label value");
    const value = readLabelValue(reader);
    yield [label, value];
    skipBlanks(reader);
    const next = reader.text[reader.at];
    if (next !== "," && next !== "}") {
      fail(reader, `unexpected end of label value ${JSON.stringify(value)}`);
    }
    if (next === ",") reader.at++;
  }
}

function readLabelValue(reader: LineReader): string {
  const raw = take(reader, /[^"\\]*(?:\\.[^"\\]*)*/y);
  if (reader.text[reader.at] !== '"') {
    fail(reader, `label value ${JSON.stringify(raw)} contains unescaped new-line`);
  }
  reader.at++;
  return raw.replace(/\\(.)/g, (_, escaped: string) => {
    if (escaped === "n") return "\n";
    if (escaped === "\\" || escaped === '"') return escaped;
    return fail(reader, `invalid escape sequence '\\${escaped}'`);
  });
}

function readTimestamp(reader: LineReader): number | undefined {
  if (atEnd(reader)) return undefined;
  skipBlanks(reader);
  const token = take(reader, /[^ \t]*/y);
  // An int64 has 19 digits at most, zeros in front aside; BigInt takes more than linear time.
  const isInteger = /^[+-]?[0-9]+$/.test(token) && token.replace(/^[+-]?0*/, "").length <= 19;
  const timestampMs = isInteger ? BigInt(token) : undefined;
  if (timestampMs === undefined || timestampMs !== BigInt.asIntN(64, timestampMs)) {
    fail(reader, `expected integer as timestamp, got ${JSON.stringify(token)}`);
  }
  // Not even a blank may follow.
  const rest = reader.text.slice(reader.at);
  if (rest !== "") fail(reader, `spurious string after timestamp: ${JSON.stringify(rest)}`);
  return Number(timestampMs);
}

/**
 * `x_sum`, `x_count` and `x_bucket` belong to `x` only once `x` is known as a summary or histogram
 * and no family has the longer name itself.
 */
function familyOf(
  name: string,
  families: Map<string, FamilyDraft>,
): { family: FamilyDraft; suffix: Suffix } {
  const known = families.get(name);
  if (known !== undefined) return { family: known, suffix: "" };
  for (const suffix of ["_count", "_sum", "_bucket"] as const) {
    if (!name.endsWith(suffix)) continue;
    const owner = families.get(name.slice(0, -suffix.length));
    if (owner?.type === "histogram" || (owner?.type === "summary" && suffix !== "_bucket")) {
      return { family: owner, suffix };
    }
  }
  const family: FamilyDraft = { name, samples: new Map() };
  families.set(name, family);
  return { family, suffix: "" };
}

function sampleOf(family: FamilyDraft, labels: LabelSet): SampleDraft {
  const structured = family.type === "histogram" || family.type === "summary";
  const key = structured
    ? JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)))
    : `${family.samples.size}`;
  let sample = family.samples.get(key);
  if (sample === undefined) {
    sample = { labels, value: 0, count: 0, sum: 0, buckets: [], quantiles: [] };
    family.samples.set(key, sample);
  }
  return sample;
}

function finishFamily({ name, help, type, samples }: FamilyDraft): MetricFamily {
  const head = help === undefined ? { name } : { name, help };
  const drafts = [...samples.values()];
  const timed = ({ timestampMs }: SampleDraft) =>
    timestampMs === undefined ? {} : { timestampMs };
  if (type === "histogram") {
    const finished = drafts.map((draft) => {
      const { labels, buckets, count, sum } = draft;
      return { labels, buckets, count, sum, ...timed(draft) };
    });
    return { type, ...head, samples: finished };
  }
  if (type === "summary") {
    const finished = drafts.map((draft) => {
      const { labels, quantiles, count, sum } = draft;
      return { labels, quantiles, count, sum, ...timed(draft) };
    });
    return { type, ...head, samples: finished };
  }
  const finished = drafts.map((draft) => ({
    labels: draft.labels,
    value: draft.value,
    ...timed(draft),
  }));
  return { type: type ?? "untyped", ...head, samples: finished };
}

/** Go's `strconv.ParseFloat` less what expfmt refuses: no underscores, no hexadecimal, no overflow. */
export function parseFloatToken(token: string): number | undefined {
  // The point stands before optional digits, not among them: else a long number costs its square.
  if (/^[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$/.test(token)) {
    const value = Number(token);
    return Number.isFinite(value) ? value : undefined;
  }
  if (/^[+-]?inf(?:inity)?$/i.test(token)) {
    return token.startsWith("-") ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  }
  return /^nan$/i.test(token) ? Number.NaN : undefined;
}

function bound(reader: LineReader, label: string, text: string): number {
  const value = parseFloatToken(text);
  return (
    value ??
    fail(reader, `expected float as value for '${label}' label, got ${JSON.stringify(text)}`)
  );
}

function isFamilyType(text: string): text is FamilyType {
  return ["counter", "gauge", "untyped", "histogram", "summary"].includes(text);
}

function expect(reader: LineReader, char: string, where: string): void {
  const found = reader.text[reader.at];
  if (found !== char) fail(reader, `expected '${char}' ${where}, found '${found ?? "\\n"}'`);
  reader.at++;
}

/** Reads what the sticky expression matches from here on; all callers' expressions match emptiness. */
function take(reader: LineReader, pattern: RegExp): string {
  pattern.lastIndex = reader.at;
  const found = pattern.exec(reader.text)?.[0] ?? "";
  reader.at += found.length;
  return found;
}

function skipBlanks(reader: LineReader): void {
  while (isBlank(reader.text[reader.at])) reader.at++;
}

function isBlank(char: string | undefined): boolean {
  return char === " " || char === "\t";
}

function atEnd(reader: LineReader): boolean {
  return reader.at === reader.text.length;
}

function fail(reader: LineReader, problem: string): never {
  // It quotes the input, and a line may be a megabyte long.
  const shown = problem.length > MAX_PROBLEM ? `${problem.slice(0, MAX_PROBLEM)}…` : problem;
  throw new ExpositionError(reader.number, shown);
}

const MAX_PROBLEM = 300;
