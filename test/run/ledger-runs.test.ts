import { mkdir, rm, symlink } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "@jest/globals";
import { groupingKey } from "../../src/grouping-key.ts";
import { createFileLedger } from "../../src/ledger/file-ledger.ts";
import { foldGroup } from "../../src/ledger/fold-round.ts";
import { replay } from "../../src/ledger/replay.ts";
import { snapshotFamilies } from "../../src/ledger/snapshot-families.ts";
import { createLedgerDelivery } from "../../src/publish/ledger-delivery.ts";
import { createRunJob } from "../../src/run/run-job.ts";
import { removeStateDirectories, stateDirectory } from "../support/state-directory.ts";

afterAll(removeStateDirectories);

const KEY = groupingKey("nightly");

describe("runs that deliver to a ledger", () => {
  test("add up, whatever ran at the same time, failures and their counts included", async () => {
    const { ledger, settleJob } = runsTo(stateDirectory());
    await Promise.all(
      Array.from({ length: 20 }, (_, run) =>
        settleJob({ job: "nightly", announceStart: true }, ({ metrics }) => {
          metrics.agentAnalysesTotal.inc(run);
          if (run % 4 === 0) throw new Error("every fourth fails");
        }),
      ),
    );
    expect(await totals(ledger)).toMatchObject({
      agent_analyses_total: 190,
      'batch_job_runs_total{"outcome":"succeeded"}': 15,
      'batch_job_runs_total{"outcome":"failed"}': 5,
    });
  });

  test("show every outcome at 0 from their announced start on", async () => {
    const { ledger, settleJob } = runsTo(stateDirectory());
    const during = await settleJob({ job: "nightly", announceStart: true }, async () => {
      // The announcement is not waited for.
      let shown = await totals(ledger);
      while (Object.keys(shown).length === 0) shown = await totals(ledger);
      return shown;
    });
    expect(during.outcome).toMatchObject({
      value: {
        batch_job_last_start_timestamp_seconds: expect.any(Number),
        'batch_job_runs_total{"outcome":"succeeded"}': 0,
        'batch_job_runs_total{"outcome":"failed"}': 0,
        'batch_job_runs_total{"outcome":"timed_out"}': 0,
        'batch_job_runs_total{"outcome":"interrupted"}': 0,
      },
    });
    expect(await totals(ledger)).toMatchObject({
      'batch_job_runs_total{"outcome":"succeeded"}': 1,
      'batch_job_runs_total{"outcome":"failed"}': 0,
    });
  });

  test("count a unit of work once, however often it succeeds; its failures count each", async () => {
    const { ledger, settleJob } = runsTo(stateDirectory());
    const nightly = (fail: boolean) =>
      settleJob({ job: "nightly", runId: "2026-11-22" }, ({ metrics }) => {
        metrics.agentAnalysesTotal.inc(7);
        if (fail) throw new Error("not yet");
      });
    await nightly(true);
    await nightly(true);
    const first = await nightly(false);
    expect(first.delivery).toMatchObject({ status: "recorded" });
    await foldGroup(ledger, KEY);
    const again = await nightly(false);
    expect(again.outcome.status).toBe("succeeded");
    expect(again.delivery).toMatchObject({ status: "already_counted", runId: "2026-11-22" });
    expect(await totals(ledger)).toMatchObject({
      agent_analyses_total: 21,
      'batch_job_runs_total{"outcome":"succeeded"}': 1,
      'batch_job_runs_total{"outcome":"failed"}': 2,
    });
  });

  test("succeed when the ledger cannot be reached; the log has the record, and replay counts it once", async () => {
    const directory = stateDirectory();
    const unfit = join(directory, "link");
    const real = join(directory, "real");
    await mkdir(real, { mode: 0o700, recursive: true });
    await symlink(real, unfit);
    const { settleJob, lines } = runsTo(unfit);
    const { outcome, delivery } = await settleJob({ job: "nightly" }, ({ metrics }) => {
      metrics.agentAnalysesTotal.inc(3);
      return "mine";
    });
    expect(outcome).toEqual({ status: "succeeded", value: "mine" });
    expect(delivery).toMatchObject({ status: "logged", error: { code: "ERR_LEDGER_UNFIT" } });

    await rm(unfit);
    const ledger = createFileLedger({ directory: real });
    await replay(lines, ledger);
    await replay(lines, ledger);
    expect(await totals(ledger)).toMatchObject({ agent_analyses_total: 3 });
  });

  test("that hangs: the deadline ends it, and what is known is in the log", async () => {
    const lines: string[] = [];
    const real = createFileLedger({ directory: stateDirectory() });
    const hanging = { ...real, append: () => new Promise<never>(() => {}) };
    const { settleJob } = createRunJob({
      delivery: createLedgerDelivery({ ledger: hanging, log: (line) => lines.push(line) }),
      reportingTimeoutMs: 50,
    });
    const { outcome, delivery } = await settleJob({ job: "nightly" }, () => "mine");
    expect(outcome.status).toBe("succeeded");
    expect(delivery.status).toBe("logged");
    expect((await replay(lines, real)).records).toHaveLength(1);
  });
});

function runsTo(directory: string) {
  const lines: string[] = [];
  const ledger = createFileLedger({ directory });
  const delivery = createLedgerDelivery({ ledger, log: (line) => lines.push(line) });
  return { ledger, lines, ...createRunJob({ delivery }) };
}

async function totals(ledger: ReturnType<typeof createFileLedger>) {
  const { snapshot } = await foldGroup(ledger, KEY);
  return Object.fromEntries(
    snapshotFamilies(snapshot).flatMap((family) => {
      if (family.type === "histogram" || family.type === "summary") return [];
      return family.samples.map(({ labels, value }) => {
        const text = JSON.stringify(labels);
        return [text === "{}" ? family.name : `${family.name}${text}`, value] as const;
      });
    }),
  );
}
