import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, describe, expect, test } from "@jest/globals";
import { groupingKey } from "../../src/grouping-key.ts";
import { createFileLedger } from "../../src/ledger/file-ledger.ts";
import { bundleProgram } from "../support/bundle.ts";
import { removeStateDirectories, stateDirectory } from "../support/state-directory.ts";
import { totals } from "./lambda-functions.ts";

afterAll(removeStateDirectories);

describe("a body that waits for nothing", () => {
  test.concurrent("is recorded in time all the same, as the environment says", async () => {
    const directory = stateDirectory();
    expect(await overrun(`file:${directory}`, 3000)).toEqual({ stdout: "", stderr: "" });
    const ledger = createFileLedger({ directory });
    expect(await totals(ledger, groupingKey("nightly"))).toMatchObject({
      agent_analyses_total: 3,
      closing_bell_cold_starts_total: 1,
      'batch_job_runs_total{"outcome":"timed_out"}': 1,
    });
  });

  test.concurrent("has a line on each of the two streams when there is no ledger", async () => {
    const { stdout, stderr } = await overrun("file:/proc/closing-bell", 500);
    expect(JSON.parse(stdout)).toMatchObject({ job: "nightly", ReportingFailures: 1 });
    expect(JSON.parse(stderr)).toMatchObject({ closing_bell_record: 1, part: 1, parts: 1 });
  });
});

/** A process of its own, with Lambda's time given in milliseconds. */
async function overrun(ledger: string, givenMs: number) {
  const env = { CLOSING_BELL_LEDGER: ledger, GIVEN_MS: `${givenMs}` };
  const program = bundleProgram("lambda/overrunning-function.ts");
  return promisify(execFile)(process.execPath, [program], { env, cwd: "/" });
}
