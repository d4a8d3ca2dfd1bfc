import type { StateItem } from "../ledger/ledger.ts";
import type { MetricFamily } from "../metrics/exposition/family.ts";
import { hideValues } from "./births.ts";
import { joinIds, type SeriesId, splitIds } from "./publish-state.ts";

/**
 * What scrapers were shown of one group. The same as births at a gateway (`births.ts`), but certain:
 * whoever serves scrapes knows which of them have had the 0, and need not guess from the time.
 *
 * A label set's way, which it never goes back: unknown, *held* (some scrapers have had its 0),
 * *settled* (all had it; noted before its value is first shown).
 */
export type ScrapeState = {
  /** Which totals this is of: `Totals.since`. */
  readonly since?: number;
  readonly settled: ReadonlySet<SeriesId>;
  /** Label sets whose 0 was sent, each with the scrapers to whom it was. */
  readonly held: ReadonlyMap<SeriesId, ReadonlySet<string>>;
};

export type ScrapeBirths = {
  /** What to serve: the families, with 0 for the label sets that are not settled. */
  readonly families: readonly MetricFamily[];
  /** The label sets that are served as 0 for that reason. */
  readonly zeros: readonly SeriesId[];
  /** Whether label sets are served with their value that were not before: `state` is to be noted first. */
  readonly isNews: boolean;
  readonly state: ScrapeState;
};

/**
 * What is served of a group's families, and how that changes its state. Pure.
 *
 * @param scrapers those that must have had a label set's 0 before anybody gets its value; none: no
 * further label set is settled.
 */
export function scrapeBirths(
  families: readonly MetricFamily[],
  before: ScrapeState,
  scrapers: ReadonlySet<string>,
): ScrapeBirths {
  const settled = new Set(before.settled);
  const held = new Map(before.held);
  const zeros: SeriesId[] = [];
  const served = hideValues(families, (id) => {
    if (settled.has(id)) return true;
    const had = held.get(id);
    if (scrapers.size > 0 && [...scrapers].every((scraper) => had?.has(scraper))) {
      held.delete(id);
      settled.add(id);
      return true;
    }
    zeros.push(id);
    return false;
  });
  const isNews = settled.size > before.settled.size;
  return { families: served, zeros, isNews, state: { ...before, settled, held } };
}

/** The state once a scraper has had these label sets as 0. */
export function withZeros(
  before: ScrapeState,
  zeros: readonly SeriesId[],
  scraper: string,
): ScrapeState {
  const held = new Map(before.held);
  for (const id of zeros) {
    if (!before.settled.has(id)) held.set(id, new Set([...(held.get(id) ?? []), scraper]));
  }
  return { ...before, held };
}

type StoredState = {
  readonly format: 1;
  readonly since?: number;
  readonly settled: string;
  readonly held: readonly (readonly [SeriesId, readonly string[]])[];
};

export function scrapeStateOf(item: StateItem | undefined): ScrapeState | undefined {
  if (item === undefined) return undefined;
  const { since, settled, held } = item.value as StoredState;
  return {
    ...(since === undefined ? {} : { since }),
    settled: splitIds(settled),
    held: new Map(held.map(([id, scrapers]) => [id, new Set(scrapers)])),
  };
}

/** The item's next version. */
export function withScrapeState(
  item: StateItem | undefined,
  { since, settled, held }: ScrapeState,
): StateItem {
  const value: StoredState = {
    format: 1,
    ...(since === undefined ? {} : { since }),
    settled: joinIds(settled),
    held: [...held].map(([id, scrapers]) => [id, [...scrapers]]),
  };
  return { version: (item?.version ?? 0) + 1, value };
}
