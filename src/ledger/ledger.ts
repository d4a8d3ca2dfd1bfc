import type { GroupingKey } from "../grouping-key.ts";
import type { RunRecord } from "../record/run-record.ts";

/**
 * A store of run records and totals, one set of them per group. Everything here is an operation on
 * single items; the protocol that makes counters right is written once, over these operations
 * (`fold-round.ts`), and is the same for every store.
 *
 * **Places.** A record is *pending* (P) after its append, *done* (D) once a snapshot holds it. A
 * group's *snapshots* (S) have versions 1, 2, 3 and so on, of which only the newest counts.
 *
 * **What an implementation must give.**
 *
 * - *Durable.* When a call resolves, what it says outlives a power failure. `readSnapshot`, `pending`
 *   and `done` must not tell of what could still be lost: others wrote it, perhaps a moment ago.
 * - *Single items are atomic.* A reader sees an item whole or not at all. Calls over several items
 *   (`putDone`, `deletePending`) need not be atomic together: they may stop anywhere in between.
 * - *Strongly consistent.* What one call wrote, a call that begins after it sees: `pending` lists
 *   every record whose append had resolved before it and that was not deleted, `done` finds every
 *   mark, `readSnapshot` gives the newest version.
 * - *At least once.* A call that rejects may have happened all the same (a lost answer). Every
 *   operation here may be repeated.
 * - *Concurrency.* Any number of processes call anything at any time, and may stop for ever, or for
 *   an hour, between two calls. No operation may rely on a lock or a clock for being right; the
 *   30 days of `prune` are the one place where time matters.
 * - *Ownership.* Values passed in and returned are never changed afterwards, by either side.
 *
 * All methods reject with `ERR_LEDGER_UNAVAILABLE` or `ERR_LEDGER_FULL` for what may pass, and with
 * `ERR_LEDGER_UNFIT` for a place that can hold no ledger.
 */
export type Ledger = RecordStore & {
  /**
   * Asks for the right to publish a group, which one publisher has at a time. Never waits: whoever
   * does not get it leaves, and the holder looks for new records once more after its release.
   */
  lease(group: GroupingKey): Promise<LeaseResult>;
  /** What publishers noted about a group, undefined before the first. For looking: needs no lease. */
  readPublishState(group: GroupingKey): Promise<StateItem | undefined>;
  /** Where it is, for messages: `file:/home/ada/.local/state/closing-bell`. */
  readonly place: string;
  /** The store's own name, random, made with it: two stores never share one. */
  ledgerId(): Promise<string>;
  /** Groups that ever had a record appended, in no order. */
  groups(): Promise<readonly GroupingKey[]>;
  /** A small item beside the groups, or undefined when there is none yet. */
  readState(name: string): Promise<StateItem | undefined>;
  /**
   * Writes version `item.version` of a small item if the newest one is the version before it
   * (compare-and-swap; the first version is 1).
   */
  writeState(name: string, item: StateItem): Promise<"won" | "lost">;
};

/**
 * `held`: somebody else has it; `holder` says who, for people (`process 4711`). A holder that is
 * stopped, e.g. by SIGSTOP, still has it.
 */
export type LeaseResult =
  | { readonly status: "taken"; readonly lease: Lease }
  | { readonly status: "held"; readonly holder: string };

/** The right to publish one group. Ends with its release or with the process that has it. */
export type Lease = {
  /** The newest publish state, undefined before the first. */
  readState(): Promise<StateItem | undefined>;
  /**
   * Writes the next version of the publish state.
   *
   * @throws {LeaseLostError} when somebody else has written one: this lease is no longer held, and
   * nothing more may be sent.
   */
  writeState(item: StateItem): Promise<void>;
  /** Gives it up. Safe to repeat. */
  release(): Promise<void>;
};

/** The part of a ledger that appending and folding need. */
export type RecordStore = {
  /**
   * Puts the record into P if nothing is there under its id: the commit point. Resolved, the run is
   * counted for ever; before, it is not. Safe to repeat.
   *
   * @throws {LedgerConflictError} when the execution was recorded before with other content.
   */
  append(record: RunRecord): Promise<AppendResult>;
  /**
   * P, in an order that does not change between two listings (so that nothing starves), lazily. An
   * item that is deleted while the listing goes on may be in it or not.
   */
  pending(group: GroupingKey): AsyncIterable<PendingItem>;
  /** The records that are in P under these ids. */
  readPending(group: GroupingKey, ids: readonly string[]): Promise<readonly RunRecord[]>;
  /** Removes from P. An id that is not there is none to remove. */
  deletePending(group: GroupingKey, ids: readonly string[]): Promise<void>;
  /** Which of these ids have a done mark. */
  done(group: GroupingKey, ids: readonly string[]): Promise<ReadonlySet<string>>;
  /** Puts done marks if absent: a mark that exists stays as it is. */
  putDone(group: GroupingKey, marks: readonly DoneMark[]): Promise<void>;
  /** The newest snapshot, undecoded; undefined before the first fold. */
  readSnapshot(group: GroupingKey): Promise<StoredSnapshot | undefined>;
  /**
   * Writes a snapshot if the newest version is the one before it. `won` must be certain: the winner
   * moves its records out of P. `lost` may be said of a snapshot that did win, if in doubt.
   */
  writeSnapshot(group: GroupingKey, snapshot: StoredSnapshot): Promise<"won" | "lost">;
  /**
   * Forgets done marks that are older than 30 days; a part of them at a time is enough. Called after
   * a fold that found nothing more to do. `version` is the newest snapshot's.
   */
  prune(group: GroupingKey, version: number): Promise<void>;
};

/**
 * - `appended`: it is in P now.
 * - `present`: this very record was appended before; an append that was repeated.
 * - `already_counted`: another execution of the same unit of work came first. Said when the store
 *   happens to know; `appended` may turn out to be a duplicate later, which the fold then drops.
 */
export type AppendResult = { readonly status: "appended" | "present" | "already_counted" };

export type PendingItem =
  | { readonly status: "record"; readonly record: RunRecord }
  | {
      /** Left alone by everybody who cannot read it. */
      readonly status: "unknown_format" | "unreadable";
      /** Where it is, for people. */
      readonly place: string;
      readonly problem: string;
    };

/** Says that a record was taken into a snapshot, and keeps it for repairs. */
export type DoneMark = {
  /** The version that holds it. */
  readonly version: number;
  /** Why it was not added, when it was not. */
  readonly rejected?: string;
  readonly record: RunRecord;
};

export type StoredSnapshot = {
  readonly version: number;
  /** As `encodeSnapshot` gave them. */
  readonly bytes: Buffer;
  /** Where it is, for messages. Set when read. */
  readonly place?: string;
};

export type StateItem = {
  /** 1 when it is first written. */
  readonly version: number;
  /** A few kilobytes of JSON. */
  readonly value: unknown;
};

/** How long a done mark is kept, in days: how late a repetition of an append is still recognised. */
export const DONE_MARK_DAYS = 30;
