import { asError, LedgerConflictError, LedgerUnfitError } from "../errors.ts";
import type { GroupingKey } from "../grouping-key.ts";
import type { AppendResult, Ledger } from "../ledger/ledger.ts";
import { runCatalogue } from "../metrics/catalogue.ts";
import { gaugeValue, type MetricFamily } from "../metrics/exposition/family.ts";
import { recordLogLines } from "../record/log-lines.ts";
import {
  completionRecord,
  lateRecord,
  newExecutionId,
  type RunRecord,
  startRecord,
} from "../record/run-record.ts";
import type { Delivery, DeliveryReport, Publication, RunReport } from "./delivery.ts";

export type LedgerDeliveryOptions = {
  readonly ledger: Ledger;
  /** Takes one line of the log at a time, at once: the last place a record can go to. */
  readonly log: (line: string) => void;
  /** Publishes a group after something was recorded in it. Default: that is left to others. */
  readonly publish?: (group: GroupingKey, signal: AbortSignal) => Promise<Publication>;
  /** Appends that are tried in all. Default 3. */
  readonly attempts?: number;
  /** Pause before the second attempt; the ones after it double it. Milliseconds, default 50. */
  readonly retryDelayMs?: number;
};

/**
 * Appends each report to a ledger, which adds it to its group's totals exactly once, and then has
 * the group's totals published. Never sends a run's own counts: that would be the error that ledgers
 * are for.
 *
 * A start is published while the run goes on. Its end is recorded first, whatever publishing does.
 * A run that is closed before its body has ended, and what it counts later, are only recorded.
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
  publish = async () => LEFT_TO_OTHERS,
  attempts = 3,
  retryDelayMs = 50,
}: LedgerDeliveryOptions): Delivery {
  /** Publications of starts that are under way, by their executions. */
  const announcing = new Map<string, Announcement>();

  /** Commits the record: to the ledger, or whole to the log. */
  function commit(record: RunRecord, signal: AbortSignal): Promise<Commitment> {
    async function append(): Promise<Commitment> {
      for (let attempt = 1; ; attempt++) {
        try {
          return await ledger.append(record);
        } catch (error) {
          if (error instanceof LedgerConflictError) return { status: "refused", error };
          // Whoever waits no longer has heard of the log already.
          const isLast = attempt === attempts || error instanceof LedgerUnfitError;
          if (isLast || signal.aborted) throw error;
          await pause(retryDelayMs * 2 ** (attempt - 1), signal);
        }
      }
    }
    return settleBefore(signal, append, (cause) => {
      for (const line of recordLogLines(record)) log(line);
      return { status: "logged", error: asError(cause) };
    });
  }

  function announce({ executionId, group }: RunRecord): void {
    const ends = new AbortController();
    const over = publish(group, ends.signal)
      // Told by the publication of the run's end, which goes the same way.
      .catch(() => {})
      .finally(() => announcing.delete(executionId));
    announcing.set(executionId, { ends, over });
  }

  async function publishEnd(record: RunRecord, signal: AbortSignal): Promise<Publication> {
    const { group, executionId } = record;
    const announcement = announcing.get(executionId);
    const stop = () => announcement?.ends.abort(signal.reason);
    signal.addEventListener("abort", stop, { once: true });
    if (signal.aborted) stop();
    async function publishInTurn(): Promise<Publication> {
      await announcement?.over;
      return publish(group, signal);
    }
    const failed = (cause: unknown): Publication => {
      return { groupingKey: group, status: "failed", error: asError(cause) };
    };
    try {
      return await settleBefore(signal, publishInTurn, failed);
    } finally {
      signal.removeEventListener("abort", stop);
    }
  }

  async function deliver(
    record: RunRecord,
    report: RunReport,
    signal: AbortSignal,
  ): Promise<DeliveryReport> {
    const head = { groupingKey: record.group, id: record.id, ledger: ledger.place };
    const commitment = await commit(record, signal);
    switch (commitment.status) {
      case "refused":
        return commitment;
      case "logged":
        return { ...head, ...commitment };
      default: {
        if (commitment.status === "already_counted") await commit(repetition(record), signal);
        if (report.type === "start") announce(record);
        const isLast = report.type === "completion" && report.isEarly !== true;
        const publication = isLast ? await publishEnd(record, signal) : LEFT_TO_OTHERS;
        if (commitment.status !== "already_counted") {
          return { status: "recorded", ...head, publication };
        }
        const { runId = "" } = record;
        return { status: commitment.status, ...head, runId, publication };
      }
    }
  }

  return async (report, signal) => {
    const record = recordOf(report);
    try {
      return await deliver(record, report, signal);
    } finally {
      // Whatever became of the end: nobody waits for the publication of the start any more.
      if (report.type === "completion") announcing.get(record.executionId)?.ends.abort();
    }
  };
}

/** What became of a record. */
type Commitment =
  | AppendResult
  | { readonly status: "refused"; readonly error: LedgerConflictError }
  | { readonly status: "logged"; readonly error: Error };

type Announcement = { readonly ends: AbortController; readonly over: Promise<unknown> };

const LEFT_TO_OTHERS: Publication = {
  status: "waiting",
  reason: "it is left to `closing-bell publish`",
};

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

/**
 * What is told of a run whose unit of work was counted before: its times and how it ended, under its
 * own execution. Without it, its announced start would look like a run that never ended.
 */
function repetition({ group, executionId, time, families }: RunRecord): RunRecord {
  const gauges = families.flatMap((family): MetricFamily[] => {
    const { name, type } = family;
    return type === "gauge" ? [{ type, name, samples: family.samples }] : [];
  });
  return lateRecord({
    groupingKey: group,
    executionId,
    part: "repetition",
    at: time,
    families: gauges,
  });
}

function recordOf(report: RunReport): RunRecord {
  if (report.type === "late") {
    const { groupingKey, executionId, part, at, results: families } = report;
    return lateRecord({ groupingKey, executionId, part, at, families });
  }
  const { groupingKey, status, executionId = newExecutionId() } = report;
  const { lastStartTimestampSeconds, lastCompletionTimestampSeconds } = runCatalogue;
  // The run-status families are the one place where a report says when it began and ended.
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
