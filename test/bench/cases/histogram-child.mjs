/** `child.observe(value)` on resolved children with one label and 12 buckets. */
import { BUCKETS, NAMES, PERIOD, PERIOD_CALLS, VALUES } from "../lib/data.mjs";
import { histogramSamples } from "../lib/samples.mjs";

const NAME = "latency_seconds";

export function library({ Histogram, registry }) {
  const histogram = new Histogram({
    name: NAME,
    help: "Latency.",
    labelNames: ["model"],
    buckets: BUCKETS,
    registers: [registry],
  });
  const children = NAMES.map((model) => histogram.labels({ model }));

  return {
    batch(calls) {
      for (let call = 0, set = 0; call < calls; call++) {
        children[set].observe(VALUES[call & 63]);
        if (++set === children.length) set = 0;
      }
    },
  };
}

export function floor() {
  const slots = NAMES.map(() => emptySlot());

  return {
    batch(calls) {
      for (let call = 0, set = 0; call < calls; call++) {
        const slot = slots[set];
        const value = VALUES[call & 63];
        let bucket = 0;
        while (bucket < BUCKETS.length && value > BUCKETS[bucket]) bucket++;
        slot.counts[bucket] += 1;
        slot.sum += value;
        if (++set === slots.length) set = 0;
      }
    },
    samples: () => samplesOf(slots),
  };
}

export function expected(calls) {
  const times = calls / PERIOD;
  const slots = NAMES.map(() => emptySlot());
  for (const { set, value } of PERIOD_CALLS) {
    const bucket = BUCKETS.findIndex((bound) => value <= bound);
    slots[set].counts[bucket < 0 ? BUCKETS.length : bucket] += times;
    slots[set].sum += times * value;
  }
  return samplesOf(slots);
}

function emptySlot() {
  return { counts: new Float64Array(BUCKETS.length + 1), sum: 0 };
}

function samplesOf(slots) {
  const entries = slots.flatMap(({ counts, sum }, i) =>
    histogramSamples(NAME, { model: NAMES[i] }, { bounds: BUCKETS, counts: [...counts], sum }),
  );
  return new Map(entries);
}
