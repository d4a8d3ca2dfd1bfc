/** `child.set(value)` on resolved children with one label, the value from a table. */
import { NAMES, PERIOD_CALLS, VALUES } from "../lib/data.mjs";
import { seriesKey } from "../lib/samples.mjs";

const NAME = "position_value";

export function library({ Gauge, registry }) {
  const gauge = new Gauge({
    name: NAME,
    help: "Value of a book.",
    labelNames: ["book"],
    registers: [registry],
  });
  const children = NAMES.map((book) => gauge.labels({ book }));

  return {
    batch(calls) {
      for (let call = 0, set = 0; call < calls; call++) {
        children[set].set(VALUES[call & 63]);
        if (++set === children.length) set = 0;
      }
    },
  };
}

export function floor() {
  const slots = NAMES.map(() => ({ v: 0 }));

  return {
    batch(calls) {
      for (let call = 0, set = 0; call < calls; call++) {
        slots[set].v = VALUES[call & 63];
        if (++set === slots.length) set = 0;
      }
    },
    samples: () => new Map(NAMES.map((book, i) => [seriesKey(NAME, { book }), slots[i].v])),
  };
}

/** Whatever the number of periods: the values of the last one. */
export function expected() {
  return new Map(
    PERIOD_CALLS.map(({ set, value }) => [seriesKey(NAME, { book: NAMES[set] }), value]),
  );
}
