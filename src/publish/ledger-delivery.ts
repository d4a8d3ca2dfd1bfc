import { LedgerConflictError, LedgerUnfitError } from "../errors.ts";
import type { Ledger } from "../ledger/ledger.ts";
import { runCatalogue } from "../metrics/catalogue.ts";
import type { MetricFamily } from "../metrics/exposition/family.ts";
import { recordLogLines } from "../record/log-lines.ts";
import {
  completionRecord,
  newExecutionId,
  type RunRecord,
  startRecord,
} from "../record/run-record.ts";
import type { Delivery, DeliveryReport, RunReport } from "./delivery.ts";

export type LedgerDeliveryOptions = {
  readonly ledger: Ledger;
  /** Takes one line of the log at a time, at once: the last place a record can go to. */
  readonly log: (line: string) => void;
  /** Appends that are tried in all. Default 3. */
  readonly attempts?: number;
  /** Pause before the second attempt; the ones after it double it. Milliseconds, default 50. */
  readonly retryDelayMs?: number;
};

/**
 * Appends each report to a ledger, which adds it to its group's totals exactly once. Sends nothing
 * to a gateway, and never a run's own counts: that would be the error that ledgers are for.
 *
 * An append that fails is repeated, which is safe, until the attempts or the signal end. Then the
 * record goes to the log, whole. An append that hangs and succeeds after all does no harm: replayed,
 * it has the same id.
 *
 * Rejects, before anything is written, for a report that makes no record (`ERR_METRIC`, `ERR_RECORD`,
 * `ERR_GROUPING_KEY`).
 */
export function createLedgerDelivery({
  ledger,
  log,
  attempts = 3,
  retryDelayMs = 50,
}: LedgerDeliveryOptions): Delivery {
  return async (report, signal) => {
    const record = recordOf(report);
    const head = { groupingKey: record.group, id: record.id, ledger: ledger.place };

    async function append(): Promise<DeliveryReport> {
      for (let attempt = 1; ; attempt++) {
        try {
          const { status } = await ledger.append(record);
          if (status !== "already_counted") return { status: "recorded", ...head };
          return { status, ...head, runId: record.runId ?? "" };
        } catch (error) {
          if (error instanceof LedgerConflictError) return { status: "refused", error };
          // Whoever waits no longer has heard of the log already.
          const isLast = attempt === attempts || error instanceof LedgerUnfitError;
          if (isLast || signal.aborted) throw error;
          await pause(retryDelayMs * 2 ** (attempt - 1), signal);
        }
      }
    }

    function toLog(cause: unknown): DeliveryReport {
      for (const line of recordLogLines(record)) log(line);
      const error = cause instanceof Error ? cause : new Error(String(cause));
      return { status: "logged", ...head, error };
    }

    return settleBefore(signal, append, toLog);
  };
}

/**
 * What `work` resolves to. When it rejects, or the signal aborts first, what `giveUp` makes of that:
 * called while the signal aborts and not after it, because whoever aborts may end the process next.
 */
function settleBefore<T>(
  signal: AbortSignal,
  work: () => Promise<T>,
  giveUp: (cause: unknown) => T,
): Promise<T> {
  return new Promise((resolve, reject) => {
    let isOver = false;
    function settle(make: () => T): void {
      if (isOver) return;
      isOver = true;
      signal.removeEventListener("abort", onAbort);
      try {
        resolve(make());
      } catch (error) {
        reject(error);
      }
    }
    const onAbort = () => settle(() => giveUp(signal.reason));
    signal.addEventListener("abort", onAbort, { once: true });
    if (signal.aborted) return onAbort();
    work().then(
      (value) => settle(() => value),
      (error) => settle(() => giveUp(error)),
    );
  });
}

function recordOf(report: RunReport): RunRecord {
  const { groupingKey, status, executionId = newExecutionId() } = report;
  const { lastStartTimestampSeconds, lastCompletionTimestampSeconds } = runCatalogue;
  const startedAt = gaugeValue(status, lastStartTimestampSeconds.name);
  if (report.type === "start") {
    return startRecord({ groupingKey, executionId, families: status, startedAt: startedAt ?? 0 });
  }
  const { outcome, results, runId } = report;
  return completionRecord({
    groupingKey,
    executionId,
    outcome,
    ...(runId === undefined ? {} : { runId }),
    ...(startedAt === undefined ? {} : { startedAt }),
    completedAt: gaugeValue(status, lastCompletionTimestampSeconds.name) ?? 0,
    families: [...status, ...results],
  });
}

/** The run-status families are the one place where a report says when it began and ended. */
function gaugeValue(families: readonly MetricFamily[], name: string): number | undefined {
  const family = families.find((each) => each.name === name);
  return family?.type === "gauge" ? family.samples[0]?.value : undefined;
}

/** Resolves after a while, or when the signal aborts. */
function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    const stop = () => {
      clearTimeout(timer);
      resolve();
    };
    signal.addEventListener("abort", stop, { once: true });
  });
}
