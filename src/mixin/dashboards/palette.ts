import { type ThresholdsConfig, ThresholdsMode } from "@grafana/grafana-foundation-sdk/dashboard";

/**
 * Good is dark and bad is bright, so that what is wrong is the brightest thing on the page. Names of
 * Grafana's palette: they fit its dark theme and its light one.
 */
export const GOOD = "dark-green";
export const BAD = "semi-dark-red";
export const WARN = "orange";
export const BUSY = "semi-dark-blue";
export const NONE = "transparent";

/** A colour from a value on, ascending; the first is of everything below. */
export type Steps = readonly [first: string, ...(readonly [from: number, color: string])[]];

export function thresholds([first, ...rest]: Steps): ThresholdsConfig {
  return {
    mode: ThresholdsMode.Absolute,
    steps: [{ value: null, color: first }, ...rest.map(([value, color]) => ({ value, color }))],
  };
}

/** Bad from a limit on. */
export function notAbove(limit: number, good: string = GOOD): Steps {
  return [good, [limit, BAD]];
}

/** Bad below a limit. */
export function notBelow(limit: number, good: string = GOOD): Steps {
  return [BAD, [limit, good]];
}

/** An override that gives a series its colour. */
export function colored(name: string, color: string) {
  return { name, properties: [{ id: "color", value: { mode: "fixed", fixedColor: color } }] };
}
