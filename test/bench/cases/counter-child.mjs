/** `child.inc()` on resolved children with two labels. */
import { SETS } from "../lib/data.mjs";
import { seriesKey } from "../lib/samples.mjs";

const NAME = "orders_total";

export function library({ Counter, registry }) {
  const counter = new Counter({
    name: NAME,
    help: "Orders.",
    labelNames: ["venue", "side"],
    registers: [registry],
  });
  const children = SETS.map((set) => counter.labels(set));

  return {
    batch(calls) {
      for (let call = 0, set = 0; call < calls; call++) {
        children[set].inc();
        if (++set === children.length) set = 0;
      }
    },
  };
}

export function floor() {
  const slots = SETS.map(() => ({ v: 0 }));

  return {
    batch(calls) {
      for (let call = 0, set = 0; call < calls; call++) {
        slots[set].v += 1;
        if (++set === slots.length) set = 0;
      }
    },
    samples: () => new Map(SETS.map((set, i) => [seriesKey(NAME, set), slots[i].v])),
  };
}

export function expected(calls) {
  return new Map(SETS.map((set) => [seriesKey(NAME, set), calls / SETS.length]));
}
