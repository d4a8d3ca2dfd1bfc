import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "@jest/globals";
import { createFileLedger } from "../../../src/ledger/file-ledger.ts";
import { publishStates } from "../../../src/publish/publish-state.ts";
import type { Publisher } from "../../../src/publish/publisher.ts";
import { GROUP, success } from "../../support/run-records.ts";
import { startScraper } from "../../support/scraper.ts";
import { startRealPushgateway } from "../../support/servers.ts";
import { stateDirectory } from "../../support/state-directory.ts";
import { type Account, accountOf, patientPublisher } from "./accounts.ts";
import { startGate } from "./gate.ts";
import { COUNTER } from "./sightings.ts";
import { until } from "./trials.ts";
import type { Worker } from "./workers.ts";

/** How long the PUT of a killed holder is still on its way, in milliseconds: less than the barrier waits. */
const LATE_MS = 100;

/** Publishers that ask for the lease while its holder is stopped. */
const OTHERS = 3;

export type HolderFate = "killed" | "killed, no barrier" | "continued";

export type StoppedHolder = Account & {
  readonly falls: number;
  readonly scrapes: number;
  /** The longest that one of the others waited to be told `busy`. Milliseconds. */
  readonly busyMs: number;
};

/**
 * A process is stopped while its PUT is on its way, hence while it has the lease. Others ask for it,
 * with runs of their own. Then the process is killed or continued.
 */
export async function stopHolder(
  fate: HolderFate,
  startHolder: (directory: string, gateway: URL) => Worker,
): Promise<StoppedHolder> {
  const gateway = await startRealPushgateway();
  const scraper = startScraper({ url: new URL("/metrics", gateway.url), names: [COUNTER] });
  const held = promise();
  const passed = promise();
  let holds = false;
  const gate = await startGate(gateway.url, {
    async before({ method }) {
      if (method !== "PUT" || !holds) return;
      holds = false;
      held.resolve();
      await passed.promise;
    },
  });
  const directory = stateDirectory();
  const ledger = createFileLedger({ directory });
  const withoutBarrier = { barrier: async () => {} };
  const publisherOf = () =>
    patientPublisher(directory, gate.url, fate === "killed, no barrier" ? withoutBarrier : {});
  const publisher = publisherOf();
  const ids = ["run-holder-0"];
  async function record(): Promise<void> {
    const record = success(`other-${ids.length}`);
    ids.push(record.id);
    await ledger.append(record);
  }
  await record();
  expect(await publisher.publish(GROUP)).toMatchObject({ status: "published" });

  holds = true;
  const holder = startHolder(directory, gate.url);
  await held.promise;
  await record();
  const busy = { status: "busy", holder: `process ${holder.process.pid}` };
  expect(await publisher.publish(GROUP)).toMatchObject(busy);

  holder.process.kill("SIGSTOP");
  const waits = await Promise.all(
    Array.from({ length: OTHERS }, async () => {
      await record();
      return busyMs(publisherOf());
    }),
  );
  expect(await pendingIds()).toHaveLength(1 + OTHERS);
  const [noted] = publishStates(await ledger.readPublishState(GROUP));
  expect(noted?.state).toMatchObject({ unconfirmed: { version: 2 }, acked: { version: 1 } });

  const seen = gate.requests.length;
  if (fate === "continued") {
    holder.process.kill("SIGCONT");
    passed.resolve();
    // Nobody else publishes: it takes along what it was waited for with.
    await holder.ended;
  } else {
    holder.process.kill("SIGKILL");
    await holder.ended;
    const late = fate === "killed" ? sleep(LATE_MS).then(passed.resolve) : undefined;
    expect(await publisher.publish(GROUP)).toMatchObject({ status: "published" });
    const asked = gate.requests.slice(seen).map(({ method, path }) => `${method} ${path}`);
    if (fate === "killed") expect(asked[0]).toBe("GET /-/ready");
    await late;
    // Without a barrier newer totals are quicker than any request on its way.
    passed.resolve();
    await until(() => gate.puts() === 0);
  }
  await scraper.next();
  expect(await pendingIds()).toEqual([]);
  const { falls, scrapes } = await scraper.stop();
  const account = await accountOf(directory, gateway.url, ids);
  await gate.close();
  await gateway.stop();
  return { ...account, falls: falls.length, scrapes, busyMs: Math.max(...waits) };

  async function pendingIds(): Promise<readonly string[]> {
    const found: string[] = [];
    for await (const item of ledger.pending(GROUP)) {
      if (item.status === "record") found.push(item.record.id);
    }
    return found;
  }
}

async function busyMs(publisher: Publisher): Promise<number> {
  const started = performance.now();
  const publication = await publisher.publish(GROUP);
  expect(publication).toMatchObject({ status: "busy", holder: "a process that does not answer" });
  return performance.now() - started;
}

function promise() {
  let resolve = () => {};
  const made = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise: made, resolve: () => resolve() };
}
