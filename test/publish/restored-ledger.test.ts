import { cpSync, rmSync } from "node:fs";
import { afterAll, afterEach, describe, expect, test } from "@jest/globals";
import { createFileLedger } from "../../src/ledger/file-ledger.ts";
import { type AdoptOptions, adoptGroup } from "../../src/publish/adopt.ts";
import { createPublisher } from "../../src/publish/publisher.ts";
import { GROUP, NIGHT, success } from "../support/run-records.ts";
import { removeStateDirectories, stateDirectory } from "../support/state-directory.ts";
import { type Bench, endPublishing, startBench } from "./publishing.ts";

afterEach(endPublishing);
afterAll(removeStateDirectories);

const SUCCEEDED = { outcome: "succeeded" };
const LOOK = "GET /api/v1/metrics";

describe("a state directory that was restored from a backup", () => {
  test("is refused, with what is pending kept, and says so", async () => {
    const { restored, directory, gateway, shown } = await restoredBackup();
    expect(await restored.publisher.publish(GROUP)).toMatchObject({
      status: "refused",
      error: {
        code: "ERR_LEDGER_MISMATCH",
        ours: { version: 1 },
        theirs: { version: 3 },
        message: expect.stringContaining(directory),
      },
    });
    expect(gateway.seen()).toEqual([LOOK]);
    expect(await restored.ledger.readPending(GROUP, ["run-b", "run-d"])).toHaveLength(2);
    expect(await shown("batch_job_runs_total", SUCCEEDED)).toBe(3);
  });

  test("cannot be adopted without a word on runs that may have been counted", async () => {
    const { restored } = await restoredBackup();
    await expect(adopt(restored)).rejects.toMatchObject({
      code: "ERR_OPTION",
      message: expect.stringMatching(/has 1 pending runs .* --pending drop .* --pending count/),
    });
    expect((await restored.ledger.readSnapshot(GROUP))?.version).toBe(1);
    expect(await restored.ledger.readPending(GROUP, ["run-b", "run-d"])).toHaveLength(2);
    expect(await restored.ledger.lease(GROUP)).toMatchObject({ status: "taken" });
  });

  test.each([
    { pending: "drop", dropped: 1, total: 4 },
    { pending: "count", dropped: 0, total: 5 },
  ] as const)(
    "is adopted with --pending $pending, and what came since is added",
    async ({ pending, dropped, total }) => {
      const { restored, shown } = await restoredBackup();
      expect(await adopt(restored, pending)).toMatchObject({
        status: "adopted",
        version: 4,
        from: { ledgerId: await restored.ledger.ledgerId(), version: 3 },
        pending: 2 - dropped,
        dropped,
      });
      expect(await restored.publisher.publish(GROUP)).toMatchObject({ status: "published" });
      expect(await shown("batch_job_runs_total", SUCCEEDED)).toBe(total);
      await restored.ledger.append(success("e"));
      expect(await restored.publisher.publish(GROUP)).toMatchObject({ status: "published" });
      expect(await shown("batch_job_runs_total", SUCCEEDED)).toBe(total + 1);
      expect(await restored.publisher.publishAll()).toMatchObject([
        { status: "current", version: 6 },
      ]);
      expect(await adopt(restored)).toEqual({ status: "not needed" });
    },
  );

  test("is the only one of two copies that goes on: the other is refused", async () => {
    const { original, restored, shown } = await restoredBackup();
    await adopt(restored, "drop");
    await restored.publisher.publish(GROUP);
    const total = await shown("batch_job_runs_total", SUCCEEDED);
    await original.ledger.append(success("x"));
    const { ledger, client, clock } = original;
    const former = createPublisher({ ledger, client, clock, scrapeIntervalSeconds: 0 });
    expect(await former.publish(GROUP)).toMatchObject({ status: "refused" });
    expect(await shown("batch_job_runs_total", SUCCEEDED)).toBe(total);
  });

  test("is noticed a second time, although the first was adopted", async () => {
    const { restored, directory, clock, gateway, shown } = await restoredBackup();
    await adopt(restored, "drop");
    const restore = backUp(directory);
    await restored.ledger.append(success("e"));
    await restored.publisher.publish(GROUP);
    expect(await shown("batch_job_runs_total", SUCCEEDED)).toBe(5);
    restore();
    const again = await startBench({ ledger: createFileLedger({ directory }), clock, gateway });
    await again.publisher.publish(GROUP);
    // Run e is not there any more.
    expect(await shown("batch_job_runs_total", SUCCEEDED)).toBe(5);
  });
});

/**
 * Run a was published and b recorded when the backup was made; b and c were published after it; d was
 * recorded once it was back. The gateway shows 3 runs, at version 3.
 */
async function restoredBackup() {
  const directory = stateDirectory();
  const original = await startBench({ ledger: createFileLedger({ directory }) });
  const { gateway, clock, shown } = original;
  await original.ledger.append(success("a"));
  await original.publisher.publish(GROUP);
  await original.ledger.append(success("b"));
  const copy = `${directory}.copy`;
  copyState(directory, copy);
  await original.publisher.publish(GROUP);
  await original.ledger.append(success("c"));
  await original.publisher.publish(GROUP);

  clock.advance(60);
  const restored = await startBench({
    ledger: createFileLedger({ directory: copy }),
    clock,
    gateway,
  });
  await restored.ledger.append(success("d", undefined, { completedAt: NIGHT + 100 }));
  gateway.seen();
  return { original, restored, directory: copy, gateway, clock, shown };
}

function adopt({ ledger, client, clock }: Bench, pending?: AdoptOptions["pending"]) {
  const choice = pending === undefined ? {} : { pending };
  return adoptGroup({ ledger, client, clock, ...choice }, GROUP);
}

/** What is returned puts the state directory back as it is now. */
function backUp(directory: string): () => void {
  copyState(directory, `${directory}.backup`);
  return () => {
    rmSync(directory, { recursive: true });
    copyState(`${directory}.backup`, directory);
  };
}

/** Without its sockets, which are no files and belong to processes. */
function copyState(from: string, to: string): void {
  const filter = (path: string) => !path.startsWith(`${from}/lease`);
  cpSync(from, to, { recursive: true, filter });
}
