import type { Clock } from "../clock.ts";
import type { Ledger, StateItem } from "../ledger/ledger.ts";

/** Who scrapes a ledger, whichever of its servers they ask: an item of the ledger. */
export type Scrapers = {
  /** Those that were served lately. */
  current(): Promise<ReadonlySet<string>>;
  /** Notes that one was served now. */
  served(scraper: string): Promise<void>;
};

/** Who was not served for this long is no longer waited for. Seconds. */
export const SCRAPER_SECONDS = 600;

/** A scraper that was noted so lately is not noted again: not every scrape is worth a write. Seconds. */
const NOTED_SECONDS = 60;

/** Scrapers that are remembered, the latest: somebody who asks from everywhere does not make it grow. */
const MAX_SCRAPERS = 50;

const ITEM = "scrapers";

/** Each with the time when it was served, in Unix seconds. */
type Stored = { readonly format: 1; readonly seen: readonly (readonly [string, number])[] };

export function createScrapers(
  ledger: Pick<Ledger, "readState" | "writeState">,
  clock: Clock,
): Scrapers {
  return {
    async current() {
      const since = clock.now() - SCRAPER_SECONDS;
      const seen = seenIn(await ledger.readState(ITEM));
      return new Set(seen.filter(([, at]) => at > since).map(([scraper]) => scraper));
    },
    async served(scraper) {
      for (;;) {
        const item = await ledger.readState(ITEM);
        const now = clock.now();
        // A clock that was ahead and was set back: nobody is waited for until it gets there again.
        const seen = seenIn(item).map(([each, at]) => [each, Math.min(at, now)] as const);
        const known = seen.find(([each]) => each === scraper)?.[1];
        if (known !== undefined && now - known < NOTED_SECONDS) return;
        const others = seen.filter(([each, at]) => each !== scraper && at > now - SCRAPER_SECONDS);
        const latest = others.toSorted(([, a], [, b]) => b - a).slice(0, MAX_SCRAPERS - 1);
        const value: Stored = { format: 1, seen: [[scraper, now], ...latest] };
        const next: StateItem = { version: (item?.version ?? 0) + 1, value };
        if ((await ledger.writeState(ITEM, next)) === "won") return;
      }
    },
  };
}

function seenIn(item: StateItem | undefined): Stored["seen"] {
  return (item?.value as Stored | undefined)?.seen ?? [];
}
