import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "@jest/globals";
import { createFileLedger } from "../../../src/ledger/file-ledger.ts";
import { replay } from "../../../src/ledger/replay.ts";
import type { CompletionReport } from "../../../src/publish/delivery.ts";
import { createLedgerDelivery } from "../../../src/publish/ledger-delivery.ts";
import { createPublisher } from "../../../src/publish/publisher.ts";
import { createPushClient } from "../../../src/push/client.ts";
import { GROUP, gauge, runsTotal } from "../../support/run-records.ts";
import { startScraper } from "../../support/scraper.ts";
import { startRealPushgateway } from "../../support/servers.ts";
import { stateDirectory } from "../../support/state-directory.ts";
import { accountOf } from "./accounts.ts";
import { startGate } from "./gate.ts";
import { COUNTER } from "./sightings.ts";
import { until } from "./trials.ts";

/** How long the gateway is watched after a deadline, in milliseconds. */
const WATCHED_MS = 300;

export type HangingTrial = {
  /** What the gateway takes and does not answer. */
  readonly hangs: "GET" | "PUT";
  /** Time that a delivery has, in milliseconds. 0: it is over before it begins. */
  readonly budgetMs: () => number;
};

export type HangingRun = {
  /** What the delivery said of the record. */
  readonly status: string;
  readonly publication: string;
  /** How much longer than its budget the delivery took. Milliseconds. */
  readonly overMs: number;
  /** Connections and bytes that came after the deadline. */
  readonly late: number;
  /** Requests that came before the record was committed. */
  readonly early: number;
};

/**
 * Runs that end with so much time left, one after the other, while the gateway hangs. After each one
 * the gateway goes on, with what it had taken, and the next publish has all the time.
 */
export async function deliverToHanging({ hangs, budgetMs }: HangingTrial, runs: number) {
  const gateway = await startRealPushgateway();
  const scraper = startScraper({ url: new URL("/metrics", gateway.url), names: [COUNTER] });
  const directory = stateDirectory();
  const ledger = createFileLedger({ directory });
  let isHanging = false;
  let continues = () => {};
  let goesOn = Promise.resolve();
  let early = 0;
  const ids: string[] = [];
  const gate = await startGate(gateway.url, {
    async before({ method }) {
      if (!isHanging) return;
      if (!(await isCommitted(ids.at(-1) ?? ""))) early++;
      if (method === hangs) await goesOn;
    },
  });
  const results: HangingRun[] = [];
  for (let run = 0; run < runs; run++) results.push(await deliver(`hang-${run}`));

  await scraper.next();
  const { falls, scrapes } = await scraper.stop();
  const account = await accountOf(directory, gateway.url, ids);
  await gate.close();
  await gateway.stop();
  return { results, falls: falls.length, scrapes, ...account };

  async function deliver(executionId: string): Promise<HangingRun> {
    const client = createPushClient({ url: gate.url });
    const publisher = createPublisher({ ledger, client, scrapeIntervalSeconds: 0 });
    const lines: string[] = [];
    const delivery = createLedgerDelivery({
      ledger,
      log: (line) => lines.push(line),
      publish: (group, signal) => publisher.publish(group, { signal }),
    });
    early = 0;
    ids.push(`run-${executionId}`);
    goesOn = new Promise((resolve) => {
      continues = resolve;
    });
    isHanging = true;
    const milliseconds = budgetMs();
    const ends = new AbortController();
    const abort = () => ends.abort(new Error("the time is over"));
    if (milliseconds === 0) abort();
    else setTimeout(abort, milliseconds);
    const started = performance.now();
    const report = await delivery(completion(executionId), ends.signal);
    const overMs = performance.now() - started - milliseconds;

    // What was sent before may take a moment to arrive.
    await sleep(50);
    const before = gate.received();
    await sleep(WATCHED_MS);
    const after = gate.received();
    const late = after.connections - before.connections + after.bytes - before.bytes;

    isHanging = false;
    continues();
    await replay(lines, ledger);
    expect(await publisher.publish(GROUP)).toMatchObject({ status: "published" });
    await until(() => gate.puts() === 0);
    client.close();
    const publication = "publication" in report ? report.publication.status : "none";
    return { status: report.status, publication, overMs, late, early };
  }

  async function isCommitted(id: string): Promise<boolean> {
    if ((await ledger.done(GROUP, [id])).has(id)) return true;
    for await (const item of ledger.pending(GROUP)) {
      if (item.status === "record" && item.record.id === id) return true;
    }
    // It was moved meanwhile.
    return (await ledger.done(GROUP, [id])).has(id);
  }
}

function completion(executionId: string): CompletionReport {
  const at = Date.now() / 1000;
  return {
    type: "completion",
    groupingKey: GROUP,
    executionId,
    outcome: "succeeded",
    status: [
      gauge("batch_job_last_start_timestamp_seconds", at),
      gauge("batch_job_last_completion_timestamp_seconds", at),
      runsTotal(),
    ],
    results: [],
  };
}
