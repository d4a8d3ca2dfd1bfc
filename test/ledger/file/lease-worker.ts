import { writeSync } from "node:fs";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { createFileLedger } from "../../../src/ledger/file-ledger.ts";
import type { Lease } from "../../../src/ledger/ledger.ts";
import { GROUP } from "../../support/run-records.ts";

/**
 * A process that takes the lease of {@link GROUP}. Given a number of times, it takes and releases it
 * so often, and tells when, on the clock that all processes have in common. Else it does what it is
 * told on standard input, `take` or `release`, and ends with its input, without a release.
 */
const [directory = "", times] = process.argv.slice(2);
const ledger = createFileLedger({ directory });

/** Written when this returns: a process that is killed has told what it did. */
function tell(line: string): void {
  writeSync(1, `${line}\n`);
}

async function repeat(left: number): Promise<void> {
  while (left > 0) {
    const result = await ledger.lease(GROUP);
    if (result.status === "held") {
      await sleep(Math.random() * 4);
      continue;
    }
    left--;
    tell(`enter ${process.hrtime.bigint()}`);
    if (Math.random() < 0.5) await sleep(Math.random() * 4);
    tell(`leave ${process.hrtime.bigint()}`);
    await result.lease.release();
  }
}

async function obey(): Promise<void> {
  let lease: Lease | undefined;
  for await (const command of createInterface({ input: process.stdin })) {
    if (command === "release") {
      await lease?.release();
      tell("released");
      continue;
    }
    const result = await ledger.lease(GROUP);
    if (result.status === "taken") lease = result.lease;
    tell(result.status === "taken" ? "taken" : result.holder);
  }
}

await (times === undefined ? obey() : repeat(Number(times)));
