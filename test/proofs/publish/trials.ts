import { readdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "@jest/globals";
import { LedgerMismatchError } from "../../../src/errors.ts";
import { groupPaths } from "../../../src/ledger/file/group-files.ts";
import type { GroupPublication } from "../../../src/publish/publish-group.ts";
import { GROUP } from "../../support/run-records.ts";
import {
  type RealPushgateway,
  startRealPushgateway,
  startRealServer,
} from "../../support/servers.ts";
import { ledgerIn, type Play, startPlay, type Tally } from "./play.ts";

/** Deadline of what others do, in milliseconds: for one that hangs, never for a slow machine. */
const DEADLINE_MS = 15_000;

export const NOTHING_WRONG = { falls: 0, falseValues: 0, lost: 0, double: 0 } as const;

export type Trials = {
  readonly trials: number;
  /** A Pushgateway without a file by default. */
  readonly start?: () => Promise<RealPushgateway>;
};

export type Scene = (play: Play, gateway: RealPushgateway) => Promise<void>;

/** Plays a scene again and again, each time with another gateway, and adds up what went wrong. */
export async function playTrials(
  { trials, start = startRealPushgateway }: Trials,
  scene: Scene,
): Promise<Tally & { readonly seconds: number }> {
  const started = performance.now();
  const sum = { refused: 0, falls: 0, falseValues: 0, lost: 0, double: 0, scrapes: 0 };
  for (let trial = 0; trial < trials; trial++) {
    const gateway = await start();
    const play = startPlay(gateway);
    await scene(play, gateway);
    const tally = await play.end();
    for (const figure of Object.keys(sum) as (keyof Tally)[]) sum[figure] += tally[figure];
    await gateway.stop();
  }
  return { ...sum, seconds: (performance.now() - started) / 1000 };
}

/** A Pushgateway that keeps what it has in a file, and forgets little of it when it is killed. */
export function startFiling(file: string, port?: number): Promise<RealPushgateway> {
  return startRealServer({
    name: "pushgateway",
    args: (address) => [
      `--persistence.file=${file}`,
      "--persistence.interval=10ms",
      `--web.listen-address=${address}`,
    ],
    port,
  });
}

/** A state directory, and a version of the group's totals in it. */
export type Side = readonly [directory: string, version: number];

/** Expects a refusal that names both ledgers, both versions, where ours is, and what to do. */
export async function expectMismatch(
  publication: GroupPublication,
  { ours, theirs }: { readonly ours: Side; readonly theirs: Side },
): Promise<void> {
  const [ourId, theirId] = await Promise.all(
    [ours, theirs].map(([directory]) => ledgerIn(directory).ledgerId()),
  );
  const error = publication.status === "refused" ? publication.error : undefined;
  expect(error).toBeInstanceOf(LedgerMismatchError);
  expect(error).toMatchObject({
    code: "ERR_LEDGER_MISMATCH",
    ours: { ledgerId: ourId, version: ours[1] },
    theirs: { ledgerId: theirId, version: theirs[1] },
  });
  const said = [
    `at version ${theirs[1]} of ledger ${theirId}`,
    `version ${ours[1]} of ledger ${ourId} (file:${ours[0]})`,
    "Nothing was pushed; runs stay recorded",
    "closing-bell ledger adopt -j nightly -g mode=backtest",
  ];
  for (const part of said) expect(error?.message).toContain(part);
}

/** Runs that wait to be folded. */
export async function waitingIn(directory: string): Promise<number> {
  let runs = 0;
  for await (const { status } of ledgerIn(directory).pending(GROUP)) {
    if (status === "record") runs++;
  }
  return runs;
}

/** The file of a group's newest totals. */
export function newestSnapshotFile(directory: string): string {
  const { snapshots } = groupPaths(directory, GROUP);
  const newest = readdirSync(snapshots).sort().at(-1) ?? "";
  return join(snapshots, newest);
}

/** Waits for what others do. */
export async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + DEADLINE_MS;
  while (!(await isSo())) {
    if (performance.now() > deadline) throw new Error(`not so after ${DEADLINE_MS} ms: ${isSo}`);
    await sleep(5);
  }
}
