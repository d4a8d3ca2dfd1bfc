/** `counter.inc({ venue, side })` with a fresh literal per call; the floor is a Map of Maps. */
import { SETS } from "../lib/data.mjs";
import { seriesKey } from "../lib/samples.mjs";

const NAME = "orders_total";
const VENUES = SETS.map((set) => set.venue);
const SIDES = SETS.map((set) => set.side);

export function library({ Counter, registry }) {
  const counter = new Counter({
    name: NAME,
    help: "Orders.",
    labelNames: ["venue", "side"],
    registers: [registry],
  });

  return {
    batch(calls) {
      for (let call = 0, set = 0; call < calls; call++) {
        counter.inc({ venue: VENUES[set], side: SIDES[set] });
        if (++set === VENUES.length) set = 0;
      }
    },
  };
}

export function floor() {
  const venues = new Map();

  function inc(labels) {
    let sides = venues.get(labels.venue);
    if (sides === undefined) {
      sides = new Map();
      venues.set(labels.venue, sides);
    }
    let slot = sides.get(labels.side);
    if (slot === undefined) {
      slot = { v: 0 };
      sides.set(labels.side, slot);
    }
    slot.v += 1;
  }

  return {
    batch(calls) {
      for (let call = 0, set = 0; call < calls; call++) {
        inc({ venue: VENUES[set], side: SIDES[set] });
        if (++set === VENUES.length) set = 0;
      }
    },
    samples() {
      const entries = [...venues].flatMap(([venue, sides]) =>
        [...sides].map(([side, slot]) => [seriesKey(NAME, { venue, side }), slot.v]),
      );
      return new Map(entries);
    },
  };
}

export function expected(calls) {
  return new Map(SETS.map((set) => [seriesKey(NAME, set), calls / SETS.length]));
}
