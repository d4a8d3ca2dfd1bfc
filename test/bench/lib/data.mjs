/** Label sets of the write rows. */
export const SETS = Array.from({ length: 10 }, (_, i) => ({
  venue: `venue-${i >> 1}`,
  side: i % 2 === 0 ? "buy" : "sell",
}));

/** One label per set, for the rows with one. */
export const NAMES = SETS.map((_, i) => `name-${i}`);

export const BUCKETS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/**
 * Values of observations, spread over all thirteen buckets and shuffled. Few enough for the
 * processor to foresee them: the rows compare code, not luck in guessing. A power of two of them.
 */
export const VALUES = Float64Array.from({ length: 64 }, (_, i) => spread(4 * i));

/**
 * Calls after which a loop over sets and values is back at its first pair. Batches are multiples
 * of it, so what must have been counted follows from the number of calls alone.
 */
export const PERIOD = 320;

/** The value and the set of each call of one period. */
export const PERIOD_CALLS = Array.from({ length: PERIOD }, (_, call) => ({
  set: call % SETS.length,
  value: VALUES[call % VALUES.length],
}));

/** A number between 0.0005 and 33, logarithmically spread. */
export function spread(i) {
  return Math.exp((((i * 97) % 256) / 256) * 11 - 7.5);
}
