/**
 * Every error this package throws on purpose. `code` is stable and made for programs; `message` is
 * made for the person who reads it at night: what was tried, on what, what came back, what to do.
 */
export abstract class ClosingBellError extends Error {
  abstract readonly code: string;
}

/** An option of a public function is missing, malformed or unknown. */
export class InvalidOptionError extends ClosingBellError {
  override readonly name = "InvalidOptionError";
  readonly code = "ERR_OPTION";
}

/** A grouping key that cannot name a group, or would put its data where nobody looks. */
export class InvalidGroupingKeyError extends ClosingBellError {
  override readonly name = "InvalidGroupingKeyError";
  readonly code = "ERR_GROUPING_KEY";
}

/** A metric that must not leave this process: the gateway, or every later scrape, would refuse it. */
export class InvalidMetricError extends ClosingBellError {
  override readonly name = "InvalidMetricError";
  readonly code = "ERR_METRIC";
  /** Name of the metric family at fault. */
  readonly metric: string;

  constructor(metric: string, problem: string) {
    super(`metric ${metric}: ${problem}`);
    this.metric = metric;
  }
}

/** A run that set trading families did not say whether they are backtest, paper or live figures. */
export class ModeError extends ClosingBellError {
  override readonly name = "ModeError";
  readonly code = "ERR_MODE";
}

/** Text that is not the Prometheus text exposition format 0.0.4. */
export class ExpositionError extends ClosingBellError {
  override readonly name = "ExpositionError";
  readonly code = "ERR_EXPOSITION";
  /** Line of the first fault, counted from 1. */
  readonly line: number;
  /** What is wrong with that line. */
  readonly problem: string;

  constructor(line: number, problem: string) {
    super(`text format parsing error in line ${line}: ${problem}`);
    this.line = line;
    this.problem = problem;
  }
}

export type PushErrorData = {
  /** HTTP status; absent when no whole answer arrived. */
  readonly status?: number;
  /** Whether the same request may succeed later. */
  readonly retryable: boolean;
  /** Nothing of the request left this machine. Default false: it may have been applied. */
  readonly notSent?: boolean;
  readonly cause?: unknown;
};

/** The gateway could not be reached, gave no whole answer in time, or answered with other than 200 or 202. */
export class PushError extends ClosingBellError {
  override readonly name = "PushError";
  readonly code = "ERR_PUSH";
  readonly status: number | undefined;
  readonly retryable: boolean;
  readonly notSent: boolean;

  constructor(message: string, { status, retryable, notSent = false, cause }: PushErrorData) {
    super(message, cause === undefined ? undefined : { cause });
    this.status = status;
    this.retryable = retryable;
    this.notSent = notSent;
  }
}

/** A run record that cannot be made or read: an id, a time or bytes that are none. */
export class RecordError extends ClosingBellError {
  override readonly name = "RecordError";
  readonly code = "ERR_RECORD";
}

/** A place that no ledger can live in. The message says what is wrong and what to do. */
export class LedgerUnfitError extends ClosingBellError {
  override readonly name = "LedgerUnfitError";
  readonly code = "ERR_LEDGER_UNFIT";
}

/** The ledger could not be written or read this time; nothing is half-written, and trying again is safe. */
export class LedgerUnavailableError extends ClosingBellError {
  override readonly name = "LedgerUnavailableError";
  readonly code = "ERR_LEDGER_UNAVAILABLE";
}

/** No room for another record or snapshot. What is there stays as it is; trying again is safe. */
export class LedgerFullError extends ClosingBellError {
  override readonly name = "LedgerFullError";
  readonly code = "ERR_LEDGER_FULL";
}

/** A group's newest totals, or what else the ledger needs, cannot be read. Appends go on. */
export class LedgerCorruptError extends ClosingBellError {
  override readonly name = "LedgerCorruptError";
  readonly code = "ERR_LEDGER_CORRUPT";
}

/** Something in the ledger was written by a newer closing-bell. It is left alone. */
export class LedgerFormatError extends ClosingBellError {
  override readonly name = "LedgerFormatError";
  readonly code = "ERR_LEDGER_FORMAT";
}

/** An execution was recorded under its id before, with other content. The first one stands. */
export class LedgerConflictError extends ClosingBellError {
  override readonly name = "LedgerConflictError";
  readonly code = "ERR_LEDGER_CONFLICT";
}

/** A group that a ledger publishes was to be pushed directly: its totals would be gone. */
export class LedgerGroupError extends ClosingBellError {
  override readonly name = "LedgerGroupError";
  readonly code = "ERR_LEDGER_GROUP";
}

/** Somebody else publishes the group now. Nothing more was sent; whoever has the lease goes on. */
export class LeaseLostError extends ClosingBellError {
  override readonly name = "LeaseLostError";
  readonly code = "ERR_LEASE_LOST";
}

export type LedgerMismatchData = {
  readonly ours: LedgerVersion;
  /** What the gateway shows. */
  readonly theirs: LedgerVersion;
};

/** A version of a group's totals, and whose. */
export type LedgerVersion = { readonly ledgerId: string; readonly version: number };

/**
 * The gateway shows totals that this ledger did not make, or newer ones than it has: a second ledger,
 * a restored backup, a lost state directory. Nothing was pushed: a lower total would be taken for a
 * counter reset.
 */
export class LedgerMismatchError extends ClosingBellError {
  override readonly name = "LedgerMismatchError";
  readonly code = "ERR_LEDGER_MISMATCH";
  readonly ours: LedgerVersion;
  readonly theirs: LedgerVersion;

  constructor(message: string, { ours, theirs }: LedgerMismatchData) {
    super(message);
    this.ours = ours;
    this.theirs = theirs;
  }
}

/** The configuration as a whole: every problem of every source in one error. */
export class ConfigError extends ClosingBellError {
  override readonly name = "ConfigError";
  readonly code = "ERR_CONFIG";
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.length === 1 ? `${problems[0]}` : `configuration:\n- ${problems.join("\n- ")}`);
    this.problems = problems;
  }
}

/** Input of a job (prices, results) that cannot be used. Names the source and the place in it. */
export class InvalidInputError extends ClosingBellError {
  override readonly name = "InvalidInputError";
  readonly code = "ERR_INPUT";
}

/** A source (broker, database, endpoint) did not say what it was asked; the value stays unknown. */
export class SourceError extends ClosingBellError {
  override readonly name = "SourceError";
  readonly code = "ERR_SOURCE";
  /** Name of the source, e.g. `portfolio`. */
  readonly source: string;

  constructor(source: string, problem: string, options: { readonly cause?: unknown } = {}) {
    super(`${source}: ${problem}`, options);
    this.source = source;
  }
}

/** Text of anything that was thrown, for messages. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** Anything that was thrown as an error: users' code may throw even what has no text. */
export function asError(thrown: unknown): Error {
  if (thrown instanceof Error) return thrown;
  try {
    return new Error(String(thrown));
  } catch {
    return new Error("something was thrown that has no text", { cause: thrown });
  }
}
