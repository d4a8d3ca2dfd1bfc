import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "@jest/globals";
import type { Clock } from "../../../src/clock.ts";
import { createFileLedger, type FileLedger } from "../../../src/ledger/file-ledger.ts";
import type { GroupPublication } from "../../../src/publish/publish-group.ts";
import { createPublisher } from "../../../src/publish/publisher.ts";
import { createPushClient } from "../../../src/push/client.ts";
import { counter, GROUP, runsTotal, success } from "../../support/run-records.ts";
import { startScraper } from "../../support/scraper.ts";
import { startRealPushgateway } from "../../support/servers.ts";
import { stateDirectory } from "../../support/state-directory.ts";
import { accountOf } from "./accounts.ts";
import { COUNTER } from "./sightings.ts";

/** In seconds. A little more than the hour after which half-written files count as left behind. */
const JUMP = 3700;

/** How often a look at the clock finds that it was set. */
const LIKELIHOOD = 0.2;

const SCRAPE_INTERVAL_SECONDS = 0.1;

/** New series come for this many rounds. */
const TICKERS = 25;

/** Reads the wall clock, which is set by an hour forth or back now and then, until it is right again. */
function jumpingClock(): Clock & {
  readonly jumps: () => number;
  /** Sets it, by so many seconds too far, for the last time. */
  readonly set: (seconds: number) => void;
} {
  let offset = 0;
  let jumps = 0;
  let isSet = false;
  return {
    now() {
      if (!isSet && Math.random() < LIKELIHOOD) {
        const to = [-JUMP, 0, JUMP][Math.floor(Math.random() * 3)] ?? 0;
        if (to !== offset) jumps++;
        offset = to;
      }
      return Date.now() / 1000 + offset;
    },
    monotonic: () => performance.now() / 1000,
    jumps: () => jumps,
    set(seconds) {
      isSet = true;
      offset = seconds;
    },
  };
}

/**
 * Two publishers of one ledger, on a machine whose clock jumps between and during publishes, with new
 * series all the time. The last one is born while the clock is ahead; then it is right, and ticks
 * go on until nothing is held.
 *
 * @returns `settledMs`: how long that took.
 */
export async function publishWithJumps(rounds: number) {
  const gateway = await startRealPushgateway();
  const scraper = startScraper({
    url: new URL("/metrics", gateway.url),
    names: [COUNTER, "trades_total"],
  });
  const directory = stateDirectory();
  const clock = jumpingClock();
  const [one, two] = [publisherOf(), publisherOf()];
  const ids: string[] = [];

  async function record(ledger: FileLedger, ticker: string): Promise<void> {
    const families = [runsTotal(), counter("trades_total", 1, { ticker })];
    const run = success(`jump-${ids.length}`, families, { completedAt: clock.now() });
    await ledger.append(run);
    ids.push(run.id);
  }

  for (let round = 0; round < rounds; round++) {
    for (const { ledger } of [one, two]) await record(ledger, `t${round % TICKERS}`);
    const [publications] = await Promise.all([
      round % 4 === 0 ? one.publisher.publishAll() : one.publisher.publish(GROUP),
      two.publisher.publish(GROUP),
    ]);
    expect([publications].flat()[0]?.status).toMatch(/^(published|busy|current)$/);
  }

  clock.set(JUMP);
  await record(one.ledger, "born in the future");
  expect(await one.publisher.publish(GROUP)).toHaveProperty("held");
  clock.set(0);
  const right = performance.now();
  while (!(await two.publisher.publishAll()).every(isSettled)) {
    expect(performance.now() - right).toBeLessThan(20_000);
    await sleep(20);
  }
  const settledMs = performance.now() - right;
  await scraper.next();
  const { falls, scrapes, last } = await scraper.stop();
  const trades = [...last].filter(([series]) => series.startsWith("trades_total"));
  const account = await accountOf(directory, gateway.url, ids);
  await gateway.stop();
  return {
    jumps: clock.jumps(),
    runs: ids.length,
    trades: trades.reduce((sum, [, value]) => sum + value, 0),
    falls: falls.length,
    scrapes,
    settledMs,
    holdMs: 2000 * SCRAPE_INTERVAL_SECONDS,
    ...account,
  };

  function publisherOf() {
    const ledger = createFileLedger({ directory, clock });
    const client = createPushClient({ url: gateway.url, clock });
    return {
      ledger,
      publisher: createPublisher({
        ledger,
        client,
        clock,
        scrapeIntervalSeconds: SCRAPE_INTERVAL_SECONDS,
      }),
    };
  }
}

/** Whether the gateway shows everything that the ledger has. */
function isSettled(publication: GroupPublication): boolean {
  const { status } = publication;
  return (status === "published" || status === "current") && publication.held === undefined;
}
