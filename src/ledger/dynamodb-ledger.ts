import { type Clock, systemClock } from "../clock.ts";
import { InvalidOptionError, LedgerCorruptError } from "../errors.ts";
import type { GroupingKey } from "../grouping-key.ts";
import { refuseUnknownKeys } from "../options.ts";
import type { RunRecord } from "../record/run-record.ts";
import { appendRecord, IF_ABSENT } from "./dynamodb/append.ts";
import {
  doneItem,
  identityItem,
  readIdentity,
  readPendingItem,
  readRegistration,
  readSnapshotItem,
  readStateItem,
  registrationItem,
  snapshotItem,
  stateItem,
  wasWrittenBy,
} from "./dynamodb/items.ts";
import {
  DONE,
  doneKey,
  GROUPS,
  groupKey,
  type ItemKey,
  LEASE,
  LEDGER_ID,
  PENDING,
  partitionOf,
  pendingKey,
  SNAPSHOT,
  stateKey,
} from "./dynamodb/keys.ts";
import { previous, takeLease } from "./dynamodb/lease.ts";
import type { TableOptions } from "./dynamodb/open-client.ts";
import { createReads, keyOf } from "./dynamodb/reads.ts";
import { openTable, type Written } from "./dynamodb/table.ts";
import type { Ledger } from "./ledger.ts";

export type DynamodbLedgerOptions = Omit<TableOptions, "requestTimeoutMs"> & {
  readonly clock?: Clock;
  /**
   * Longest time of one request, its repetitions and the search for credentials included.
   * Milliseconds, default 5000.
   */
  readonly requestTimeoutMs?: number;
  /**
   * Longest time that whoever has a lease waits for a gateway's answer: less of the lease than this
   * and 5 s, and nothing more is sent. Milliseconds, default 5000, as the push client's own.
   */
  readonly sendTimeoutMs?: number;
};

const TIMEOUT_MS = 5000;

/** Of DynamoDB. */
const TABLE_NAME = /^[A-Za-z0-9_.-]{3,255}$/;

/** Requests at once: fewer than the 50 connections that the SDK opens. */
const AT_ONCE = 25;

/**
 * A ledger in a table of DynamoDB, for any number of machines. What must hold rests on conditional
 * writes of single items and strongly consistent reads; only the lease looks at clocks
 * (`dynamodb/lease.ts`). `dynamodb/keys.ts` has the layout of the table, which has the partition key
 * `pk`, the sort key `sk` and, to forget done marks, `expires` as its time to live.
 *
 * Whoever appends needs `dynamodb:PutItem` and no more; who folds and publishes also `BatchGetItem`,
 * `Query`, `UpdateItem` and `DeleteItem`. The AWS SDK is loaded at the first call.
 *
 * @throws {InvalidOptionError} for unknown options, a name that no table can have, an endpoint that is
 * no URL, times that are none.
 */
export function createDynamodbLedger(options: DynamodbLedgerOptions): Ledger {
  const { clock = systemClock, sendTimeoutMs, requestTimeoutMs, ...place } = checked(options);
  const table = openTable({ ...place, requestTimeoutMs });
  const read = createReads(table);
  const registered = new Map<string, Promise<unknown>>();
  let identity: Promise<string> | undefined;

  /** Before the first record, once per process: whoever finds a record finds its group. */
  function register(group: GroupingKey): Promise<unknown> {
    const partition = partitionOf(group);
    const known =
      registered.get(partition) ??
      table.put("the group could not be recorded", registrationItem(group), IF_ABSENT);
    registered.set(partition, known);
    known.catch(() => registered.delete(partition));
    return known;
  }

  async function identify(): Promise<string> {
    const what = "the ledger could not be opened";
    const known = await read(what, LEDGER_ID);
    if (known !== undefined) return readIdentity(table.name, known);
    const id = crypto.randomUUID();
    const put = await table.put(what, identityItem(id), IF_ABSENT);
    if (put.status === "written") return id;
    // Somebody made it at the same moment, or it was this and the answer was lost.
    const made = put.found ?? (await read(what, LEDGER_ID));
    return readIdentity(table.name, made ?? {});
  }

  /** Whether a write on a condition was made, be it that the answer to its first attempt was lost. */
  async function wasWon(written: Written, key: ItemKey, write: string): Promise<"won" | "lost"> {
    if (written.status === "written") return "won";
    const found = written.found ?? (await read("it could not be seen who wrote", key));
    return wasWrittenBy(found, write) ? "won" : "lost";
  }

  async function* pending(group: GroupingKey) {
    const what = "the pending runs could not be listed";
    for await (const item of table.query(what, partitionOf(group), PENDING)) {
      yield readPendingItem(table.name, group, item);
    }
  }

  return {
    place: `dynamodb:${table.name}`,
    ledgerId() {
      identity ??= identify().catch((error) => {
        identity = undefined;
        throw error;
      });
      return identity;
    },
    async groups() {
      const groups: GroupingKey[] = [];
      for await (const item of table.query("the groups could not be listed", GROUPS)) {
        groups.push(readRegistration(table.name, item));
      }
      return groups;
    },
    async append(record) {
      await register(record.group);
      return appendRecord(table, record);
    },
    pending,
    async readPending(group, ids) {
      const keys = ids.map((id) => pendingKey(group, id));
      const items = await table.read("the pending runs could not be read", keys);
      return items.map((item): RunRecord => {
        const read = readPendingItem(table.name, group, item);
        if (read.status === "record") return read.record;
        throw new LedgerCorruptError(
          `${read.place} cannot be read: ${read.problem}. Remove it if it is not needed`,
        );
      });
    },
    deletePending: (group, ids) =>
      forEach(ids, (id) =>
        table.remove("counted runs could not be cleared", pendingKey(group, id)),
      ),
    async done(group, ids) {
      const keys = ids.map((id) => doneKey(group, id));
      const items = await table.read("the done marks could not be read", keys, ["pk", "sk"]);
      return new Set(items.map((item) => keyOf(item).sk.slice(DONE.length)));
    },
    putDone: (group, marks) =>
      forEach(marks, (mark) => {
        const item = doneItem(group, mark, clock.now());
        return table.put("runs could not be marked as counted", item, IF_ABSENT);
      }),
    async readSnapshot(group) {
      const key = groupKey(group, SNAPSHOT);
      const item = await read("the totals could not be read", key);
      return item === undefined ? undefined : readSnapshotItem(table.name, key, item);
    },
    async writeSnapshot(group, snapshot) {
      const write = crypto.randomUUID();
      const item = snapshotItem(group, snapshot, write);
      const what = "the totals could not be written";
      const written = await table.put(what, item, previous(snapshot.version));
      return wasWon(written, groupKey(group, SNAPSHOT), write);
    },
    // DynamoDB does it, by `expires`.
    async prune() {},
    async readState(name) {
      const key = stateKey(name);
      const item = await read(`the state ${name} could not be read`, key);
      return readStateItem(table.name, key, item);
    },
    async writeState(name, state) {
      const write = crypto.randomUUID();
      const what = `the state ${name} could not be written`;
      const item = stateItem(name, state, write);
      const written = await table.put(what, item, previous(state.version));
      return wasWon(written, stateKey(name), write);
    },
    async readPublishState(group) {
      const key = groupKey(group, LEASE);
      const item = await read("what was published could not be read", key);
      return readStateItem(table.name, key, item);
    },
    lease(group) {
      const { hostname } = process.getBuiltinModule("node:os");
      const readLease = () => read("it could not be seen who publishes", groupKey(group, LEASE));
      return takeLease({
        table,
        group,
        clock,
        sendTimeoutMs,
        holder: `process ${process.pid} on ${hostname()}`,
        read: readLease,
      });
    },
  };
}

function checked(options: DynamodbLedgerOptions) {
  const known = [
    "table",
    "region",
    "endpoint",
    "credentials",
    "clock",
    "requestTimeoutMs",
    "sendTimeoutMs",
  ];
  refuseUnknownKeys(options, known, "createDynamodbLedger");
  const times = { requestTimeoutMs: TIMEOUT_MS, sendTimeoutMs: TIMEOUT_MS };
  const { table, endpoint } = options;
  if (!TABLE_NAME.test(table)) {
    throw new InvalidOptionError(
      `createDynamodbLedger: table is ${JSON.stringify(table)}; expected 3 to 255 of A-Za-z0-9_.-`,
    );
  }
  if (endpoint !== undefined && !URL.canParse(endpoint)) {
    throw new InvalidOptionError("createDynamodbLedger: endpoint is not a URL");
  }
  const whole = { ...times, ...options };
  for (const name of ["requestTimeoutMs", "sendTimeoutMs"] as const) {
    if (whole[name] > 0 && whole[name] < 2 ** 31) continue;
    throw new InvalidOptionError(
      `createDynamodbLedger: ${name} must be a positive number of milliseconds, got ${whole[name]}`,
    );
  }
  return whole;
}

/** Some at a time. When one fails, the others have come to their end before the caller hears of it. */
async function forEach<T>(items: readonly T[], work: (item: T) => Promise<unknown>): Promise<void> {
  for (let from = 0; from < items.length; from += AT_ONCE) {
    const results = await Promise.allSettled(items.slice(from, from + AT_ONCE).map(work));
    const failed = results.find((result) => result.status === "rejected");
    if (failed !== undefined) throw failed.reason;
  }
}
