import { copyFileSync, existsSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "@jest/globals";
import type { RealPushgateway } from "../../support/servers.ts";
import type { Play } from "./play.ts";
import { startFiling, until } from "./trials.ts";

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

/** With one bit in its middle changed. */
export function flipped(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  const middle = Math.floor(copy.length / 2);
  copy[middle] = (copy[middle] ?? 0) ^ 1;
  return copy;
}
