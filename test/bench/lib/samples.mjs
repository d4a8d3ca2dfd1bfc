/** Sample values by series, so that what a contestant counted can be compared with what is due. */

/** One name for a series, whatever order its labels are printed in. */
export function seriesKey(name, labels) {
  const pairs = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
  return `${name}{${pairs.sort().join(",")}}`;
}

/** Samples of a text exposition. Label values hold no comma here, so none is looked for. */
export function parseSamples(text) {
  const samples = new Map();
  for (const line of text.split("\n")) {
    if (line === "" || line.startsWith("#")) continue;
    const [, name, labels = "", value] = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
    const key = `${name}{${labels.split(",").sort().join(",")}}`;
    if (name === undefined || samples.has(key)) throw new Error(`unusable line: ${line}`);
    samples.set(key, Number(value));
  }
  return samples;
}

/** The samples of one histogram child; `counts` has one entry per bucket, the last for +Inf. */
export function histogramSamples(name, labels, { bounds, counts, sum }) {
  let cumulative = 0;
  const buckets = counts.map((count, i) => {
    cumulative += count;
    return [seriesKey(`${name}_bucket`, { ...labels, le: bounds[i] ?? "+Inf" }), cumulative];
  });
  return [
    ...buckets,
    [seriesKey(`${name}_sum`, labels), sum],
    [seriesKey(`${name}_count`, labels), cumulative],
  ];
}

/**
 * Fails unless both hold the same series with the same values. A sum of millions of observations
 * may differ in its last digits.
 */
export function assertSamples(actual, expected) {
  if (actual.size !== expected.size) {
    throw new Error(`${actual.size} samples instead of ${expected.size}`);
  }
  for (const [key, value] of expected) {
    const got = actual.get(key);
    if (got === undefined || !(Math.abs(got - value) <= 1e-6 * Math.abs(value))) {
      throw new Error(`${key} is ${got} instead of ${value}`);
    }
  }
}
