import { InvalidMetricError } from "../errors.ts";
import type { GroupingKey } from "../grouping-key.ts";
import { type MetricFamily, seriesCount } from "../metrics/exposition/family.ts";
import { parseExposition } from "../metrics/exposition/parse.ts";
import { renderFamilies } from "../metrics/exposition/render.ts";
import { checkFamilies } from "./check.ts";

/** A body that was checked for the group it goes to. Only the functions here make one. */
export type Exposition = {
  readonly bytes: Buffer;
  /** Lines with a value. */
  readonly series: number;
  readonly families: readonly MetricFamily[];
};

/** Largest body in bytes, before compression: the gateway has no limit and keeps it all in memory. */
export const MAX_BODY_BYTES = 1_000_000;

export type BodyOptions = { readonly maxBytes?: number };

/**
 * Families as the body of a push to `key`.
 *
 * @throws {InvalidMetricError} naming metric and label, for all that the gateway would refuse or that
 * would break a scrape.
 */
export function expositionOf(
  key: GroupingKey,
  families: readonly MetricFamily[],
  { maxBytes = MAX_BODY_BYTES }: BodyOptions = {},
): Exposition {
  checkFamilies(families, key);
  return bounded({ bytes: renderFamilies(families), families }, maxBytes);
}

/**
 * Text as the body of a push to `key`: the same bytes, once they are known to be good.
 *
 * @throws {ExpositionError} when it is not the text format; {InvalidMetricError} as above.
 */
export function expositionOfText(
  key: GroupingKey,
  text: string,
  { maxBytes = MAX_BODY_BYTES }: BodyOptions = {},
): Exposition {
  const families = parseExposition(text);
  checkFamilies(families, key);
  return bounded({ bytes: Buffer.from(text), families }, maxBytes);
}

function bounded({ bytes, families }: Omit<Exposition, "series">, maxBytes: number): Exposition {
  if (bytes.length > maxBytes) {
    const sizes = families.map((family) => ({ name: family.name, series: seriesCount(family) }));
    const largest = sizes.reduce((most, next) => (next.series > most.series ? next : most));
    throw new InvalidMetricError(
      largest.name,
      `the push is ${bytes.length} bytes, more than ${maxBytes}; this family is its largest with ${largest.series} series`,
    );
  }
  const series = families.reduce((lines, family) => lines + seriesCount(family), 0);
  return { bytes, families, series };
}
