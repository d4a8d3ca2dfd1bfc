import { join } from "node:path";
import { type Clock, systemClock } from "../clock.ts";
import { ClosingBellError, LedgerConflictError, LedgerCorruptError, messageOf } from "../errors.ts";
import { formatGroupingKey, type GroupingKey, groupingKey } from "../grouping-key.ts";
import { encodeRecord } from "../record/encoding.ts";
import { isUnitId, type RunRecord, sha256 } from "../record/run-record.ts";
import {
  linkNew,
  listNames,
  makeDirectory,
  putIfAbsent,
  readIfPresent,
  removeFile,
  removeOlder,
  removeTemporaries,
  syncDirectory,
} from "./file/durable.ts";
import { type FileSystem, isMissing, ledgerError, realFileSystem } from "./file/file-system.ts";
import {
  decodeDoneMark,
  donePath,
  encodeDoneMark,
  groupPaths,
  makeGroup,
  pendingPath,
  readPendingFile,
} from "./file/group-files.ts";
import { takeLease } from "./file/lease.ts";
import { openStateDirectory, type StoreIdentity } from "./file/state-directory.ts";
import { listVersions, readNewest, readVersion, writeVersion } from "./file/versions.ts";
import { type AppendResult, DONE_MARK_DAYS, type Ledger } from "./ledger.ts";
import type { Repairable } from "./repair.ts";

export type FileLedgerOptions = {
  /** The state directory. Absolute. Made if it does not exist. */
  readonly directory: string;
  readonly clock?: Clock;
  /** Strange machines, for tests. */
  readonly fs?: Partial<FileSystem>;
  /** Snapshots kept per group, the newest among them. Default 20. */
  readonly keptSnapshots?: number;
};

export type FileLedger = Ledger & Repairable;

const KEPT_SNAPSHOTS = 20;

/** Files written or read at once: Node's thread pool has four threads. */
const AT_ONCE = 16;

/** One directory of done marks is gone through every so many versions: a little work each time. */
const PRUNE_EVERY = 16;

const DAY_SECONDS = 86_400;

/**
 * A ledger of files, for one user on one machine. What must hold rests on link(2) alone, which
 * creates a whole file under a name that nothing has: no locks, no clocks, nothing rewritten.
 * `docs/ledger.md` has the layout. Over 250 lines: the contract's operations in one place, each a few
 * lines over `file/`.
 */
export function createFileLedger({
  directory: root,
  clock = systemClock,
  fs: given = {},
  keptSnapshots: kept = KEPT_SNAPSHOTS,
}: FileLedgerOptions): FileLedger {
  const fs: FileSystem = { ...realFileSystem, ...given };
  let opened: Promise<StoreIdentity> | undefined;

  /** Checked once per process. A place that was unfit may be mended, so a failure is not kept. */
  function open(): Promise<StoreIdentity> {
    opened ??= openStateDirectory(fs, root).catch((error) => {
      opened = undefined;
      throw error;
    });
    return opened;
  }

  /** Does something in the opened directory; says what could not be done when it fails. */
  async function within<T>(what: string, work: () => Promise<T>): Promise<T> {
    try {
      await open();
      return await work();
    } catch (error) {
      throw error instanceof ClosingBellError ? error : ledgerError(what, root, error);
    }
  }

  async function readDone(group: GroupingKey, id: string) {
    const { path } = donePath(groupPaths(root, group), id);
    const bytes = await readIfPresent(path);
    if (bytes === undefined) return undefined;
    try {
      return decodeDoneMark(bytes);
    } catch (error) {
      throw unreadable(path, messageOf(error), error);
    }
  }

  async function putPending(record: RunRecord, bytes: Buffer): Promise<boolean> {
    const path = pendingPath(groupPaths(root, record.group), record.id);
    try {
      return await putIfAbsent(fs, path, bytes);
    } catch (error) {
      if (!isMissing(error)) throw error;
      await makeGroup(fs, root, record.group);
      return putIfAbsent(fs, path, bytes);
    }
  }

  /** What an append means that finds a record under its id. */
  function compare(record: RunRecord, ours: string, theirs: string): AppendResult {
    if (theirs === ours) return { status: "present" };
    if (isUnitId(record.id)) return { status: "already_counted" };
    throw new LedgerConflictError(
      `the execution ${record.executionId} of ${formatGroupingKey(record.group)} was recorded before ` +
        `with other content (${record.id}); the first record stands. An execution id names one execution: make a new one each time`,
    );
  }

  async function append(record: RunRecord): Promise<AppendResult> {
    const bytes = encodeRecord(record);
    const hash = sha256(bytes);
    for (;;) {
      const mark = await readDone(record.group, record.id);
      if (mark !== undefined) return compare(record, hash, mark.hash);
      if (await putPending(record, bytes)) return { status: "appended" };
      const path = pendingPath(groupPaths(root, record.group), record.id);
      const item = await readPendingFile(path);
      // Folded since: it has a mark by now.
      if (item === undefined) continue;
      if (item.status !== "record") throw unreadable(item.place, item.problem);
      return compare(record, hash, sha256(encodeRecord(item.record)));
    }
  }

  async function putDone(group: GroupingKey, marks: Parameters<Ledger["putDone"]>[1]) {
    const paths = groupPaths(root, group);
    const directories = new Set<string>();
    await inChunks(marks, async (mark) => {
      const { directory, path } = donePath(paths, mark.record.id);
      directories.add(directory);
      const bytes = encodeDoneMark(mark);
      try {
        await linkNew(fs, path, bytes);
      } catch (error) {
        if (!isMissing(error)) throw error;
        await makeDirectory(fs, directory);
        await linkNew(fs, path, bytes);
      }
    });
    await inChunks([...directories], (directory) => syncDirectory(fs, directory));
  }

  async function* pending(group: GroupingKey) {
    const what = "the pending runs could not be listed";
    const { pending: directory } = groupPaths(root, group);
    const names = await within(what, async () => {
      const listed = await listNames(directory);
      // Totals must not outlive a record whose append had no time to become durable: it comes again.
      if (listed.length > 0) await syncDirectory(fs, directory);
      return listed;
    });
    for (let from = 0; from < names.length; from += AT_ONCE) {
      const chunk = names.slice(from, from + AT_ONCE).map((name) => join(directory, name));
      for (const item of await within(what, () => Promise.all(chunk.map(readPendingFile)))) {
        if (item !== undefined) yield item;
      }
    }
  }

  async function groups(): Promise<readonly GroupingKey[]> {
    const found: GroupingKey[] = [];
    for (const name of await listNames(join(root, "groups"))) {
      const path = join(root, "groups", name, "group.json");
      const bytes = await readIfPresent(path);
      // Its maker is at it, and has recorded nothing yet.
      if (bytes === undefined) continue;
      try {
        const { job, labels } = JSON.parse(bytes.toString("utf8"));
        found.push(groupingKey(job, labels));
      } catch (error) {
        throw unreadable(path, messageOf(error), error);
      }
    }
    return found;
  }

  /** See {@link PRUNE_EVERY}: directory after directory, so that each has its turn. */
  async function prune(group: GroupingKey, version: number): Promise<void> {
    if (version % PRUNE_EVERY !== 0) return;
    const paths = groupPaths(root, group);
    const turn = Math.floor(version / PRUNE_EVERY) % 256;
    const directory = join(paths.done, turn.toString(16).padStart(2, "0"));
    const now = clock.now();
    await removeOlder(directory, now - DONE_MARK_DAYS * DAY_SECONDS, (name) =>
      /^[0-9a-f]{62}$/.test(name),
    );
    for (const each of [directory, paths.pending, paths.snapshots]) {
      await removeTemporaries(each, now);
    }
  }

  const stateDirectory = (name: string) => join(root, "state", sha256(name).slice(0, 32));
  const publishState = (group: GroupingKey) => `publish ${formatGroupingKey(group)}`;

  const ledger: FileLedger = {
    place: `file:${root}`,
    ledgerId: () => within("the ledger could not be opened", async () => (await open()).ledger_id),
    append: (record) => within("the run could not be recorded", () => append(record)),
    groups: () => within("the groups could not be listed", groups),
    pending,

    readPending: (group, ids) =>
      within("the pending runs could not be read", async () => {
        const paths = groupPaths(root, group);
        const items = await Promise.all(ids.map((id) => readPendingFile(pendingPath(paths, id))));
        return items.flatMap((item) => {
          if (item === undefined) return [];
          if (item.status !== "record") throw unreadable(item.place, item.problem);
          return [item.record];
        });
      }),

    deletePending: (group, ids) =>
      within("counted runs could not be cleared", async () => {
        const paths = groupPaths(root, group);
        await inChunks(ids, (id) => removeFile(pendingPath(paths, id)));
      }),

    done: (group, ids) =>
      within("the done marks could not be read", async () => {
        const { promises } = process.getBuiltinModule("node:fs");
        const paths = groupPaths(root, group);
        const found = new Set<string>();
        const directories = new Set<string>();
        await inChunks(ids, async (id) => {
          const { directory, path } = donePath(paths, id);
          try {
            await promises.access(path);
            found.add(id);
            directories.add(directory);
          } catch (error) {
            if (!isMissing(error)) throw error;
          }
        });
        // Whoever made a mark may not have come to it yet, and the next version rests on the mark.
        await inChunks([...directories], (directory) => syncDirectory(fs, directory));
        return found;
      }),

    putDone: (group, marks) =>
      within("runs could not be marked as counted", () => putDone(group, marks)),

    readSnapshot: (group) =>
      within("the totals could not be read", () =>
        readNewest(fs, groupPaths(root, group).snapshots),
      ),

    writeSnapshot: (group, { version, bytes }) =>
      within("the totals could not be written", () =>
        writeVersion(fs, groupPaths(root, group).snapshots, { version, bytes, kept }),
      ),

    prune: (group, version) =>
      within("old done marks could not be removed", () => prune(group, version)),

    readState: (name) =>
      within(`the state ${name} could not be read`, async () => {
        const file = await readNewest(fs, stateDirectory(name));
        if (file === undefined) return undefined;
        try {
          return { version: file.version, value: JSON.parse(file.bytes.toString("utf8")).value };
        } catch (error) {
          throw unreadable(file.place, messageOf(error), error);
        }
      }),

    writeState: (name, { version, value }) =>
      within(`the state ${name} could not be written`, async () => {
        await makeDirectory(fs, join(root, "state"));
        await makeDirectory(fs, stateDirectory(name));
        const bytes = Buffer.from(`${JSON.stringify({ name, value })}\n`);
        return writeVersion(fs, stateDirectory(name), { version, bytes, kept });
      }),

    readPublishState: (group) => ledger.readState(publishState(group)),

    lease: (group) =>
      within("the right to publish could not be asked for", () =>
        takeLease({
          fs,
          root,
          group,
          now: clock.now(),
          readState: () => ledger.readState(publishState(group)),
          writeState: (item) => ledger.writeState(publishState(group), item),
        }),
      ),

    versions: (group) =>
      within("the totals could not be listed", async () => {
        const directory = groupPaths(root, group).snapshots;
        const versions = await listVersions(directory);
        const files = await Promise.all(versions.map((each) => readVersion(directory, each)));
        return files.flatMap((file) => file ?? []);
      }),

    async *doneMarks(group) {
      const { done } = groupPaths(root, group);
      const prefixes = await within("the done marks could not be read", () => listNames(done));
      for (const prefix of prefixes) {
        for (const name of await listNames(join(done, prefix))) {
          const path = join(done, prefix, name);
          const bytes = await readIfPresent(path);
          if (bytes === undefined) continue;
          try {
            yield decodeDoneMark(bytes);
          } catch (error) {
            throw unreadable(path, messageOf(error), error);
          }
        }
      }
    },
  };
  return ledger;
}

/** A few at a time. When one fails, the others have come to their end before the caller hears of it. */
async function inChunks<T>(items: readonly T[], work: (item: T) => Promise<unknown>) {
  for (let from = 0; from < items.length; from += AT_ONCE) {
    const results = await Promise.allSettled(items.slice(from, from + AT_ONCE).map(work));
    const failed = results.find((result) => result.status === "rejected");
    if (failed !== undefined) throw failed.reason;
  }
}

function unreadable(path: string, problem: string, cause?: unknown): LedgerCorruptError {
  return new LedgerCorruptError(
    `${path} cannot be read: ${problem}. Move it away if it is not needed, or restore it from a backup`,
    { cause },
  );
}
