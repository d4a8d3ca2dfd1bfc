import type { MetricFamily } from "./family.ts";

/** Something in an exposition that works but will hurt whoever queries it. */
export type Finding = { readonly metric: string; readonly problem: string };

/**
 * The rules of `promtool check metrics` (client_golang, `testutil/promlint`, as of v1.14), in its
 * words, so that the two can be laid side by side. Sorted by metric, then by problem.
 */
export function lintFamilies(families: readonly MetricFamily[]): readonly Finding[] {
  const findings = families.flatMap((family) =>
    RULES.flatMap((rule) => rule(family)).map((problem) => ({ metric: family.name, problem })),
  );
  return findings.sort((a, b) => compare(a.metric, b.metric) || compare(a.problem, b.problem));
}

type Rule = (family: MetricFamily) => readonly string[];

const RULES: readonly Rule[] = [
  ({ help }) => when(help === undefined, "no help text"),
  ({ name }) => {
    const unit = unitOf(name);
    return when(
      unit !== undefined && unit.base !== unit.used,
      `use base unit "${unit?.base}" instead of "${unit?.used}"`,
    );
  },
  totalSuffix,
  reservedSuffixes,
  reservedLabels,
  ({ name }) =>
    ["counter", "gauge", "summary", "histogram", "gauge_histogram"]
      .filter((type) => hasPart(name, type))
      .map((type) => `metric name should not include type '${type}'`),
  ({ name }) => when(name.includes(":"), "metric names should not contain ':'"),
  ({ name }) =>
    when(CAMEL_CASE.test(name), "metric names should be written in 'snake_case' not 'camelCase'"),
  (family) =>
    when(
      labelNames(family).some((label) => CAMEL_CASE.test(label)),
      "label names should be written in 'snake_case' not 'camelCase'",
    ),
  ({ name }) =>
    when(
      ABBREVIATIONS.some((unit) => hasPart(name, unit)),
      "metric names should not contain abbreviated units",
    ),
];

const CAMEL_CASE = /[a-z][A-Z]/;

/** Units that names spell out, and the base unit that each should be. */
const BASE_UNITS: Readonly<Record<string, readonly string[]>> = {
  amperes: ["amperes"],
  bytes: ["bytes", "bits"],
  celsius: ["celsius", "fahrenheit", "rankine"],
  grams: ["grams", "pounds", "ounces"],
  joules: ["joules", "calories"],
  kelvin: ["kelvin", "kelvins"],
  meters: ["meters", "inches", "yards", "miles"],
  metres: ["metres"],
  seconds: ["seconds", "minutes", "hours", "days", "weeks"],
  volts: ["volts"],
};

const PREFIXES =
  /^(?:pico|nano|micro|milli|centi|deci|deca|hecto|kilo|kibi|mega|mibi|giga|gibi|tera|tebi|peta|pebi)/;

const ABBREVIATIONS = "s ms us ns sec b kb mb gb tb pb m h d".split(" ");

function totalSuffix({ type, name }: MetricFamily): readonly string[] {
  const total = name.endsWith("_total");
  if (type === "counter") return when(!total, 'counter metrics should have "_total" suffix');
  return when(total && type !== "untyped", 'non-counter metrics should not have "_total" suffix');
}

function reservedSuffixes({ type, name }: MetricFamily): readonly string[] {
  if (type === "untyped" || type === "histogram") return [];
  const bucket = when(
    name.endsWith("_bucket"),
    'non-histogram metrics should not have "_bucket" suffix',
  );
  if (type === "summary") return bucket;
  const others = ["_count", "_sum"]
    .filter((suffix) => name.endsWith(suffix))
    .map((suffix) => `non-histogram and non-summary metrics should not have "${suffix}" suffix`);
  return [...bucket, ...others];
}

function reservedLabels(family: MetricFamily): readonly string[] {
  if (family.type === "untyped") return [];
  const labels = labelNames(family);
  return [
    ...when(
      family.type !== "histogram" && labels.includes("le"),
      'non-histogram metrics should not have "le" label',
    ),
    ...when(
      family.type !== "summary" && labels.includes("quantile"),
      'non-summary metrics should not have "quantile" label',
    ),
  ];
}

/** The unit that a part of the name is, prefix included: "thermometers" is none, "kilometers" is. */
function unitOf(name: string): { readonly used: string; readonly base: string } | undefined {
  for (const used of name.split("_")) {
    for (const bare of [used, used.replace(PREFIXES, "")]) {
      const found = Object.entries(BASE_UNITS).find(([, units]) => units.includes(bare));
      if (found !== undefined) return { used, base: found[0] };
    }
  }
  return undefined;
}

function labelNames(family: MetricFamily): readonly string[] {
  return [...new Set(family.samples.flatMap(({ labels }) => Object.keys(labels)))];
}

function hasPart(name: string, part: string): boolean {
  const lower = name.toLowerCase();
  return lower.includes(`_${part}_`) || lower.endsWith(`_${part}`);
}

function when(holds: boolean, problem: string): readonly string[] {
  return holds ? [problem] : [];
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
