import { createHash } from "node:crypto";
import { createFileLedger } from "../../../src/ledger/file-ledger.ts";
import { foldGroup } from "../../../src/ledger/fold-round.ts";
import type { Ledger } from "../../../src/ledger/ledger.ts";
import { GROUP } from "../../support/run-records.ts";
import { chaosRun } from "./chaos-run.ts";

/**
 * Appends runs `from` to `to` of one worker and folds now and then, until it is done or killed. Tells
 * what it did on standard output, a line at a time: a pipe takes a short line whole.
 */
const [directory = "", worker = "0", from = "0", to = "0"] = process.argv.slice(2);

function tell(what: "appended" | "read" | "won", ...facts: readonly (number | string)[]): void {
  process.stdout.write(`${[what, ...facts].join(" ")}\n`);
}

/** Tells of every snapshot that was read as the newest, and of every one that was won. */
function observed(ledger: Ledger): Ledger {
  const hash = (bytes: Buffer) => createHash("sha256").update(bytes).digest("hex").slice(0, 16);
  return {
    ...ledger,
    async readSnapshot(group) {
      const snapshot = await ledger.readSnapshot(group);
      if (snapshot !== undefined) tell("read", snapshot.version, hash(snapshot.bytes));
      return snapshot;
    },
    async writeSnapshot(group, snapshot) {
      const result = await ledger.writeSnapshot(group, snapshot);
      if (result === "won") tell("won", snapshot.version, hash(snapshot.bytes));
      return result;
    },
  };
}

// Two snapshots are kept: who is stopped for a moment wakes up to find its version pruned.
const ledger = observed(createFileLedger({ directory, keptSnapshots: 2 }));
for (let index = Number(from); index < Number(to); index++) {
  await ledger.append(chaosRun(Number(worker), index));
  tell("appended", index);
  if (Math.random() < 0.1) await foldGroup(ledger, GROUP);
}
