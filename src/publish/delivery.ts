import type { ClosingBellError } from "../errors.ts";
import type { GroupingKey } from "../grouping-key.ts";
import type { RunOutcome } from "../metrics/catalogue.ts";
import type { MetricFamily } from "../metrics/exposition/family.ts";
import type { GroupPublication } from "./publish-group.ts";

/**
 * Takes what one run reports to where it counts. Handed to `createRunJob`; may throw or hang, the
 * run is guarded against both.
 *
 * @param signal aborts at the deadline; nothing may be sent after it.
 */
export type Delivery = (report: RunReport, signal: AbortSignal) => Promise<DeliveryReport>;

/** What a run tells when it starts (if it is asked to), when it ends, and after that. */
export type RunReport = StartReport | CompletionReport | LateReport;

export type StartReport = {
  readonly type: "start";
  readonly groupingKey: GroupingKey;
  /** One execution of the job, random; the same in its start and its completion. */
  readonly executionId?: string;
  /** The run-status families known at the start. */
  readonly status: readonly MetricFamily[];
};

export type CompletionReport = {
  readonly type: "completion";
  readonly groupingKey: GroupingKey;
  /** One execution of the job, random; the same in its start and its completion. */
  readonly executionId?: string;
  /** The unit of work, when the caller named it: its success counts once. */
  readonly runId?: string;
  readonly outcome: RunOutcome;
  /** Start and end of the run, the outcome, the exit code: told by every run. */
  readonly status: readonly MetricFamily[];
  /** What the run's body instrumented. */
  readonly results: readonly MetricFamily[];
  /** Whether the body still runs. There is hardly time to record it then, and none to publish. */
  readonly isEarly?: boolean;
};

/** What was counted since the run was closed: it adds to the totals, and says nothing of how it ended. */
export type LateReport = {
  readonly type: "late";
  readonly groupingKey: GroupingKey;
  /** The same as in the completion. */
  readonly executionId: string;
  /** Distinguishes the late reports of one execution. Letters, digits and `_`. */
  readonly part: string;
  /** When this was read. Unix seconds. */
  readonly at: number;
  readonly results: readonly MetricFamily[];
};

/** What came of publishing the group's totals after a run was recorded. */
export type Publication =
  | GroupPublication
  /** Nothing was tried: it is left to whoever publishes next. */
  | { readonly status: "waiting"; readonly reason: string };

export type DeliveryReport = (
  | {
      /** The gateway confirmed it. */
      readonly status: "delivered";
      readonly verb: "PUT" | "POST";
      readonly groupingKey: GroupingKey;
      /** The gateway's base URL, without credentials. */
      readonly gateway: string;
      readonly series: number;
      readonly seconds: number;
      /** The gateway runs without its consistency check: taken, but nobody looked at it. */
      readonly unchecked?: true;
      /** Counters and histograms that were left out: they need a ledger. */
      readonly leftOut: readonly string[];
    }
  | {
      /** It is in the ledger: counted for ever, whatever came of publishing it. */
      readonly status: "recorded";
      readonly groupingKey: GroupingKey;
      /** The record's id. */
      readonly id: string;
      /** The ledger's place. */
      readonly ledger: string;
      readonly publication: Publication;
    }
  | {
      /** Another execution of the same unit of work was recorded before. Nothing was added. */
      readonly status: "already_counted";
      readonly groupingKey: GroupingKey;
      readonly id: string;
      readonly runId: string;
      readonly ledger: string;
      readonly publication: Publication;
    }
  | {
      /** The ledger could not take it. The whole record is in the log; `closing-bell replay` commits it. */
      readonly status: "logged";
      readonly groupingKey: GroupingKey;
      readonly id: string;
      readonly ledger: string;
      /** Why. */
      readonly error: Error;
    }
  | {
      /** Never sent: the report itself, or the configuration, is at fault. */
      readonly status: "refused";
      readonly error: ClosingBellError;
    }
  | {
      /** Sent or tried, not confirmed. */
      readonly status: "failed";
      readonly error: Error;
    }
  | {
      /** There is nowhere to deliver to. */
      readonly status: "disabled";
      readonly reason: string;
    }
) & {
  /** Updates that the helpers refused during the run, e.g. a daily PnL of NaN. */
  readonly refusals?: readonly string[];
};
