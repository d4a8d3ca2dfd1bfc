/**
 * A registry of 10,000 lines to bytes ready for the socket: 40 % counters with two labels, 20 %
 * gauges with one, 40 % lines of histograms with one label and 12 buckets, over 24 metrics.
 *
 * Every series is written between two calls, so that no text can be kept from the call before.
 */
import { BUCKETS, spread } from "../lib/data.mjs";
import { histogramSamples, parseSamples, seriesKey } from "../lib/samples.mjs";

const LINES = 10_000;
const METRICS_PER_TYPE = 8;
const LINES_PER_HISTOGRAM = BUCKETS.length + 3;

const HISTOGRAMS = series(
  Math.floor((LINES * 0.4) / LINES_PER_HISTOGRAM),
  "latency_seconds",
  (i) => ({
    model: `model-${i}`,
  }),
);
const GAUGES = series(LINES * 0.2, "position_value", (i) => ({ book: `book-${i}` }));
const COUNTERS = series(
  LINES - GAUGES.length - HISTOGRAMS.length * LINES_PER_HISTOGRAM,
  "orders_total",
  (i) => ({ venue: `venue-${i % 40}`, symbol: `SYM${Math.floor(i / 40)}-USD` }),
);

export const timedAs = "calls";

export function library({ Counter, Gauge, Histogram, registry, render }) {
  const registers = [registry];
  const counters = perMetric(COUNTERS, (name) => {
    const labelNames = ["venue", "symbol"];
    return new Counter({ name, help: `Help of ${name}.`, labelNames, registers });
  });
  const gauges = perMetric(GAUGES, (name) => {
    return new Gauge({ name, help: `Help of ${name}.`, labelNames: ["book"], registers });
  });
  const histograms = perMetric(HISTOGRAMS, (name) => {
    const buckets = BUCKETS;
    return new Histogram({
      name,
      help: `Help of ${name}.`,
      labelNames: ["model"],
      buckets,
      registers,
    });
  });
  let bytes;

  return {
    change(turn) {
      COUNTERS.forEach(({ name, labels }, i) => {
        counters.get(name).inc({ ...labels }, increment(i, turn));
      });
      GAUGES.forEach(({ name, labels }, i) => {
        gauges.get(name).set({ ...labels }, level(i, turn));
      });
      HISTOGRAMS.forEach(({ name, labels }, i) => {
        histograms.get(name).observe({ ...labels }, spread(i + turn));
      });
    },
    async call() {
      bytes = await render();
    },
    samples: () => parseSamples(bytes.toString()),
  };
}

/** Prefixes rendered beforehand and a value per line: numbers to text, and one copy. */
export function floor() {
  const state = emptyState();
  const prefixes = [...samplesOf(state).keys()].map((key) => Buffer.from(`${key} `).toString());
  let values = [];
  const buffer = Buffer.allocUnsafeSlow(LINES * 128);
  let length = 0;

  return {
    change(turn) {
      apply(state, turn);
      values = valuesOf(state);
    },
    async call() {
      length = 0;
      let text = "";
      for (let i = 0; i < prefixes.length; i++) {
        text += `${prefixes[i]}${values[i]}\n`;
        if (text.length > 16_384) {
          length += buffer.write(text, length, "latin1");
          text = "";
        }
      }
      length += buffer.write(text, length, "latin1");
    },
    samples: () => parseSamples(buffer.toString("latin1", 0, length)),
  };
}

export function expected(calls) {
  const state = emptyState();
  for (let turn = 0; turn < calls; turn++) apply(state, turn);
  return samplesOf(state);
}

function series(count, prefix, labelsOf) {
  return Array.from({ length: count }, (_, i) => ({
    name: `${prefix}_${i % METRICS_PER_TYPE}`,
    labels: labelsOf(Math.floor(i / METRICS_PER_TYPE)),
  }));
}

function perMetric(list, create) {
  return new Map([...new Set(list.map(({ name }) => name))].map((name) => [name, create(name)]));
}

function increment(i, turn) {
  return 1 + ((i * 7919 + turn) % 1000);
}

function level(i, turn) {
  return ((i * 104_729 + turn * 31) % 2_000_003) / 1000 - 1000;
}

function emptyState() {
  return {
    counters: new Float64Array(COUNTERS.length),
    gauges: new Float64Array(GAUGES.length),
    histograms: HISTOGRAMS.map(() => ({ counts: Array(BUCKETS.length + 1).fill(0), sum: 0 })),
  };
}

function apply({ counters, gauges, histograms }, turn) {
  for (let i = 0; i < counters.length; i++) counters[i] += increment(i, turn);
  for (let i = 0; i < gauges.length; i++) gauges[i] = level(i, turn);
  histograms.forEach((histogram, i) => {
    const value = spread(i + turn);
    const bucket = BUCKETS.findIndex((bound) => value <= bound);
    histogram.counts[bucket < 0 ? BUCKETS.length : bucket] += 1;
    histogram.sum += value;
  });
}

/** In the order of the lines. */
function samplesOf({ counters, gauges, histograms }) {
  return new Map([
    ...COUNTERS.map(({ name, labels }, i) => [seriesKey(name, labels), counters[i]]),
    ...GAUGES.map(({ name, labels }, i) => [seriesKey(name, labels), gauges[i]]),
    ...HISTOGRAMS.flatMap(({ name, labels }, i) =>
      histogramSamples(name, labels, { bounds: BUCKETS, ...histograms[i] }),
    ),
  ]);
}

/** The values of `samplesOf`, without its garbage: the floor collects none between two calls. */
function valuesOf({ counters, gauges, histograms }) {
  const values = [...counters, ...gauges];
  for (const { counts, sum } of histograms) {
    let cumulative = 0;
    for (const count of counts) {
      cumulative += count;
      values.push(cumulative);
    }
    values.push(sum, cumulative);
  }
  return values;
}
