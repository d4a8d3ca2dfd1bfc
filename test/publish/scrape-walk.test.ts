import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { formatGroupingKey } from "../../src/grouping-key.ts";
import { foldGroup } from "../../src/ledger/fold-round.ts";
import type { Ledger } from "../../src/ledger/ledger.ts";
import { scrapeStateOf } from "../../src/publish/scrape-births.ts";
import { SCRAPER_SECONDS } from "../../src/publish/scrapers.ts";
import { createLedgerReader, type LedgerReading } from "../../src/publish/serve-ledger.ts";
import { manualClock } from "../support/manual-clock.ts";
import { createMemoryLedger } from "../support/memory-ledger.ts";
import { counter, GROUP, histogram, NIGHT, success } from "../support/run-records.ts";

const SERVERS = 2;
const SCRAPERS = 3;

/** Label sets of a counter; one more stands for the histogram. */
const TABLES = ["x", "y", "z"];

/** Asks a server; `isSent` is false for an answer that was cut off. */
type Ask = { readonly server: number; readonly scraper: number; readonly isSent: boolean };

type Step =
  | { readonly do: "count"; readonly series: number; readonly by: number }
  /** All at the same time, and somebody else folds. Each scraper asks one server at a time. */
  | { readonly do: "scrape"; readonly asks: readonly Ask[] }
  | { readonly do: "restart"; readonly server: number }
  | { readonly do: "wait"; readonly seconds: number };

function steps(waits: readonly number[]): fc.Arbitrary<readonly Step[]> {
  const ask = fc.record({
    server: fc.nat(SERVERS - 1),
    scraper: fc.nat(SCRAPERS - 1),
    isSent: fc.constantFrom(true, true, true, false),
  });
  const scrape = fc.record({
    do: fc.constant("scrape" as const),
    asks: fc.uniqueArray(ask, { minLength: 1, maxLength: 3, selector: ({ scraper }) => scraper }),
  });
  const count = fc.record({
    do: fc.constant("count" as const),
    series: fc.nat(TABLES.length),
    by: fc.nat(3),
  });
  const restart = fc.record({ do: fc.constant("restart" as const), server: fc.nat(SERVERS - 1) });
  const wait = fc.record({ do: fc.constant("wait" as const), seconds: fc.constantFrom(...waits) });
  return fc.array(fc.oneof(scrape, scrape, scrape, count, count, restart, wait), {
    minLength: 5,
    maxLength: 40,
  });
}

/** What scrapers see of one group of one ledger. */
function walker(seed: number) {
  const ledger = interleaved(createMemoryLedger(), seed);
  const clock = manualClock(NIGHT);
  const start = () => createLedgerReader({ ledger, clock });
  const servers = Array.from({ length: SERVERS }, start);
  /** By scraper and series: what it saw first and last. */
  const seen = new Map<string, { readonly first: number; last: number }>();
  const totals = new Map<string, number>();
  let runs = 0;

  async function ask({ server, scraper, isSent }: Ask): Promise<void> {
    const reading = await servers[server]?.({ scraper: `s${scraper}`, timeoutMs: 60_000 });
    if (reading === undefined) return;
    // Noted before anybody gets it: what this server knows, the next one knows.
    const noted = scrapeStateOf(await ledger.readState(`scrape ${formatGroupingKey(GROUP)}`));
    const shown = valuesOf(reading).filter(([, value]) => value > 0);
    if (shown.length > (noted?.settled.size ?? 0)) throw new Error("shown, and not noted");
    if (!isSent) return;
    for (const [series, value] of valuesOf(reading)) {
      const name = `${scraper} ${series}`;
      const known = seen.get(name) ?? { first: value, last: value };
      if (value < known.last) throw new Error(`${name} falls from ${known.last} to ${value}`);
      seen.set(name, { ...known, last: value });
    }
    await reading.sent();
  }

  return {
    seen,
    totals,
    async take(step: Step): Promise<void> {
      switch (step.do) {
        case "count": {
          const { series, by } = step;
          const table = TABLES[series];
          const family =
            table === undefined
              ? histogram("latency", Array(by).fill(1.5))
              : counter("rows_total", by, { table });
          await ledger.append(success(`r${runs++}`, [family]));
          const name = table ?? "count";
          totals.set(name, (totals.get(name) ?? 0) + by);
          return;
        }
        case "scrape":
          await Promise.all([...step.asks.map(ask), foldGroup(ledger, GROUP)]);
          return;
        case "restart":
          servers[step.server] = start();
          return;
        case "wait":
          clock.advance(step.seconds);
          return;
        default:
          step satisfies never;
      }
    },
    everybody: () =>
      Promise.all(Array.from({ length: SCRAPERS }, (_, scraper) => ask(askOf(scraper)))),
  };
}

/** A whole answer of the first server. */
function askOf(scraper: number): Ask {
  return { server: 0, scraper, isSent: true };
}

describe("whoever scrapes whichever server of a ledger, and whatever restarts, folds and breaks off", () => {
  test("nothing falls, whatever the clock does", async () => {
    const waits = [-1e9, -700, -60, 15, 60, SCRAPER_SECONDS, 1e9];
    await fc.assert(
      fc.asyncProperty(steps(waits), fc.nat(), async (walk, seed) => {
        const { take } = walker(seed);
        for (const step of walk) await take(step);
      }),
      { numRuns: 60 },
    );
  });

  test("those who scrape all the time see each series from 0 up to its total", async () => {
    // In all less than the time for which a scraper is waited for.
    const waits = [0, 1, 15].map((seconds) => Math.min(seconds, SCRAPER_SECONDS / 40 - 1));
    await fc.assert(
      fc.asyncProperty(steps(waits), fc.nat(), async (walk, seed) => {
        const { take, everybody, seen, totals } = walker(seed);
        await everybody();
        for (const step of walk) await take(step);
        for (let times = 0; times < 3; times++) await everybody();
        for (let scraper = 0; scraper < SCRAPERS; scraper++) {
          for (const [series, total] of totals) {
            expect(seen.get(`${scraper} ${series}`)).toEqual({ first: 0, last: total });
          }
        }
      }),
      { numRuns: 60 },
    );
  });
});

/** The same ledger, whose answers take longer or shorter, so that calls overtake each other. */
function interleaved(ledger: Ledger, seed: number): Ledger {
  let state = seed;
  async function dawdle(): Promise<void> {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    for (let turns = state % 7; turns > 0; turns--) await Promise.resolve();
  }
  const { readSnapshot, writeSnapshot, readState, writeState, done } = ledger;
  return {
    ...ledger,
    async readSnapshot(group) {
      await dawdle();
      return readSnapshot(group);
    },
    async writeSnapshot(group, snapshot) {
      await dawdle();
      const result = await writeSnapshot(group, snapshot);
      await dawdle();
      return result;
    },
    async readState(name) {
      await dawdle();
      const item = await readState(name);
      await dawdle();
      return item;
    },
    async writeState(name, item) {
      await dawdle();
      const result = await writeState(name, item);
      await dawdle();
      return result;
    },
    async done(group, ids) {
      await dawdle();
      return done(group, ids);
    },
  };
}

/** What rises: counters, and of histograms the count. */
function valuesOf({ groups }: LedgerReading): readonly (readonly [string, number])[] {
  return groups.flatMap(({ families }) =>
    families.flatMap((family) => {
      if (family.type === "histogram") {
        return family.samples.map(({ count }) => ["count", count] as const);
      }
      if (family.type !== "counter") return [];
      return family.samples.map(({ labels, value }) => [`${labels["table"]}`, value] as const);
    }),
  );
}
