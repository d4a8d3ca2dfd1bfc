/** Milliseconds. */
const UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/**
 * Milliseconds of a duration such as `500ms`, `30s`, `1.5h` or `0`; undefined for anything else. A
 * number without a unit is none unless it is 0: some would mean seconds by it and some milliseconds.
 */
export function durationMs(text: string): number | undefined {
  if (text === "0") return 0;
  const [, digits, unit = ""] = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text) ?? [];
  const milliseconds = Number(digits) * (UNITS[unit] ?? Number.NaN);
  return Number.isFinite(milliseconds) ? milliseconds : undefined;
}

/** In whole units, the largest that fit: `24d` of 2,147,483,647 ms. */
export function wholeDuration(milliseconds: number): string {
  const unit = ["d", "h", "m", "s"].find((name) => (UNITS[name] ?? 0) <= milliseconds) ?? "ms";
  return `${Math.floor(milliseconds / (UNITS[unit] ?? 1))}${unit}`;
}
