import { renderFamilies } from "../../src/metrics/exposition/render.ts";
import type { MetricSet } from "../../src/metrics/metric-set.ts";

/** What a scrape of the set would show, one line per series. */
export function exposed(set: Pick<MetricSet, "families">): readonly string[] {
  const lines = renderFamilies(set.families()).toString().split("\n");
  return lines.filter((line) => line !== "" && !line.startsWith("#"));
}

/** The same without the lines that hold seconds, which differ from run to run. */
export function exposedCounts(set: Pick<MetricSet, "families">): readonly string[] {
  return exposed(set).filter((line) => !/_seconds_(?:bucket|sum)[ {]/.test(line));
}
