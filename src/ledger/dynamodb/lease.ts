import type { Clock } from "../../clock.ts";
import { LeaseLostError, LedgerUnavailableError } from "../../errors.ts";
import { formatGroupingKey, type GroupingKey } from "../../grouping-key.ts";
import type { Lease, LeaseResult, StateItem } from "../ledger.ts";
import type { Expression, Item } from "./expressions.ts";
import {
  FORMAT,
  placeOf,
  readStateItem,
  requireFormat,
  stateAttributes,
  wasWrittenBy,
} from "./items.ts";
import { groupKey, LEASE } from "./keys.ts";
import type { Table } from "./table.ts";

/**
 * The right to publish a group: a random id in the item `L`, and when it expires by the taker's wall
 * clock. Every write of the publish state is made on the condition that the id is still there.
 *
 * Why there is one sender at a time. The id changes only when nobody has it, or {@link SKEW_SECONDS}
 * after it has expired by the next taker's clock. A holder sends only if its request will have ended
 * by as long before the lease expires by its own clock ({@link LeaseRequest.sendTimeoutMs}). So two
 * clocks may be apart by the sum of both.
 *
 * It is the one thing that rests on clocks, and on no holder being stopped for half a minute between
 * its last look at the clock and its request. Such a one can show older totals, until the next publish;
 * it cannot make the totals wrong, and cannot note anything: its id is gone.
 */
export type LeaseRequest = {
  readonly table: Table;
  readonly group: GroupingKey;
  readonly clock: Clock;
  /** Longest time that a holder's request to a gateway takes, in milliseconds. */
  readonly sendTimeoutMs: number;
  /** Who asks, for people. */
  readonly holder: string;
  readonly read: () => Promise<Item | undefined>;
};

/** How long a lease holds from its taking, or from the last write of its state. */
const LEASE_SECONDS = 30;

/** How far clocks may be apart, given by the holder and by the taker. */
const SKEW_SECONDS = 5;

const IF_FREE =
  "(attribute_not_exists(#format) OR #format = :format) AND " +
  // Our own id: the answer to the first attempt was lost.
  "(attribute_not_exists(#leaseId) OR #leaseId = :id OR #leaseUntil < :expired)";

/** Takes the lease of a group, or says who has it. */
export async function takeLease(request: LeaseRequest): Promise<LeaseResult> {
  const { table, group, clock, holder, read } = request;
  const key = groupKey(group, LEASE);
  const id = crypto.randomUUID();
  const term = startTerm(clock);
  const change: Expression = {
    expression:
      "SET #format = :format, #leaseId = :id, #leaseUntil = :until, #leaseHolder = :holder",
    values: {
      ":format": FORMAT["format"] ?? { NULL: true },
      ":id": { S: id },
      ":until": { N: term.until.toFixed(3) },
      ":holder": { S: holder },
    },
  };
  const free: Expression = {
    expression: IF_FREE,
    values: { ":expired": { N: (clock.now() - SKEW_SECONDS).toFixed(3) } },
  };
  const what = "the right to publish could not be asked for";
  const taken = await table.update(what, key, change, free);
  if (taken.status === "refused") {
    const found = taken.found ?? (await read());
    if (found !== undefined) requireFormat(found, placeOf(table.name, key));
    return { status: "held", holder: found?.["leaseHolder"]?.S ?? "somebody who has left since" };
  }
  const state = readStateItem(table.name, key, taken.item);
  return { status: "taken", lease: leaseOf(request, { id, term, state }) };
}

type Held = { readonly id: string; readonly term: Term; readonly state: StateItem | undefined };

function leaseOf(
  { table, group, clock, sendTimeoutMs, read }: LeaseRequest,
  { id, term: first, state: found }: Held,
): Lease {
  const key = groupKey(group, LEASE);
  const name = formatGroupingKey(group);
  const margin = sendTimeoutMs / 1000 + SKEW_SECONDS;
  let term = first;
  let state = found;
  let released = false;

  /** @throws {LeaseLostError} when a request that is sent now may not end in time. */
  function requireTime(): void {
    const left = term.left();
    if (left >= margin) return;
    throw new LeaseLostError(
      `the right to publish ${name} ends in ${left.toFixed(1)} s, and a request to the gateway could take ${margin} s, ` +
        "clocks that are apart included: nothing more is sent. Every run stays recorded, and the next one publishes",
    );
  }

  return {
    // Nobody else can have written one: it was read as the lease was taken.
    readState: async () => state,
    async writeState(item) {
      if (released) {
        throw new LeaseLostError(
          `the right to publish ${name} was given up before its state ${item.version} was written: ` +
            "nothing was written, and nothing may be sent. This is a bug of closing-bell; the next run publishes",
        );
      }
      requireTime();
      const write = crypto.randomUUID();
      const next = startTerm(clock);
      const { version, value, write: by } = stateAttributes(item, write) as Required<Item>;
      const change: Expression = {
        expression:
          "SET #version = :version, #value = :value, #write = :write, #leaseUntil = :until",
        values: {
          ":version": version ?? { NULL: true },
          ":value": value ?? { NULL: true },
          ":write": by ?? { NULL: true },
          ":until": { N: next.until.toFixed(3) },
        },
      };
      const what = `what was published of ${name} could not be noted`;
      const ours: Expression = {
        expression: `#leaseId = :id AND ${previous(item.version).expression}`,
        values: { ":id": { S: id }, ...previous(item.version).values },
      };
      const written = await table.update(what, key, change, ours);
      if (written.status === "refused") {
        const other = written.found ?? (await read());
        // Our own write, whose answer was lost.
        if (!wasWrittenBy(other, write)) throw lostTo(other, name, item.version);
      }
      state = item;
      term = next;
      // It may have taken long.
      requireTime();
    },
    async release() {
      if (released) return;
      released = true;
      const change = { expression: "REMOVE #leaseId, #leaseUntil, #leaseHolder" };
      const ours = { expression: "#leaseId = :id", values: { ":id": { S: id } } };
      try {
        await table.update("the right to publish could not be given up", key, change, ours);
      } catch (error) {
        // Then it expires.
        if (!(error instanceof LedgerUnavailableError)) throw error;
      }
    },
  };
}

/** The condition of a write of a version: that the newest one is the one before it. */
export function previous(version: number): Expression {
  if (version === 1) return { expression: "attribute_not_exists(#version)" };
  return { expression: "#version = :previous", values: { ":previous": { N: `${version - 1}` } } };
}

type Term = {
  /** Unix seconds. */
  readonly until: number;
  /** Seconds. By the clock that went further: a wall clock may be set back, and the other may pause. */
  readonly left: () => number;
};

function startTerm(clock: Clock): Term {
  const now = clock.now();
  const monotonic = clock.monotonic();
  return {
    until: now + LEASE_SECONDS,
    left: () => LEASE_SECONDS - Math.max(clock.now() - now, clock.monotonic() - monotonic),
  };
}

function lostTo(item: Item | undefined, name: string, version: number): LeaseLostError {
  const holder = item?.["leaseHolder"]?.S;
  const who = holder === undefined ? "somebody else" : holder;
  return new LeaseLostError(
    `${who} publishes ${name}: its state ${version} was not written by this process, ` +
      "which sends nothing more. Every run stays recorded, and the next one publishes. " +
      "If this comes back, see whether clocks are apart, or functions are stopped for long",
  );
}
