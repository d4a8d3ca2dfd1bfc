import { rmSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { startScraper } from "../../support/scraper.ts";
import { startRealPushgateway } from "../../support/servers.ts";
import { stateDirectory } from "../../support/state-directory.ts";
import { accountOf, patientPublisher, ticksUntil } from "./accounts.ts";
import { startGate } from "./gate.ts";
import { ownNetwork } from "./namespaces.ts";
import { COUNTER } from "./sightings.ts";
import type { WorkerOrders } from "./worker.ts";
import { prepareWorkers } from "./workers.ts";

/** Of each namespace's own loopback, so both name the gateway by one URL. */
const PORT = 9091;

/** How long every other PUT is kept at the gate: newer totals could overtake it, and do without a lease. */
const KEPT_MS = { leased: 30, leaseless: 80 };

/** Longest pause of a worker between two runs, so that the lease is free now and then. Milliseconds. */
const PAUSE_MS = 30;

const WORKERS = ["left", "right"] as const;

/** Two processes, each in its own network namespace, that record and publish one group as fast as they can. */
export async function publishFromTwoNetworks(runs: number, without?: WorkerOrders["without"]) {
  const start = prepareWorkers();
  const gateway = await startRealPushgateway();
  const scraper = startScraper({ url: new URL("/metrics", gateway.url), names: [COUNTER] });
  const directory = stateDirectory();
  const socket = `${directory}.gate`;
  const keptMs = without === "lease" ? KEPT_MS.leaseless : KEPT_MS.leased;
  let puts = 0;
  const gate = await startGate(gateway.url, {
    socket,
    before: async ({ method }) => {
      if (method === "PUT" && puts++ % 2 === 0) await sleep(keptMs);
    },
  });
  const url = `http://127.0.0.1:${PORT}`;
  const workers = WORKERS.map((name) => {
    const orders = { directory, gateway: url, name, from: 0, to: runs, pauseMs: PAUSE_MS };
    const bridged = { ...orders, bridge: { port: PORT, socket } };
    return start(without === undefined ? bridged : { ...bridged, without }, {
      within: ownNetwork ?? [],
    });
  });
  await Promise.all(workers.map(({ ended }) => ended));

  const ids = WORKERS.flatMap((name) => Array.from({ length: runs }, (_, n) => `run-${name}-${n}`));
  const publisher = patientPublisher(directory, gateway.url);
  const ticks = await ticksUntil(ids.length, publisher, gateway.url);
  const { falls, scrapes } = await scraper.stop();
  const account = await accountOf(directory, gateway.url, ids);
  await gate.close();
  await gateway.stop();
  rmSync(socket, { force: true });
  const told = workers.flatMap((worker) => worker.told);
  return {
    networks: new Set(told.filter(({ what }) => what === "network").map(({ fact }) => fact)),
    published: workers.map(({ told }) => told.filter(({ what }) => what === "published").length),
    busy: workers.map(({ told }) => told.filter(({ what }) => what === "busy").length),
    failed: told.filter(({ what }) => what === "failed" || what === "refused"),
    puts: gate.requests.filter(({ method }) => method === "PUT").length,
    mostPuts: gate.mostPuts(),
    falls: falls.length,
    scrapes,
    ticks,
    ...account,
  };
}
