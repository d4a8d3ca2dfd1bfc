import { copyFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "@jest/globals";
import { groupingKey } from "../../../src/grouping-key.ts";
import { createPublisher } from "../../../src/publish/publisher.ts";
import { newExecutionId } from "../../../src/record/run-record.ts";
import { runsTotal, success } from "../../support/run-records.ts";
import type { RealPushgateway } from "../../support/servers.ts";
import { ledgerIn, type Play } from "./play.ts";
import { newestSnapshotFile, startFiling, until, waitingIn } from "./trials.ts";

const WEEKLY = groupingKey("weekly");

/**
 * A history of seven versions, of which the third was copied, with so many runs that wait.
 *
 * @returns the copy, and when it was made (Unix seconds).
 */
export async function playBackup(play: Play, state: string, waiting: number) {
  const directory = play.directory();
  let at = 0;
  for (let version = 1; version <= 7; version++) {
    await play.record(state);
    expect(await play.publish(state)).toMatchObject({ status: "published", version });
    if (version !== 3) continue;
    await play.record(state, waiting);
    play.copy(state, directory);
    at = Date.now() / 1000;
  }
  return { directory, at };
}

/**
 * A history of four versions with eight runs. Then the gateway is killed, and comes back with its file
 * as it was at the third version or before: what falls by that is the gateway's own.
 */
export async function playOldFile(
  play: Play,
  state: string,
  { gateway, file }: { readonly gateway: RealPushgateway; readonly file: string },
): Promise<void> {
  for (let run = 0; run < 3; run++) {
    await play.record(state);
    await play.publish(state);
  }
  await until(() => existsSync(file));
  copyFileSync(file, `${file}.old`);
  await play.record(state, 5);
  expect(await play.publish(state)).toMatchObject({ status: "published", version: 4 });
  await play.scraper.next();

  gateway.kill("SIGKILL");
  await gateway.closed;
  copyFileSync(`${file}.old`, file);
  play.scraper.restarted();
  await startFiling(file, Number(gateway.url.port));
  await play.scraper.next();
  const { version } = await play.shown();
  expect(version).toBeGreaterThan(0);
  expect(version).toBeLessThan(4);
}

/** A copy of a state directory, made at its third version, is adopted at its sixth; both go on. */
export async function playAdoptedCopy(play: Play): Promise<void> {
  const [first, copy] = [play.directory(), play.directory()];
  await recordAndPublish(play, first, 3);
  play.copy(first, copy);
  await recordAndPublish(play, first, 3);
  await play.record(copy);
  expect((await play.publish(copy)).status).toBe("refused");
  await play.adopt(copy);
  await recordAndPublish(play, copy, 1);
  await play.scraper.next();
  for (const how of ["run", "tick"] as const) {
    await play.record(first);
    expect((await play.publish(first, how)).status).toBe("refused");
  }
}

/** A restored ledger is adopted, copied, and restored again from that copy, which had adopted more. */
export async function playRestoredTwice(play: Play): Promise<void> {
  const [state, backup] = [play.directory(), play.directory()];
  await recordAndPublish(play, state, 2);
  play.copy(state, backup);
  await recordAndPublish(play, state, 6);
  for (let time = 1; time <= 2; time++) {
    play.copy(backup, state);
    await sleep(5);
    await play.record(state);
    expect((await play.publish(state)).status).toBe("refused");
    await play.adopt(state);
    expect((await play.publish(state)).status).toBe("published");
    play.copy(state, backup);
    await recordAndPublish(play, state, 2);
    await play.scraper.next();
  }
}

/** A process that has published goes on after another ledger was adopted. */
export async function playAdoptedMeanwhile(play: Play): Promise<void> {
  const [first, second] = [play.directory(), play.directory()];
  await play.record(first);
  const publisher = play.lasting(first);
  expect((await publisher.publish()).status).toBe("published");
  await play.record(second);
  await play.adopt(second);
  expect((await play.publish(second)).status).toBe("published");
  await play.scraper.next();
  await play.record(first);
  expect((await publisher.publish()).status).toBe("refused");
}

export async function recordAndPublish(play: Play, directory: string, times: number) {
  for (let time = 0; time < times; time++) {
    await play.record(directory);
    expect((await play.publish(directory)).status).toBe("published");
  }
}

/** What becomes of a file. */
type Damage = { readonly name: string; readonly damaged: (bytes: Buffer) => Buffer };

export const DAMAGES: readonly Damage[] = [
  { name: "empty", damaged: () => Buffer.alloc(0) },
  { name: "cut", damaged: (bytes) => bytes.subarray(0, bytes.length / 2) },
  { name: "zeros", damaged: (bytes) => Buffer.alloc(bytes.length) },
  {
    name: "a flipped bit",
    damaged: (bytes) =>
      Buffer.from(bytes.map((byte, at) => (at === bytes.length >> 1 ? byte ^ 1 : byte))),
  },
];

/** The newest totals are damaged: their group stands still, with two runs more, and another goes on. */
export async function playUnreadable(
  play: Play,
  state: string,
  { damaged }: Damage,
): Promise<void> {
  const before = await play.shown();
  const file = newestSnapshotFile(state);
  writeFileSync(file, damaged(readFileSync(file)));
  await play.record(state, 2);
  for (const how of ["run", "tick"] as const) {
    const refusal = await play.publish(state, how);
    const error = refusal.status === "refused" ? refusal.error : undefined;
    expect(error).toMatchObject({ code: "ERR_LEDGER_CORRUPT" });
    expect(error?.message).toContain("closing-bell ledger repair");
  }
  const ledger = ledgerIn(state);
  await ledger.append(success(newExecutionId(), [runsTotal()], { groupingKey: WEEKLY }));
  const publisher = createPublisher({ ledger, client: play.client, scrapeIntervalSeconds: 0 });
  const both = await publisher.publishAll();
  const statuses = both.map(({ groupingKey: { job }, status }) => `${job} ${status}`);
  expect(statuses.sort()).toEqual(["nightly refused", "weekly published"]);
  expect(await play.shown()).toEqual(before);
  expect(await waitingIn(state)).toBe(2);
}
