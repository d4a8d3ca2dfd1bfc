import type { Sighting } from "../../support/scraper.ts";

export const COUNTER = "batch_job_runs_total";

export const VERSION = "closing_bell_ledger_version";

/** The ledgers whose totals were scraped, in order. */
export function ledgersSeen(sightings: readonly Sighting[]): readonly string[] {
  const versions = sightings.filter(({ series }) => series.startsWith(VERSION));
  return [...new Set(versions.map(({ series }) => ledgerIdIn(series)))];
}

/**
 * Scrapes, of those that showed something new, in which the total was not the one that was published
 * under the version beside it (I3).
 *
 * @param sightings of one group.
 * @param totals by ledger id and version, with a space between them.
 */
export function falseValues(
  sightings: readonly Sighting[],
  totals: ReadonlyMap<string, number>,
): number {
  let version: string | undefined;
  let total: number | undefined;
  let count = 0;
  sightings.forEach(({ series, value, at }, index) => {
    if (series.startsWith(VERSION)) version = `${ledgerIdIn(series)} ${value}`;
    if (series.startsWith(COUNTER)) total = value;
    const isLastOfScrape = sightings[index + 1]?.at !== at;
    if (!isLastOfScrape || version === undefined || total === undefined) return;
    if (totals.get(version) !== total) count++;
  });
  return count;
}

function ledgerIdIn(series: string): string {
  return /ledger_id="([^"]*)"/.exec(series)?.[1] ?? "";
}
