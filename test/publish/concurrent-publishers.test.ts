import { afterAll, afterEach, describe, expect, test } from "@jest/globals";
import { createFileLedger } from "../../src/ledger/file-ledger.ts";
import type { Ledger } from "../../src/ledger/ledger.ts";
import { createPublisher } from "../../src/publish/publisher.ts";
import { createMemoryLedger } from "../support/memory-ledger.ts";
import { GROUP, success } from "../support/run-records.ts";
import { removeStateDirectories, stateDirectory } from "../support/state-directory.ts";
import { type Bench, endPublishing, startBench } from "./publishing.ts";

afterEach(endPublishing);
afterAll(removeStateDirectories);

const SUCCEEDED = { outcome: "succeeded" };
const LOOK = "GET /api/v1/metrics";

describe.each([
  { name: "memory", open: createMemoryLedger },
  { name: "files", open: () => createFileLedger({ directory: stateDirectory() }) },
])("with a ledger of $name", ({ open }) => {
  test("who finds somebody publishing leaves at once, and its record stays", async () => {
    const { ledger, publisher, gateway } = await startBench({ ledger: open() });
    await ledger.append(success("a"));
    const taken = await ledger.lease(GROUP);
    expect(taken.status).toBe("taken");
    expect(await publisher.publish(GROUP)).toEqual({
      groupingKey: GROUP,
      status: "busy",
      holder: `process ${process.pid}`,
    });
    expect(gateway.seen()).toEqual([]);
    expect(await ledger.readPending(GROUP, ["run-a"])).toHaveLength(1);
    if (taken.status === "taken") await taken.lease.release();
    expect(await publisher.publish(GROUP)).toMatchObject({ status: "published" });
  });

  test("what is recorded while a push is under way is published by the same call", async () => {
    const bench = await startBench({ ledger: open() });
    const { ledger, publisher, shown } = bench;
    await ledger.append(success("a"));
    const others = whileEachPush(bench, 1);
    expect(await publisher.publish(GROUP)).toMatchObject({ status: "published", version: 2 });
    expect(others).toEqual(["busy"]);
    expect(await shown("batch_job_runs_total", SUCCEEDED)).toBe(2);
  });

  test("it begins again twice and no more: then it is the next one's turn", async () => {
    const bench = await startBench({ ledger: open() });
    const { ledger, publisher, gateway, shown } = bench;
    await ledger.append(success("a"));
    whileEachPush(bench, 99);
    expect(await publisher.publish(GROUP)).toMatchObject({ status: "published", version: 3 });
    expect(gateway.seen()).toEqual([LOOK, "PUT", LOOK, "PUT", LOOK, "PUT"]);
    expect(await shown("batch_job_runs_total", SUCCEEDED)).toBe(3);
    expect(await ledger.readPending(GROUP, ["run-other3"])).toHaveLength(1);
  });

  test("ten at once push one at a time, and everything once", async () => {
    const { ledger, client, gateway, clock, shown } = await startBench({ ledger: open() });
    let underWay = 0;
    let most = 0;
    gateway.meddle(async ({ method }) => {
      if (method !== "PUT") return undefined;
      underWay++;
      most = Math.max(most, underWay);
      await new Promise((resolve) => setTimeout(resolve, 10));
      underWay--;
      return undefined;
    });
    const runs = Array.from({ length: 10 }, async (_, run) => {
      const publisher = createPublisher({ ledger, client, clock, scrapeIntervalSeconds: 0 });
      await ledger.append(success(`r${run}`));
      return (await publisher.publish(GROUP)).status;
    });
    const statuses = await Promise.all(runs);
    expect(statuses).toContain("published");
    expect(statuses.every((each) => ["published", "busy", "current"].includes(each))).toBe(true);
    expect(most).toBe(1);
    await createPublisher({ ledger, client, clock, scrapeIntervalSeconds: 0 }).publish(GROUP);
    expect(await shown("batch_job_runs_total", SUCCEEDED)).toBe(10);
  });
});

test("who had nothing to publish looks once more as well, for who found it publishing", async () => {
  const memory = createMemoryLedger();
  let publishesAgain = false;
  let left: Promise<unknown> | undefined;
  const bench = await startBench({
    ledger: {
      ...memory,
      // The last thing a fold does.
      async prune() {
        if (!publishesAgain) return;
        publishesAgain = false;
        await memory.append(success("b"));
        const { client, clock } = bench;
        left = createPublisher({ ledger: memory, client, clock }).publish(GROUP);
        expect(await left).toMatchObject({ status: "busy" });
      },
    } satisfies Ledger,
  });
  await memory.append(success("a"));
  await bench.publisher.publish(GROUP);
  publishesAgain = true;
  await bench.publisher.publish(GROUP);
  expect(left).toBeDefined();
  expect(await bench.shown("batch_job_runs_total", SUCCEEDED)).toBe(2);
});

/** Records a run, and tries to publish it, while each of the first pushes is under way. */
function whileEachPush(
  { ledger, client, clock, gateway }: Bench,
  times: number,
): readonly string[] {
  const publications: string[] = [];
  gateway.meddle(async ({ method }) => {
    if (method !== "PUT" || publications.length >= times) return undefined;
    await ledger.append(success(`other${publications.length + 1}`));
    const other = createPublisher({ ledger, client, clock, scrapeIntervalSeconds: 0 });
    publications.push((await other.publish(GROUP)).status);
    return undefined;
  });
  return publications;
}
