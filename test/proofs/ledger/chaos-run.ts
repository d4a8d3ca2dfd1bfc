import type { RunRecord } from "../../../src/record/run-record.ts";
import { counter, histogram, NIGHT, runsTotal, success } from "../../support/run-records.ts";

/** Run `index` of a worker: always the same record, so that a repetition is one. */
export function chaosRun(worker: number, index: number): RunRecord {
  return success(
    `w${worker}-${index}`,
    [
      runsTotal(),
      counter("cost_usd_total", chaosCost(worker, index)),
      histogram("latency_seconds", [index % 3]),
    ],
    { completedAt: NIGHT + index },
  );
}

/** Different for almost every run, and no sum of doubles is exact: a lost or doubled one shows. */
export function chaosCost(worker: number, index: number): number {
  return (worker * 1009 + index * 13 + 1) / 1000;
}
