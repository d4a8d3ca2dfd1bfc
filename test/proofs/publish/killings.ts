import { setTimeout as sleep } from "node:timers/promises";
import { startScraper } from "../../support/scraper.ts";
import { startRealPushgateway } from "../../support/servers.ts";
import { stateDirectory } from "../../support/state-directory.ts";
import { accountOf, patientPublisher, shownTotal, ticksUntil } from "./accounts.ts";
import { startGate } from "./gate.ts";
import { COUNTER } from "./sightings.ts";
import type { WorkerOrders } from "./worker.ts";
import { prepareWorkers, type Worker } from "./workers.ts";

const WORKERS = ["one", "two"] as const;

/** What a worker is awaited to do before it is killed, in turn. A put: anybody's. */
const AWAITED = ["appended", "put", "published or busy"] as const;

/** Longest time from then to its end, in milliseconds. */
const THEN_MS = 60;

/** How long every other PUT is on its way, in milliseconds: its sender may be killed meanwhile. */
const ON_ITS_WAY_MS = 60;

/** How much longer it is, then: all in all less than the barrier waits. */
const LATE_MS = 150;

/** Longest pause of a worker between two runs, in milliseconds. */
const PAUSE_MS = 40;

/** Runs that a worker repeats after it was killed, under the same ids. */
const REPEATED = 1;

/** Runs of the last life of a worker, which nobody ends. */
const LAST_RUNS = 3;

/** Workers record and publish, and are killed at any moment, until so many were. */
export async function killRepeatedly(kills: number, without?: WorkerOrders["without"]) {
  const start = prepareWorkers();
  const gateway = await startRealPushgateway();
  const scraper = startScraper({ url: new URL("/metrics", gateway.url), names: [COUNTER] });
  let puts = 0;
  const awaitingPut = new Set<() => void>();
  const gate = await startGate(gateway.url, {
    async before({ method, isAbandoned }) {
      if (method !== "PUT") return;
      for (const resolve of awaitingPut) resolve();
      if (puts++ % 2 === 0) await sleep(ON_ITS_WAY_MS);
      if (isAbandoned()) await sleep(LATE_MS);
    },
  });
  const directory = stateDirectory();
  const ids: string[] = [];
  let killed = 0;
  let lives = 0;

  function isAt(worker: Worker, what: (typeof AWAITED)[number]): Promise<unknown> {
    if (what !== "put") return worker.tells(...what.split(" or "));
    return new Promise<void>((resolve) => awaitingPut.add(resolve));
  }

  function startFrom(name: string, from: number, to: number): Worker {
    const orders = { directory, gateway: gate.url.href, name, from: Math.max(0, from), to };
    const paused = { ...orders, pauseMs: PAUSE_MS };
    return start(without === undefined ? paused : { ...paused, without });
  }

  async function liveAndDie(name: string): Promise<void> {
    let next = 0;
    while (killed < kills) {
      const worker = startFrom(name, next - REPEATED, Number.MAX_SAFE_INTEGER);
      await isAt(worker, AWAITED[lives++ % AWAITED.length] ?? "appended");
      await sleep(Math.random() * THEN_MS);
      killed++;
      worker.process.kill("SIGKILL");
      await worker.ended;
      const told = worker.told.findLast(({ what }) => what === "appended");
      next = Math.max(next, Number(told?.fact ?? -1) + 1);
    }
    // One that was recorded and not told of is recorded again.
    const to = next + LAST_RUNS;
    await startFrom(name, next - REPEATED, to).ended;
    for (let index = 0; index < to; index++) ids.push(`run-${name}-${index}`);
  }
  await Promise.all(WORKERS.map(liveAndDie));

  const publisher = patientPublisher(directory, gate.url);
  const ticks = await ticksUntil(ids.length, publisher, gateway.url);
  await scraper.next();
  const { falls, scrapes } = await scraper.stop();
  const figures = {
    killed,
    insidePut: gate.abandonedPuts(),
    runs: ids.length,
    puts,
    mostPuts: gate.mostPuts(),
    total: await shownTotal(gateway.url),
    falls: falls.length,
    scrapes,
    ticks,
    ...(await accountOf(directory, gateway.url, ids)),
  };
  await gate.close();
  await gateway.stop();
  return figures;
}
