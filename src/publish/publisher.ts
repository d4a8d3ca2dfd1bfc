import { setTimeout as delay } from "node:timers/promises";
import { type Clock, systemClock } from "../clock.ts";
import {
  asError,
  ClosingBellError,
  InvalidOptionError,
  LeaseLostError,
  PushError,
} from "../errors.ts";
import type { GroupingKey } from "../grouping-key.ts";
import type { Ledger } from "../ledger/ledger.ts";
import { refuseUnknownKeys } from "../options.ts";
import type { PushClient } from "../push/client.ts";
import { type GatewayGroup, readGroups } from "../push/groups.ts";
import { type Barrier, barrier as realBarrier } from "./barrier.ts";
import { holdSecondsOf } from "./births.ts";
import { hasPending, publicationIfCurrent } from "./current.ts";
import { type Look, lookAt } from "./look.ts";
import { mapSome } from "./map-some.ts";
import { type GroupPublication, type PublishContext, publishUnderLease } from "./publish-group.ts";
import { mayRepeat } from "./push-error.ts";

export type PublisherOptions = {
  readonly ledger: Ledger;
  readonly client: PushClient;
  /**
   * How often Prometheus scrapes the gateway, in seconds: a new label set is shown as 0 for twice as
   * long. 0 shows values at once. Default 60, Prometheus's own default.
   */
  readonly scrapeIntervalSeconds?: number;
  /** Longest time that one group takes. Milliseconds, default 10000. */
  readonly groupTimeoutMs?: number;
  readonly clock?: Clock;
  /** For proofs that it is needed. */
  readonly barrier?: Barrier;
};

/** Takes totals from a ledger to a gateway. */
export type Publisher = {
  /** Publishes a group's totals, with all that is recorded. Never rejects. */
  publish(group: GroupingKey, options?: PublishCall): Promise<GroupPublication>;
  /**
   * Publishes every group that needs it: with new records, with values that need no longer be held,
   * not confirmed, missing at the gateway or behind there. The others are left alone.
   *
   * @throws {PushError} when the gateway cannot be read, and what the ledger throws.
   */
  publishAll(options?: PublishAllCall): Promise<readonly GroupPublication[]>;
};

export type PublishCall = {
  /** Ends it early. A push that is under way may be applied all the same. */
  readonly signal?: AbortSignal;
};

export type PublishAllCall = PublishCall & {
  /** Only these. Default every group of the ledger. */
  readonly groups?: readonly GroupingKey[];
};

const DEFAULT_SCRAPE_INTERVAL_SECONDS = 60;

/** Longest time that one group takes unless told otherwise. Milliseconds. */
export const GROUP_TIMEOUT_MS = 10_000;

/** Times that one call begins again for what was recorded meanwhile. */
const MAX_REPEATS = 2;

/** Longest pause before the second try; full jitter, so that many jobs do not return at once. */
const MAX_BACKOFF_MS = 250;

/** Groups published at once. */
const AT_ONCE = 4;

/** @throws {InvalidOptionError} for unknown options and for times that are none. */
export function createPublisher(options: PublisherOptions): Publisher {
  refuseUnknownKeys(
    options,
    ["ledger", "client", "scrapeIntervalSeconds", "groupTimeoutMs", "clock", "barrier"],
    "createPublisher",
  );
  const {
    ledger,
    client,
    scrapeIntervalSeconds = DEFAULT_SCRAPE_INTERVAL_SECONDS,
    groupTimeoutMs = GROUP_TIMEOUT_MS,
    clock = systemClock,
    barrier = realBarrier,
  } = options;
  if (!(scrapeIntervalSeconds >= 0 && scrapeIntervalSeconds < Number.POSITIVE_INFINITY)) {
    throw new InvalidOptionError(
      `createPublisher: scrapeIntervalSeconds must be a number of seconds from 0, got ${scrapeIntervalSeconds}`,
    );
  }
  if (!(groupTimeoutMs > 0 && groupTimeoutMs < 2 ** 31)) {
    throw new InvalidOptionError(
      `createPublisher: groupTimeoutMs must be a positive number of milliseconds, got ${groupTimeoutMs}`,
    );
  }
  const holdSeconds = holdSecondsOf(scrapeIntervalSeconds);
  const context: PublishContext = { ledger, client, clock, barrier, holdSeconds };

  /** Takes the lease, publishes, releases. */
  async function attempt(
    group: GroupingKey,
    signal: AbortSignal,
    seen: Look | undefined,
  ): Promise<GroupPublication> {
    const taken = await ledger.lease(group);
    if (taken.status === "held") {
      return { groupingKey: group, status: "busy", holder: taken.holder };
    }
    const { lease } = taken;
    try {
      const options = seen === undefined ? { signal } : { signal, seen };
      return await publishUnderLease(context, group, lease, options);
    } finally {
      await lease.release();
    }
  }

  async function settle(
    group: GroupingKey,
    signal: AbortSignal,
    seen: Look | undefined,
  ): Promise<GroupPublication> {
    try {
      return await attempt(group, signal, seen);
    } catch (error) {
      return failureOf(group, error);
    }
  }

  async function publishWithin(
    group: GroupingKey,
    signal: AbortSignal,
    seen?: Look,
  ): Promise<GroupPublication> {
    let result = await settle(group, signal, seen);
    if (result.status === "failed" && mayRepeat(result.error) && !signal.aborted) {
      await delay(Math.random() * MAX_BACKOFF_MS, undefined, { signal }).catch(() => {});
      if (!signal.aborted) result = await settle(group, signal, undefined);
    }
    // Whoever found the lease taken left their records to its holder. After its release, or one who
    // came in between would be missed.
    for (let repeats = 0; repeats < MAX_REPEATS && isDone(result); repeats++) {
      if (signal.aborted || !(await isWaiting(group))) break;
      const next = await settle(group, signal, undefined);
      if (next.status === "busy") break;
      result = next;
    }
    return result;
  }

  /** Whether something was recorded meanwhile. What cannot be listed is left to the next publish. */
  function isWaiting(group: GroupingKey): Promise<boolean> {
    return hasPending(ledger, group).catch(() => false);
  }

  async function heal(
    group: GroupingKey,
    groups: readonly GatewayGroup[],
    outer: AbortSignal | undefined,
  ): Promise<GroupPublication> {
    const seen = lookAt(groups, group);
    try {
      const current = await publicationIfCurrent(context, group, seen);
      if (current !== undefined) return current;
    } catch (error) {
      return failureOf(group, error);
    }
    return bounded(groupTimeoutMs, outer, (signal) => publishWithin(group, signal, seen));
  }

  return {
    publish: (group, { signal } = {}) =>
      bounded(groupTimeoutMs, signal, (ends) => publishWithin(group, ends)),
    async publishAll({ signal, groups: only } = {}) {
      const groups = only ?? (await ledger.groups());
      if (groups.length === 0) return [];
      const shown = await readGroups(client, signal === undefined ? {} : { signal });
      return mapSome(groups, AT_ONCE, (group) => heal(group, shown, signal));
    },
  };
}

/** Others may have found the lease taken meanwhile. */
function isDone({ status }: GroupPublication): boolean {
  return status === "published" || status === "current" || status === "removed";
}

function failureOf(groupingKey: GroupingKey, thrown: unknown): GroupPublication {
  if (thrown instanceof LeaseLostError) {
    return { groupingKey, status: "busy", holder: "another publisher" };
  }
  const isTransient =
    !(thrown instanceof ClosingBellError) ||
    (thrown instanceof PushError && thrown.retryable) ||
    thrown.code === "ERR_LEDGER_UNAVAILABLE" ||
    thrown.code === "ERR_LEDGER_FULL";
  if (!isTransient) return { groupingKey, status: "refused", error: thrown };
  return { groupingKey, status: "failed", error: asError(thrown) };
}

/** Runs `work` with a signal that also aborts after a time. */
export async function bounded<T>(
  milliseconds: number,
  outer: AbortSignal | undefined,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const deadline = new AbortController();
  // Not AbortSignal.timeout: that timer lets the process end while a push is under way.
  const timer = setTimeout(() => {
    deadline.abort(new Error(`publishing took longer than ${milliseconds} ms and was given up`));
  }, milliseconds);
  try {
    return await work(AbortSignal.any(outer ? [deadline.signal, outer] : [deadline.signal]));
  } finally {
    clearTimeout(timer);
  }
}
