import type { Context } from "aws-lambda";
import type { GroupingKey } from "../../src/grouping-key.ts";
import {
  createReportingHandler,
  type ReportingDependencies,
} from "../../src/lambda/reporting-handler.ts";
import { createFileLedger } from "../../src/ledger/file-ledger.ts";
import { foldGroup } from "../../src/ledger/fold-round.ts";
import type { Ledger } from "../../src/ledger/ledger.ts";
import { snapshotFamilies } from "../../src/ledger/snapshot-families.ts";
import type { DeliveryReport } from "../../src/publish/delivery.ts";
import { createLedgerDelivery } from "../../src/publish/ledger-delivery.ts";
import { type ManualTime, manualTime } from "../support/manual-time.ts";
import { NIGHT } from "../support/run-records.ts";
import { stateDirectory } from "../support/state-directory.ts";

/** A function's process: what it reports, and what it writes for CloudWatch. */
export function startFunction({
  time = manualTime(NIGHT),
  ledger = createFileLedger({ directory: stateDirectory() }),
  ...others
}: Partial<ReportingDependencies> & {
  readonly time?: ManualTime;
  readonly ledger?: Ledger;
} = {}) {
  /** What the ledger could not take. */
  const records: string[] = [];
  /** What CloudWatch is told. */
  const told: string[] = [];
  const reportingHandler = createReportingHandler({
    delivery: createLedgerDelivery({ ledger, log: (line) => records.push(line), retryDelayMs: 0 }),
    clock: time,
    timer: time.timer,
    log: (line) => told.push(line),
    ...others,
  });
  const failures = () => told.map((line) => JSON.parse(line));
  return { time, ledger, records, told, failures, reportingHandler };
}

/** Lambda's context: a deadline on a clock, and what names the invocation. */
export function contextOf(time: ManualTime, milliseconds: number, requestId = "r-1"): Context {
  const endsAt = time.monotonic() * 1000 + milliseconds;
  return withRemaining(() => endsAt - time.monotonic() * 1000, requestId);
}

export function withRemaining(remaining: () => number, requestId = "r-1"): Context {
  return {
    callbackWaitsForEmptyEventLoop: true,
    functionName: "nightly",
    functionVersion: "1",
    invokedFunctionArn: "arn:aws:lambda:eu-west-1:123456789012:function:nightly",
    memoryLimitInMB: "128",
    awsRequestId: requestId,
    logGroupName: "/aws/lambda/nightly",
    logStreamName: "stream",
    getRemainingTimeInMillis: remaining,
    done() {},
    fail() {},
    succeed() {},
  };
}

/** Reports as they are told: `next` waits for the one after those that it has given. */
export function reportQueue() {
  const reports: DeliveryReport[] = [];
  let taken = 0;
  let wake = () => {};
  return {
    reports,
    onReport(report: DeliveryReport): void {
      reports.push(report);
      wake();
    },
    async next(): Promise<DeliveryReport> {
      while (reports.length === taken) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      return reports[taken++] as DeliveryReport;
    },
  };
}

/** A promise that the test settles. */
export function gate<T = void>() {
  let open = (_value: T) => {};
  let fail = (_error: unknown) => {};
  const passed = new Promise<T>((resolve, reject) => {
    open = resolve;
    fail = reject;
  });
  return { passed, open, fail };
}

/** The group's totals: counters and gauges by name and labels, histograms by their counts. */
export async function totals(ledger: Ledger, group: GroupingKey) {
  const { snapshot } = await foldGroup(ledger, group);
  return Object.fromEntries(
    snapshotFamilies(snapshot).flatMap((family) => {
      if (family.type === "summary") return [];
      return family.samples.map((sample) => {
        const labels = JSON.stringify(sample.labels);
        const value = "count" in sample ? sample.count : sample.value;
        return [labels === "{}" ? family.name : `${family.name}${labels}`, value] as const;
      });
    }),
  );
}

/** How the runs of a group ended, those that never happened left out. */
export async function outcomes(ledger: Ledger, group: GroupingKey) {
  const all = await totals(ledger, group);
  return Object.fromEntries(
    (["succeeded", "failed", "timed_out"] as const)
      .map(
        (outcome) => [outcome, all[`batch_job_runs_total{"outcome":"${outcome}"}`] ?? 0] as const,
      )
      .filter(([, value]) => value > 0),
  );
}
