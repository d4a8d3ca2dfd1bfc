import { afterEach, describe, expect, test } from "@jest/globals";
import { LedgerMismatchError, LedgerUnavailableError, PushError } from "../../src/errors.ts";
import { foldGroup, readNewestSnapshot } from "../../src/ledger/fold-round.ts";
import type { Ledger } from "../../src/ledger/ledger.ts";
import { adoptGroup } from "../../src/publish/adopt.ts";
import { createPublisher } from "../../src/publish/publisher.ts";
import { removeGroup, removeOldGroup } from "../../src/publish/remove-group.ts";
import { readGroups } from "../../src/push/groups.ts";
import { createMemoryLedger } from "../support/memory-ledger.ts";
import { counter, GROUP, gauge, NIGHT, runsTotal, success } from "../support/run-records.ts";
import { type Bench, endPublishing, ledgerNamed, startBench } from "./publishing.ts";

afterEach(endPublishing);

const SUCCEEDED = { outcome: "succeeded" };

describe("a ledger's group that is removed", () => {
  test("is gone at the gateway, and does not come back with the next publish", async () => {
    const bench = await startBench();
    const { ledger, publisher } = bench;
    await ledger.append(success("a"));
    await publisher.publish(GROUP);

    expect(await remove(bench)).toEqual({
      status: "removed",
      version: 2,
      records: 1,
      pending: 0,
      returns: false,
    });
    expect(await groupsOf(bench)).toBe(0);

    bench.gateway.seen();
    const removed = { status: "removed", version: 2 };
    expect(await publisher.publishAll()).toMatchObject([removed]);
    expect(await newPublisher(bench).publishAll()).toMatchObject([removed]);
    expect(await publisher.publish(GROUP)).toMatchObject(removed);
    expect(bench.gateway.seen()).not.toContain("PUT");
    expect(await groupsOf(bench)).toBe(0);
  });

  test("begins at 0 when its job runs again, and its series are born at zero", async () => {
    const bench = await startBench({ scrapeIntervalSeconds: 60 });
    const { ledger, publisher, clock, shown } = bench;
    for (const run of ["a", "b", "c"]) await ledger.append(success(run));
    await publisher.publish(GROUP);
    clock.advance(120);
    await publisher.publishAll();
    expect(await shown("batch_job_runs_total", SUCCEEDED)).toBe(3);

    await remove(bench);
    await ledger.append(success("d"));
    expect(await publisher.publish(GROUP)).toMatchObject({ status: "published", version: 3 });
    expect(await shown("batch_job_runs_total", SUCCEEDED)).toBe(0);
    clock.advance(120);
    await publisher.publishAll();
    expect(await shown("batch_job_runs_total", SUCCEEDED)).toBe(1);
    await ledger.append(success("e"));
    await publisher.publish(GROUP);
    expect(await shown("batch_job_runs_total", SUCCEEDED)).toBe(2);
  });

  test("takes what was pending along, and counts it as removed", async () => {
    const bench = await startBench();
    await bench.ledger.append(success("a"));
    await bench.publisher.publish(GROUP);
    await bench.ledger.append(success("b"));

    expect(await remove(bench)).toMatchObject({ records: 2, pending: 1, returns: false });
    // An append that is repeated, or a log that is replayed, brings nothing back.
    expect(await bench.ledger.append(success("b"))).toEqual({ status: "present" });
    expect(await bench.publisher.publish(GROUP)).toMatchObject({ status: "removed" });
  });

  test("keeps a run that is recorded while it is removed, whoever folds it", async () => {
    const memory = createMemoryLedger();
    let isRacing = true;
    const racing: Ledger = {
      ...memory,
      // Between the look at the totals and the empty ones, somebody records and somebody folds.
      async writeSnapshot(group, snapshot) {
        if (isRacing && snapshot.version === 2) {
          isRacing = false;
          await memory.append(success("late", ended(NIGHT + 50)));
          await foldGroup(memory, group);
        }
        return memory.writeSnapshot(group, snapshot);
      },
    };
    const bench = await startBench({ ledger: racing });
    await racing.append(success("a", ended(NIGHT)));
    await bench.publisher.publish(GROUP);
    const { clock, client } = bench;

    const options = { ledger: racing, client, clock, before: NIGHT + 40, signal: never() };
    const lastRunAt = NIGHT + 50;
    expect(await removeOldGroup(options, GROUP)).toEqual({ status: "alive", lastRunAt });
    await bench.publisher.publish(GROUP);
    expect(await bench.shown("batch_job_runs_total", SUCCEEDED)).toBe(2);
  });

  test("says that a run was recorded after its totals were emptied, which then counts from 0", async () => {
    const memory = createMemoryLedger();
    const late: Ledger = {
      ...memory,
      async writeSnapshot(group, snapshot) {
        const result = await memory.writeSnapshot(group, snapshot);
        if (snapshot.version === 2) await memory.append(success("late"));
        return result;
      },
    };
    const bench = await startBench({ ledger: late });
    await late.append(success("a"));
    await bench.publisher.publish(GROUP);

    expect(await remove(bench)).toMatchObject({ status: "removed", records: 1, returns: true });
    await bench.publisher.publish(GROUP);
    expect(await bench.shown("batch_job_runs_total", SUCCEEDED)).toBe(1);
  });

  test.each<{ name: string; seconds: number; status: string }>([
    { name: "stays when it ran at the given time", seconds: 1, status: "alive" },
    { name: "goes when it ran before", seconds: 2, status: "removed" },
  ])("by its age $name", async ({ seconds, status }) => {
    const bench = await startBench();
    await bench.ledger.append(success("a", ended(NIGHT + 1)));
    await bench.publisher.publish(GROUP);
    const { ledger, client, clock } = bench;
    const before = NIGHT + seconds;
    expect(
      await removeOldGroup({ ledger, client, clock, before, signal: never() }, GROUP),
    ).toMatchObject({ status });
    expect(await groupsOf(bench)).toBe(status === "alive" ? 1 : 0);
  });
});

describe("when the gateway does not answer", () => {
  test("a read that fails removes nothing", async () => {
    const bench = await published();
    bench.gateway.meddle(() => "lost");
    await expect(remove(bench)).rejects.toThrow(PushError);
    expect((await readNewestSnapshot(bench.ledger, GROUP)).version).toBe(1);
  });

  test.each(["lost", "unanswered", 503] as const)(
    "a delete that is %p is told, and the next publish goes on behind a barrier",
    async (fate) => {
      const bench = await published();
      const { gateway, publisher } = bench;
      gateway.meddle(({ method }) => (method === "DELETE" ? fate : undefined));
      expect(await remove(bench)).toMatchObject({
        status: "removed",
        version: 2,
        untold: expect.any(PushError),
      });
      expect(await bench.noted()).toMatchObject({ unconfirmed: { version: 2 } });
      gateway.passOn();
      gateway.seen();

      expect(await publisher.publishAll()).toMatchObject([{ status: "removed", version: 2 }]);
      expect(gateway.seen()).toContain("GET /-/ready");
      expect(await groupsOf(bench)).toBe(0);
      expect(await bench.noted()).toMatchObject({ acked: { version: 2 } });
      expect(await bench.noted()).not.toHaveProperty("unconfirmed");
    },
  );

  test("a delete that is refused is told, and the next publish tries again", async () => {
    const bench = await published();
    bench.gateway.meddle(({ method }) => (method === "DELETE" ? 403 : undefined));
    expect(await remove(bench)).toMatchObject({ untold: { status: 403 } });
    expect(await bench.noted()).not.toHaveProperty("unconfirmed");
    expect(await bench.publisher.publishAll()).toMatchObject([{ status: "refused" }]);
    bench.gateway.passOn();
    expect(await bench.publisher.publishAll()).toMatchObject([{ status: "removed" }]);
    expect(await groupsOf(bench)).toBe(0);
  });

  test("a push before it that was not answered is waited for", async () => {
    const bench = await published();
    const { ledger, publisher, gateway } = bench;
    gateway.meddle(({ method }) => (method === "PUT" ? "unanswered" : undefined));
    await ledger.append(success("b"));
    expect(await publisher.publish(GROUP)).toMatchObject({ status: "failed" });
    gateway.passOn();
    gateway.seen();
    await remove(bench);
    const seen = gateway.seen();
    expect(seen.indexOf("GET /-/ready")).toBeGreaterThanOrEqual(0);
    expect(seen.indexOf("GET /-/ready")).toBeLessThan(seen.indexOf("DELETE"));
  });
});

describe("refused, and nothing is removed,", () => {
  test("while somebody publishes the group", async () => {
    const bench = await published();
    const taken = await bench.ledger.lease(GROUP);
    await expect(remove(bench)).rejects.toThrow(LedgerUnavailableError);
    if (taken.status === "taken") await taken.lease.release();
    expect(await remove(bench)).toMatchObject({ status: "removed" });
  });

  test("a group of another ledger", async () => {
    const first = await startBench({ ledger: ledgerNamed("first") });
    await first.ledger.append(success("a"));
    await first.publisher.publish(GROUP);
    const { gateway, clock } = first;
    const second = await startBench({ ledger: ledgerNamed("second"), gateway, clock });
    await second.ledger.append(success("b"));
    await expect(remove(second)).rejects.toThrow(LedgerMismatchError);
    expect((await readNewestSnapshot(second.ledger, GROUP)).version).toBe(0);
    expect(await groupsOf(first)).toBe(1);
  });
});

describe("a removal that was killed before the gateway was told", () => {
  test("is finished by the next publish", async () => {
    const bench = await killedRemoval();
    expect(await newPublisher(bench).publishAll()).toMatchObject([{ status: "removed" }]);
    expect(await groupsOf(bench)).toBe(0);
  });

  test("counts a later run from 0, although the group was never deleted", async () => {
    const bench = await killedRemoval();
    await bench.ledger.append(success("d"));
    expect(await newPublisher(bench).publish(GROUP)).toMatchObject({ held: { series: 1 } });
    expect(await bench.shown("batch_job_runs_total", SUCCEEDED)).toBe(0);
    bench.clock.advance(120);
    await newPublisher(bench).publishAll();
    expect(await bench.shown("batch_job_runs_total", SUCCEEDED)).toBe(1);
  });
});

test("a second gateway of the ledger forgets the group at its next publish, too", async () => {
  const first = await startBench({ scrapeIntervalSeconds: 60 });
  const { ledger, clock } = first;
  const second = await startBench({ ledger, clock, scrapeIntervalSeconds: 60 });
  await ledger.append(success("a", [counter("rows_total", 100)]));
  for (const { publisher } of [first, second]) await publisher.publish(GROUP);
  clock.advance(120);
  for (const { publisher } of [first, second]) await publisher.publishAll();
  await remove(first);
  expect(await second.shown("rows_total")).toBe(100);
  expect(await second.publisher.publishAll()).toMatchObject([{ status: "removed" }]);
  expect(await groupsOf(second)).toBe(0);

  // Or, when the job runs before that, begins at 0 there.
  await ledger.append(success("b", [counter("rows_total", 150)]));
  for (const { publisher } of [first, second]) await publisher.publish(GROUP);
  clock.advance(120);
  for (const { publisher } of [first, second]) await publisher.publishAll();
  await remove(first);
  await ledger.append(success("c", [counter("rows_total", 200)]));
  await second.publisher.publish(GROUP);
  expect(await second.shown("rows_total")).toBe(0);
});

test("what somebody else pushes under the labels of a removed group is left alone", async () => {
  const bench = await published();
  await remove(bench);
  await bench.gateway.send({
    method: "PUT",
    path: `/metrics/job/${GROUP.job}/mode/${GROUP.labels["mode"]}`,
    body: Buffer.from("rows 7\n"),
  });
  expect(await bench.publisher.publishAll()).toMatchObject([{ status: "removed" }]);
  expect(await newPublisher(bench).publishAll()).toMatchObject([{ status: "removed" }]);
  expect(await bench.shown("rows")).toBe(7);
});

test("a group that was removed here may be another ledger's, until its job runs here again", async () => {
  const first = await startBench({ ledger: ledgerNamed("first") });
  const { gateway, clock } = first;
  await first.ledger.append(success("a"));
  await first.publisher.publish(GROUP);
  await remove(first);
  const second = await startBench({ ledger: ledgerNamed("second"), gateway, clock });
  await second.ledger.append(success("b"));
  await second.publisher.publish(GROUP);

  expect(await first.publisher.publishAll()).toMatchObject([{ status: "removed" }]);
  expect(await groupsOf(first)).toBe(1);
  await first.ledger.append(success("c"));
  expect(await first.publisher.publishAll()).toMatchObject([{ status: "refused" }]);
  expect(await first.shown("batch_job_runs_total", SUCCEEDED)).toBe(1);
});

test("a group that was removed and is adopted later goes on as the gateway shows it", async () => {
  const first = await startBench({ ledger: ledgerNamed("first") });
  const { gateway, clock } = first;
  await first.ledger.append(success("a"));
  await first.publisher.publish(GROUP);
  await remove(first);
  const second = await startBench({ ledger: ledgerNamed("second"), gateway, clock });
  for (const run of ["b", "c"]) await second.ledger.append(success(run));
  await second.publisher.publish(GROUP);

  const { ledger, client } = first;
  await adoptGroup({ ledger, client, clock }, GROUP);
  await ledger.append(success("d", [runsTotal()]));
  expect(await first.publisher.publish(GROUP)).toMatchObject({ status: "published" });
  expect(await first.shown("batch_job_runs_total", SUCCEEDED)).toBe(3);
});

/** What a run that ended then reports. */
function ended(at: number) {
  return [runsTotal(), gauge("batch_job_last_completion_timestamp_seconds", at)];
}

function remove({ ledger, client, clock }: Bench) {
  return removeGroup({ ledger, client, clock, signal: never() }, GROUP);
}

function never(): AbortSignal {
  return new AbortController().signal;
}

async function published(): Promise<Bench> {
  const bench = await startBench();
  await bench.ledger.append(success("a"));
  await bench.publisher.publish(GROUP);
  return bench;
}

/** Three runs at the gateway, and empty totals that no gateway has heard of. */
async function killedRemoval(): Promise<Bench> {
  const bench = await startBench({ scrapeIntervalSeconds: 60 });
  const { ledger, publisher, clock } = bench;
  for (const run of ["a", "b", "c"]) await ledger.append(success(run));
  await publisher.publish(GROUP);
  clock.advance(120);
  await publisher.publishAll();
  const dying: Ledger = {
    ...ledger,
    async lease(group) {
      const taken = await ledger.lease(group);
      if (taken.status === "held") return taken;
      const { lease } = taken;
      const writeState = () => Promise.reject(new Error("killed"));
      return { status: "taken", lease: { ...lease, writeState } };
    },
  };
  await remove({ ...bench, ledger: dying });
  expect((await readNewestSnapshot(ledger, GROUP)).version).toBe(2);
  const taken = await ledger.lease(GROUP);
  if (taken.status === "taken") await taken.lease.release();
  return bench;
}

/** As another process has it: one that has seen nothing confirmed. */
function newPublisher({ ledger, client, clock }: Bench) {
  return createPublisher({ ledger, client, clock, scrapeIntervalSeconds: 60 });
}

async function groupsOf({ client }: Bench): Promise<number> {
  return (await readGroups(client)).length;
}
