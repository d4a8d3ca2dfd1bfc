import { afterAll, afterEach, describe, expect, test } from "@jest/globals";
import {
  LeaseLostError,
  LedgerCorruptError,
  LedgerFormatError,
  LedgerFullError,
  LedgerUnavailableError,
} from "../../src/errors.ts";
import { createFileLedger } from "../../src/ledger/file-ledger.ts";
import type { LeaseResult, Ledger } from "../../src/ledger/ledger.ts";
import { createPublisher } from "../../src/publish/publisher.ts";
import { createMemoryLedger } from "../support/memory-ledger.ts";
import { counter, GROUP, gauge, histogram, success } from "../support/run-records.ts";
import { removeStateDirectories, stateDirectory } from "../support/state-directory.ts";
import { clientOf, endPublishing, startBench } from "./publishing.ts";

afterEach(endPublishing);
afterAll(removeStateDirectories);

const SUCCEEDED = { outcome: "succeeded" };
const LOOK = "GET /api/v1/metrics";

describe("a publish", () => {
  test.each([
    { name: "memory", open: createMemoryLedger },
    { name: "files", open: () => createFileLedger({ directory: stateDirectory() }) },
  ])("of a ledger of $name shows the totals, and whose they are", async ({ open }) => {
    const { ledger, publisher, client, gateway, shown } = await startBench({ ledger: open() });
    for (const id of ["a", "b"]) {
      await ledger.append(
        success(id, [counter("trades_total", 3), gauge("portfolio_cash", 7), histogram("h", [1])]),
      );
    }
    expect(await publisher.publish(GROUP)).toEqual({
      groupingKey: GROUP,
      status: "published",
      gateway: client.gateway,
      version: 1,
      series: 8,
      seconds: expect.any(Number),
    });
    expect(gateway.seen()).toEqual([LOOK, "PUT"]);
    expect(await shown("trades_total")).toBe(6);
    expect(await shown("portfolio_cash")).toBe(7);
    const ledgerId = await ledger.ledgerId();
    expect(await shown("closing_bell_ledger_version", { ledger_id: ledgerId })).toBe(1);
  });

  test("sends one PUT, after a look, whoever published before", async () => {
    const { ledger, publisher, gateway, client, clock, shown } = await startBench();
    const other = createPublisher({ ledger, client, clock, scrapeIntervalSeconds: 0 });
    for (const [index, each] of [publisher, publisher, other, publisher].entries()) {
      await ledger.append(success(`r${index}`));
      expect(await each.publish(GROUP)).toMatchObject({ status: "published", version: index + 1 });
      expect(gateway.seen()).toEqual([LOOK, "PUT"]);
      expect(await shown("batch_job_runs_total", SUCCEEDED)).toBe(index + 1);
    }
  });

  test("with nothing new pushes nothing, unless the gateway does not show it", async () => {
    const { ledger, publisher, gateway, shown } = await startBench();
    await ledger.append(success("a"));
    await publisher.publish(GROUP);
    gateway.seen();
    expect(await publisher.publish(GROUP)).toMatchObject({ status: "current", version: 1 });
    expect(gateway.seen()).toEqual([LOOK]);

    await gateway.restart();
    expect(await publisher.publish(GROUP)).toMatchObject({ status: "published", version: 1 });
    expect(await shown("batch_job_runs_total", SUCCEEDED)).toBe(1);
  });

  test("of a group in which nothing was ever recorded makes none", async () => {
    const { publisher, gateway } = await startBench();
    expect(await publisher.publish(GROUP)).toMatchObject({ status: "current", version: 0 });
    expect(gateway.seen()).not.toContain("PUT");
  });

  test("that nobody checks says so", async () => {
    const { ledger, publisher, gateway } = await startBench();
    gateway.meddle(({ method }) => (method === "PUT" ? 202 : undefined));
    await ledger.append(success("a"));
    expect(await publisher.publish(GROUP)).toMatchObject({ status: "published", unchecked: true });
  });
});

describe("a ledger that fails", () => {
  const fails = (error: Error) => async () => {
    throw error;
  };
  test.each<{ name: string; broken: Partial<Ledger>; expected: object }>([
    {
      name: "to give the lease is tried again by the next publisher",
      broken: { lease: fails(new LedgerUnavailableError("busy")) },
      expected: { status: "failed", error: { message: "busy" } },
    },
    {
      name: "for want of room as well",
      broken: { writeSnapshot: fails(new LedgerFullError("full")) },
      expected: { status: "failed", error: { message: "full" } },
    },
    {
      name: "with what is no error of ours as well",
      broken: { readSnapshot: fails(new TypeError("oops")) },
      expected: { status: "failed", error: { message: "oops" } },
    },
    {
      name: "by being corrupt is a refusal",
      broken: { readSnapshot: fails(new LedgerCorruptError("bits")) },
      expected: { status: "refused", error: { code: "ERR_LEDGER_CORRUPT" } },
    },
    {
      name: "by being newer than we are is one too",
      broken: { readSnapshot: fails(new LedgerFormatError("format 2")) },
      expected: { status: "refused", error: { code: "ERR_LEDGER_FORMAT" } },
    },
  ])("$name, and nothing is pushed", async ({ broken, expected }) => {
    const memory = createMemoryLedger();
    await memory.append(success("a"));
    const { publisher, gateway } = await startBench({ ledger: { ...memory, ...broken } });
    expect(await publisher.publish(GROUP)).toMatchObject(expected);
    expect(gateway.seen()).not.toContain("PUT");
    expect(await memory.lease(GROUP)).toMatchObject({ status: "taken" });
  });

  test("by giving the lease to somebody else meanwhile stops the push", async () => {
    const memory = createMemoryLedger();
    await memory.append(success("a"));
    const loses: Ledger = {
      ...memory,
      async lease(group): Promise<LeaseResult> {
        const taken = await memory.lease(group);
        if (taken.status === "held") return taken;
        const writeState = fails(new LeaseLostError("lost"));
        return { status: "taken", lease: { ...taken.lease, writeState } };
      },
    };
    const { publisher, gateway } = await startBench({ ledger: loses });
    expect(await publisher.publish(GROUP)).toMatchObject({ status: "busy" });
    expect(gateway.seen()).toEqual([LOOK]);
  });

  test("after the push has been confirmed makes the publish reject no more than before", async () => {
    const memory = createMemoryLedger();
    await memory.append(success("a"));
    let listings = 0;
    const breaks: Ledger = {
      ...memory,
      async *pending(group) {
        listings++;
        // The fold lists twice.
        if (listings > 2) throw new LedgerUnavailableError("busy");
        yield* memory.pending(group);
      },
    };
    const { publisher } = await startBench({ ledger: breaks });
    expect(await publisher.publish(GROUP)).toMatchObject({ status: "published" });
  });
});

test("a signal that has aborted keeps everything from being sent, and counted", async () => {
  const { ledger, gateway, publisher } = await startBench();
  const signal = AbortSignal.abort(new Error("over"));
  await ledger.append(success("a"));
  expect(await publisher.publish(GROUP, { signal })).toMatchObject({
    status: "failed",
    error: { message: expect.stringContaining("over") },
  });
  expect(gateway.seen()).toEqual([]);
  expect(await ledger.readPending(GROUP, ["run-a"])).toHaveLength(1);
  // It noted nothing either: there is nothing to wait for.
  expect(await publisher.publish(GROUP)).toMatchObject({ status: "published", version: 1 });
  expect(gateway.seen()).toEqual([LOOK, "PUT"]);
});

test("one that aborts before the push is noted keeps that from being sent", async () => {
  const memory = createMemoryLedger();
  const ends = new AbortController();
  const { gateway, publisher, noted } = await startBench({
    ledger: {
      ...memory,
      // The last thing a fold does.
      prune: async () => ends.abort(new Error("over")),
    },
  });
  await memory.append(success("a"));
  expect(await publisher.publish(GROUP, { signal: ends.signal })).toMatchObject({
    status: "failed",
    error: { message: "over" },
  });
  expect(gateway.seen()).toEqual([LOOK]);
  expect(await noted()).not.toHaveProperty("unconfirmed");
});

describe("createPublisher refuses", () => {
  const ledger = createMemoryLedger();
  const client = () => clientOf(new URL("http://127.0.0.1:9"));

  test("an option that it does not know", () => {
    const options = { ledger, client: client(), scrapeInterval: 60 };
    expect(() => createPublisher(options)).toThrow("scrapeInterval");
  });

  test.each([-1, Number.NaN, Number.POSITIVE_INFINITY])("a scrape interval of %p", (seconds) => {
    const options = { ledger, client: client(), scrapeIntervalSeconds: seconds };
    expect(() => createPublisher(options)).toThrow("scrapeIntervalSeconds must be");
  });

  test.each([-1, 0, Number.NaN, 2 ** 31])("a group timeout of %p", (groupTimeoutMs) => {
    const options = { ledger, client: client(), groupTimeoutMs };
    expect(() => createPublisher(options)).toThrow("groupTimeoutMs must be");
  });
});
