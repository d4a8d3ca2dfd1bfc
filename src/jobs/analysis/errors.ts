import { ClosingBellError } from "../../errors.ts";

/** An agent gave no decision: its API refused or could not be reached, or the answer is none. */
export class AgentError extends ClosingBellError {
  override readonly name = "AgentError";
  readonly code = "ERR_AGENT";
  /** HTTP status; absent when no answer arrived, and for an answer that is no decision. */
  readonly status: number | undefined;

  constructor(
    message: string,
    { status, cause }: { readonly status?: number; readonly cause?: unknown } = {},
  ) {
    super(message, cause === undefined ? undefined : { cause });
    this.status = status;
  }
}

/** A ticker that there is no decision for, and why. */
export type TickerFailure = {
  readonly ticker: string;
  /** Message of the error. */
  readonly reason: string;
};

/** Failures that the message names; the others are in `failures`. */
const NAMED = 5;

/** Every ticker failed. `cause` is the first one's error. */
export class AnalysisError extends ClosingBellError {
  override readonly name = "AnalysisError";
  readonly code = "ERR_ANALYSIS";
  /** In the order of the tickers. */
  readonly failures: readonly TickerFailure[];

  constructor(failures: readonly TickerFailure[], cause: unknown) {
    const named = failures.slice(0, NAMED).map(({ ticker, reason }) => `${ticker}: ${reason}`);
    const others = failures.length > NAMED ? ` (and ${failures.length - NAMED} more)` : "";
    const all = failures.length === 1 ? "the only ticker" : `all ${failures.length} tickers`;
    super(`analysis: ${all} failed: ${named.join("; ")}${others}`, { cause });
    this.failures = failures;
  }
}
