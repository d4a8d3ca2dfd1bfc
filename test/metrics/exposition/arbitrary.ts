import fc from "fast-check";
import type { LabelSet, MetricFamily } from "../../../src/metrics/exposition/family.ts";

/** Text that has broken somebody's exporter, beside text of any kind. */
export function hostileText(): fc.Arbitrary<string> {
  return fc.oneof(
    fc.constantFrom(
      '"} 1\nevil 9',
      'a"b',
      "a\\",
      "\\n",
      "\\\\n",
      "\n",
      "\r\n",
      '",le="+Inf',
      "# TYPE x counter",
      "\u2028",
      "Zürich 📈",
      "\0",
    ),
    fc.string({ unit: "binary", maxLength: 12 }),
    fc.string({ unit: fc.constantFrom('"', "\\", "n", "\n", "}", "{", ",", "=", " ", "#") }),
  );
}

/** A label set as one series of a family has it. */
export function labelSets(): fc.Arbitrary<LabelSet> {
  const name = names("aZ_").filter((text) => !["__name__", "le", "quantile"].includes(text));
  return fc.dictionary(name, hostileText(), { maxKeys: 3, noNullPrototype: true });
}

/** Families that can be told apart in the text format: no two share the name of a series. */
export function families(): fc.Arbitrary<readonly MetricFamily[]> {
  return fc
    .array(family(), { maxLength: 4 })
    .map((drafts) => drafts.map((draft, index) => ({ ...draft, name: `${draft.name}_${index}` })));
}

function family(): fc.Arbitrary<MetricFamily> {
  const name = names("aZ_:");
  // The format cannot say them: it drops an empty help text, and blanks before the first letter.
  const help = hostileText().filter((text) => !/^(?:[ \t]|$)/.test(text));
  const head = { name, help };
  const optional = { requiredKeys: ["type", "name", "samples"] as ["type", "name", "samples"] };
  return fc.oneof(
    fc.record(
      {
        type: fc.constantFrom("counter" as const, "gauge" as const, "untyped" as const),
        ...head,
        samples: fc.array(scalarSample(), { minLength: 1, maxLength: 4 }),
      },
      optional,
    ),
    fc.record(
      { type: fc.constant("histogram" as const), ...head, samples: oneEach(histogramSample()) },
      optional,
    ),
    fc.record(
      { type: fc.constant("summary" as const), ...head, samples: oneEach(summarySample()) },
      optional,
    ),
  );
}

/** A name of the first letters or, further in, a digit. */
function names(letters: string): fc.Arbitrary<string> {
  const rest = fc.string({ unit: fc.constantFrom(...letters, "9", "le"), maxLength: 5 });
  return fc.tuple(fc.constantFrom(...letters), rest).map(([first, others]) => first + others);
}

const timestampMs = fc.maxSafeInteger();

function scalarSample() {
  return fc.record(
    { labels: labelSets(), value: numbers(), timestampMs },
    { requiredKeys: ["labels", "value"] },
  );
}

function histogramSample() {
  const bounds = fc
    .uniqueArray(fc.double({ noNaN: true, noDefaultInfinity: true }), { maxLength: 5 })
    .map((finite) => [...finite.sort((a, b) => a - b), Number.POSITIVE_INFINITY]);
  const buckets = bounds.chain((upperBounds) =>
    fc.tuple(
      ...upperBounds.map((upperBound) =>
        fc.record({
          upperBound: fc.constant(upperBound),
          cumulativeCount: fc.maxSafeNat(),
        }),
      ),
    ),
  );
  return fc.record(
    { labels: labelSets(), buckets, count: fc.maxSafeNat(), sum: numbers(), timestampMs },
    { requiredKeys: ["labels", "buckets", "count", "sum"] },
  );
}

function summarySample() {
  const quantiles = fc.array(
    fc.record({ quantile: fc.double({ noNaN: true }), value: numbers() }),
    { maxLength: 4 },
  );
  return fc.record(
    { labels: labelSets(), quantiles, count: fc.maxSafeNat(), sum: numbers(), timestampMs },
    { requiredKeys: ["labels", "quantiles", "count", "sum"] },
  );
}

/** Every line of a histogram or summary with the same labels is of the same sample. */
function oneEach<Sample extends { readonly labels: LabelSet }>(
  sample: fc.Arbitrary<Sample>,
): fc.Arbitrary<Sample[]> {
  return fc.uniqueArray(sample, {
    minLength: 1,
    maxLength: 3,
    selector: ({ labels }) => JSON.stringify(Object.entries(labels).sort()),
  });
}

function numbers(): fc.Arbitrary<number> {
  return fc.oneof(
    fc.double(),
    fc.integer(),
    fc.constantFrom(
      Number.NaN,
      Number.POSITIVE_INFINITY,
      Number.NEGATIVE_INFINITY,
      0,
      -0,
      1e21,
      1e-7,
      5e-324,
      Number.MAX_VALUE,
    ),
  );
}
