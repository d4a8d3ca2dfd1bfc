export function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** The lowest tenth: whoever shares the machine only ever adds time, and often to half of it. */
export function undisturbed(times) {
  return times.toSorted((a, b) => a - b)[Math.floor(times.length / 10)];
}
