import { InvalidMetricError, LedgerGroupError } from "../errors.ts";
import { formatGroupingKey, type GroupingKey } from "../grouping-key.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { MetricFamily } from "../metrics/exposition/family.ts";
import { type Exposition, expositionOf } from "../push/body.ts";
import type { PushClient, PushReceipt } from "../push/client.ts";
import { type Barrier, barrier as realBarrier } from "./barrier.ts";
import { inTime } from "./in-time.ts";
import { leavesNothing, mayRepeat } from "./push-error.ts";

export type DirectPushOptions = {
  readonly client: PushClient;
  /** Groups that it knows are refused. */
  readonly ledger?: Pick<Ledger, "groups">;
  /** For proofs that it is needed. */
  readonly barrier?: Barrier;
};

export type DirectPushCall = {
  /** `PUT` replaces the group, `POST` the families that are given. */
  readonly verb: "PUT" | "POST";
  readonly signal: AbortSignal;
};

/** What was pushed. */
export type DirectReceipt = PushReceipt & { readonly series: number };

export type DirectPush = (
  key: GroupingKey,
  families: readonly MetricFamily[],
  call: DirectPushCall,
) => Promise<DirectReceipt>;

/** How long a ledger may take to say which groups are its own, in milliseconds. */
const LEDGER_TIMEOUT_MS = 1000;

/** Attempts in all: every one replaces, and a barrier stands between them. */
const ATTEMPTS = 2;

/**
 * Pushes sets of gauges past the ledger, so that what matters now (the kill switch) arrives even when
 * the ledger is down. Never counters: those of one process are not totals. Never into a group that a
 * ledger publishes, whose totals would be gone.
 *
 * The push function rejects with {InvalidMetricError} or {LedgerGroupError} before anything is sent,
 * and with {PushError}. An unconfirmed push is followed by a barrier, so that an older set of gauges
 * never replaces a newer one.
 */
export function createDirectPush({
  client,
  ledger,
  barrier = realBarrier,
}: DirectPushOptions): DirectPush {
  /** Groups with a push that may still be applied. */
  const unconfirmed = new Set<string>();
  /** The last push to each group: one after the other, so that the newest is the last. */
  const turns = new Map<string, Promise<unknown>>();

  async function send(
    key: GroupingKey,
    body: Exposition,
    { verb, signal }: DirectPushCall,
  ): Promise<PushReceipt> {
    const name = formatGroupingKey(key);
    const push = verb === "PUT" ? client.push : client.pushAdd;
    for (let attempt = 1; ; attempt++) {
      if (unconfirmed.has(name)) await barrier(client, signal);
      unconfirmed.add(name);
      try {
        const receipt = await push(key, body, { signal, attempts: 1 });
        unconfirmed.delete(name);
        return receipt;
      } catch (error) {
        if (leavesNothing(error)) unconfirmed.delete(name);
        if (attempt === ATTEMPTS || !mayRepeat(error) || signal.aborted) throw error;
      }
    }
  }

  return async (key, families, call) => {
    const counting = families.find(isCounting);
    if (counting !== undefined) {
      throw new InvalidMetricError(
        counting.name,
        `is a ${counting.type}: a direct push takes gauges; counts of one process are no totals, a ledger adds them up`,
      );
    }
    const name = formatGroupingKey(key);
    // A ledger that cannot be asked is no reason to keep a kill switch back.
    const asked = ledger?.groups().catch(() => []) ?? Promise.resolve([]);
    const known = await inTime(LEDGER_TIMEOUT_MS, asked, () => []);
    if (known.some((group) => formatGroupingKey(group) === name)) {
      throw new LedgerGroupError(
        `${name} is a group of the ledger: pushed directly, its totals would be lost at the gateway. Use another grouping key`,
      );
    }
    const body = expositionOf(key, families);
    const turn = (turns.get(name) ?? Promise.resolve()).then(() => send(key, body, call));
    turns.set(
      name,
      turn.catch(() => {}),
    );
    return { ...(await turn), series: body.series };
  };
}

/** What adds up over runs. */
export function isCounting({ type }: MetricFamily): boolean {
  return type === "counter" || type === "histogram";
}
