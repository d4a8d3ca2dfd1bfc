import { LeaseLostError, LedgerConflictError } from "../../src/errors.ts";
import { formatGroupingKey, type GroupingKey } from "../../src/grouping-key.ts";
import type {
  DoneMark,
  Lease,
  Ledger,
  StateItem,
  StoredSnapshot,
} from "../../src/ledger/ledger.ts";
import { encodeRecord } from "../../src/record/encoding.ts";
import { isUnitId, type RunRecord } from "../../src/record/run-record.ts";

type Group = {
  readonly key: GroupingKey;
  readonly pending: Map<string, RunRecord>;
  readonly done: Map<string, DoneMark>;
  snapshot: StoredSnapshot | undefined;
};

/** The ledger contract in its simplest form: maps. Keeps done marks for ever. */
export function createMemoryLedger(): Ledger {
  const groups = new Map<string, Group>();
  const states = new Map<string, StateItem>();
  /** Who publishes which group. */
  const leases = new Map<string, Lease>();

  function groupOf(key: GroupingKey): Group {
    const name = formatGroupingKey(key);
    const group = groups.get(name) ?? {
      key,
      pending: new Map(),
      done: new Map(),
      snapshot: undefined,
    };
    groups.set(name, group);
    return group;
  }

  const publishState = (key: GroupingKey) => `publish ${formatGroupingKey(key)}`;

  const ledger: Ledger = {
    place: "memory",
    ledgerId: async () => "memory",
    groups: async () => [...groups.values()].map(({ key }) => key),
    async append(record) {
      const { pending, done } = groupOf(record.group);
      const known = done.get(record.id)?.record ?? pending.get(record.id);
      if (known === undefined) {
        pending.set(record.id, record);
        return { status: "appended" };
      }
      if (encodeRecord(known).equals(encodeRecord(record))) return { status: "present" };
      if (isUnitId(record.id)) return { status: "already_counted" };
      throw new LedgerConflictError(`${record.id} was recorded before with other content`);
    },
    async *pending(key) {
      for (const [, record] of [...groupOf(key).pending].sort(([a], [b]) => (a < b ? -1 : 1))) {
        yield { status: "record", record };
      }
    },
    async readPending(key, ids) {
      return ids.flatMap((id) => groupOf(key).pending.get(id) ?? []);
    },
    async deletePending(key, ids) {
      for (const id of ids) groupOf(key).pending.delete(id);
    },
    async done(key, ids) {
      return new Set(ids.filter((id) => groupOf(key).done.has(id)));
    },
    async putDone(key, marks) {
      const { done } = groupOf(key);
      for (const mark of marks) if (!done.has(mark.record.id)) done.set(mark.record.id, mark);
    },
    async readSnapshot(key) {
      return groupOf(key).snapshot;
    },
    async writeSnapshot(key, snapshot) {
      const group = groupOf(key);
      if ((group.snapshot?.version ?? 0) !== snapshot.version - 1) return "lost";
      group.snapshot = snapshot;
      return "won";
    },
    async prune() {},
    async readState(name) {
      return states.get(name);
    },
    async writeState(name, item) {
      if ((states.get(name)?.version ?? 0) !== item.version - 1) return "lost";
      states.set(name, item);
      return "won";
    },
    readPublishState: (key) => ledger.readState(publishState(key)),
    async lease(key) {
      const name = publishState(key);
      if (leases.has(name)) return { status: "held", holder: `process ${process.pid}` };
      const lease: Lease = {
        readState: () => ledger.readState(name),
        async writeState(item) {
          if (leases.get(name) === lease && (await ledger.writeState(name, item)) === "won") return;
          throw new LeaseLostError(`the lease of ${name} is lost`);
        },
        async release() {
          if (leases.get(name) === lease) leases.delete(name);
        },
      };
      leases.set(name, lease);
      return { status: "taken", lease };
    },
  };
  return ledger;
}
