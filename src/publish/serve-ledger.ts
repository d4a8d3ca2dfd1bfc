import type { Clock } from "../clock.ts";
import { LedgerUnavailableError } from "../errors.ts";
import { formatGroupingKey, type GroupingKey } from "../grouping-key.ts";
import { foldGroup, readNewestSnapshot } from "../ledger/fold-round.ts";
import type { Ledger } from "../ledger/ledger.ts";
import { areRemoved } from "../ledger/snapshot.ts";
import type { LabelSet, MetricFamily } from "../metrics/exposition/family.ts";
import { hasPending } from "./current.ts";
import { mapSome } from "./map-some.ts";
import { totalFamilies } from "./publish-group.ts";
import { publishStates, type SeriesId } from "./publish-state.ts";
import {
  type ScrapeBirths,
  type ScrapeState,
  scrapeBirths,
  scrapeStateOf,
  withScrapeState,
  withZeros,
} from "./scrape-births.ts";
import { collectLacks, type Lack, type NoteLack } from "./scrape-lacks.ts";
import { type ScrapeTimes, timesOf } from "./scrape-times.ts";
import { createScrapers } from "./scrapers.ts";

/** One scrape of a ledger. */
export type LedgerScrape = {
  /** Who asks; undefined for somebody who takes nothing along. */
  readonly scraper: string | undefined;
  /** How long they wait. */
  readonly timeoutMs: number;
};

export type LedgerReading = {
  /** In an order that does not change. */
  readonly groups: readonly ServedTotals[];
  readonly lacks: readonly Lack[];
  /** To be called when all of it was sent. Never rejects. */
  readonly sent: () => Promise<readonly Lack[]>;
};

export type ServedTotals = {
  /** `job` and the grouping labels. */
  readonly labels: LabelSet;
  readonly families: readonly MetricFamily[];
};

/** Groups that are worked on at once. */
const AT_ONCE = 8;

/** Attempts to note something that others note at the same time. */
const MAX_ATTEMPTS = 50;

const NOBODY: ReadonlySet<string> = new Set();

/** A group's totals as they are served to one scraper. */
type GroupBirths = ScrapeBirths & ServedTotals & { readonly group: GroupingKey };

/**
 * Reads a ledger for scrapes: every group's totals, with all that is recorded, as far as there is time.
 * Takes no lease, so publishers and other servers go on beside it.
 *
 * Why counters never fall, whichever server of a ledger is asked: totals are the newest that the ledger
 * has, never remembered ones; and a label set's value is shown only after that was noted in the ledger,
 * where every server looks before it answers. A group that cannot be read is left out.
 */
export function createLedgerReader({
  ledger,
  clock,
}: {
  readonly ledger: Ledger;
  readonly clock: Clock;
}): (scrape: LedgerScrape) => Promise<LedgerReading> {
  const scrapers = createScrapers(ledger, clock);
  /** Notes of what was sent before. */
  let noting: Promise<unknown> = Promise.resolve();

  /** @param awaited scrapers that must have had a 0 before its value is shown. */
  async function readGroup(
    group: GroupingKey,
    awaited: ReadonlySet<string>,
    times: ScrapeTimes,
    lack: NoteLack,
  ): Promise<GroupBirths | undefined> {
    try {
      await times.folding(foldPending(ledger, group, times.signal));
    } catch (error) {
      lack("fold", group, error);
    }
    try {
      return await times.reading(readBirths(ledger, group, awaited, lack));
    } catch (error) {
      lack("read", group, error);
      return undefined;
    }
  }

  async function noteSent(scraper: string, groups: readonly GroupBirths[], lack: NoteLack) {
    await mapSome(groups, AT_ONCE, async ({ group, zeros, state: { since } }) => {
      if (zeros.length === 0) return;
      try {
        await noteZeros(ledger, group, zeros, scraper, since);
      } catch (error) {
        lack("note", group, error);
      }
    });
    await scrapers.served(scraper);
  }

  return async ({ scraper, timeoutMs }) => {
    const times = timesOf(timeoutMs);
    try {
      // Who asks again has had what was sent before.
      await times.reading(noting).catch(() => {});
      const awaited =
        scraper === undefined ? NOBODY : new Set([...(await scrapers.current()), scraper]);
      const { lacks, lack } = collectLacks();
      const keys = [...(await ledger.groups())].sort((a, b) =>
        formatGroupingKey(a) < formatGroupingKey(b) ? -1 : 1,
      );
      const read = await mapSome(keys, AT_ONCE, (group) => readGroup(group, awaited, times, lack));
      const groups = read.filter((each) => each !== undefined);
      return {
        groups,
        lacks,
        async sent() {
          const late = collectLacks();
          if (scraper === undefined) return late.lacks;
          noting = noting
            .then(() => noteSent(scraper, groups, late.lack))
            .catch((error: unknown) => late.lack("note", undefined, error));
          await noting;
          return late.lacks;
        },
      };
    } finally {
      times.end();
    }
  };
}

/** Adds what is pending. An idle group costs a look. */
async function foldPending(ledger: Ledger, group: GroupingKey, signal: AbortSignal): Promise<void> {
  if (!(await hasPending(ledger, group))) return;
  const { status } = await foldGroup(ledger, group, { signal });
  if (status !== "settled") {
    throw new LedgerUnavailableError("not all that was recorded could be added in time");
  }
}

/** What is served of a group now; undefined when it has no totals. */
async function readBirths(
  ledger: Ledger,
  group: GroupingKey,
  awaited: ReadonlySet<string>,
  lack: NoteLack,
): Promise<GroupBirths | undefined> {
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
    const snapshot = await readNewestSnapshot(ledger, group);
    const { version, totals } = snapshot;
    if (version === 0 || areRemoved(totals)) return undefined;
    const item = await ledger.readState(itemOf(group));
    const noted = scrapeStateOf(item);
    // They were removed since, and others recorded.
    if ((noted?.since ?? 0) > (totals.since ?? 0)) continue;

    const isNoted = noted !== undefined && noted.since === totals.since;
    const before = isNoted ? noted : await firstState(ledger, group, totals.since);
    const families = totalFamilies(snapshot, { ledgerId: await ledger.ledgerId(), version });
    const births = scrapeBirths(families, before, awaited);
    const served = { group, labels: { job: group.job, ...group.labels }, ...births };
    const isNew = births.isNews || (!isNoted && before.settled.size > 0);
    if (!isNew || awaited.size === 0) return served;
    try {
      const next = withScrapeState(item, births.state);
      if ((await ledger.writeState(itemOf(group), next)) === "won") return served;
    } catch (error) {
      lack("note", group, error);
      return { ...served, ...scrapeBirths(families, before, NOBODY) };
    }
  }
  throw contended();
}

/** Notes that a scraper had these label sets as 0. */
async function noteZeros(
  ledger: Ledger,
  group: GroupingKey,
  zeros: readonly SeriesId[],
  scraper: string,
  since: number | undefined,
): Promise<void> {
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
    const item = await ledger.readState(itemOf(group));
    const noted = scrapeStateOf(item);
    if ((noted?.since ?? 0) > (since ?? 0)) return;
    const isNoted = noted !== undefined && noted.since === since;
    const before = isNoted ? noted : await firstState(ledger, group, since);
    const next = withScrapeState(item, withZeros(before, zeros, scraper));
    if ((await ledger.writeState(itemOf(group), next)) === "won") return;
  }
  throw contended();
}

/**
 * What is known when a group is served for the first time: label sets that a gateway showed with their
 * value. A Prometheus that scraped them there would take a 0 for a reset, and count all again.
 */
async function firstState(
  ledger: Ledger,
  group: GroupingKey,
  since: number | undefined,
): Promise<ScrapeState> {
  const states = publishStates(await ledger.readPublishState(group));
  const shown = states.filter(({ state }) => state.since === since);
  const settled = new Set(shown.flatMap(({ state }) => [...state.settled]));
  return { settled, held: new Map(), ...(since === undefined ? {} : { since }) };
}

function itemOf(group: GroupingKey): string {
  return `scrape ${formatGroupingKey(group)}`;
}

function contended(): LedgerUnavailableError {
  return new LedgerUnavailableError("others kept noting what they served");
}
