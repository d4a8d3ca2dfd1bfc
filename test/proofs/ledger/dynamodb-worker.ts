import { ClosingBellError } from "../../../src/errors.ts";
import { createDynamodbLedger } from "../../../src/ledger/dynamodb-ledger.ts";
import { foldGroup } from "../../../src/ledger/fold-round.ts";
import { GROUP } from "../../support/run-records.ts";
import { chaosRun } from "./chaos-run.ts";

/**
 * Appends runs `from` to `to` of one worker to a table and folds now and then, until it is done or
 * killed. What fails for the moment is tried again, as jobs do. Tells of each append on standard output.
 */
const [place = "{}", worker = "0", from = "0", to = "0"] = process.argv.slice(2);

const ledger = createDynamodbLedger({ ...JSON.parse(place), requestTimeoutMs: 2000 });

async function patiently(work: () => Promise<unknown>): Promise<void> {
  for (;;) {
    try {
      await work();
      return;
    } catch (error) {
      const isTransient =
        error instanceof ClosingBellError && error.code === "ERR_LEDGER_UNAVAILABLE";
      if (!isTransient) throw error;
    }
  }
}

for (let index = Number(from); index < Number(to); index++) {
  await patiently(() => ledger.append(chaosRun(Number(worker), index)));
  process.stdout.write(`appended ${index}\n`);
  if (Math.random() < 0.2) await patiently(() => foldGroup(ledger, GROUP));
}
