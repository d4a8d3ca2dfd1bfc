import { join } from "node:path";
import { messageOf } from "../../errors.ts";
import { formatGroupingKey, type GroupingKey } from "../../grouping-key.ts";
import { decodeRecord, encodeRecord } from "../../record/encoding.ts";
import { sha256 } from "../../record/run-record.ts";
import type { DoneMark, PendingItem } from "../ledger.ts";
import { makeDirectory, putIfAbsent, readIfPresent } from "./durable.ts";
import type { FileSystem } from "./file-system.ts";

/**
 * Where things of a group are. Ids and labels are text of the user's, so names are hashes of them.
 *
 *     groups/<32 hex>/group.json    the grouping key
 *                     p/<64 hex>    a pending record, named by the hash of its id
 *                     d/<2>/<62>    a done mark, the same hash in two parts
 *                     s/<version>   a snapshot, gzipped
 */
export type GroupPaths = {
  readonly directory: string;
  readonly key: string;
  readonly pending: string;
  readonly done: string;
  readonly snapshots: string;
};

export function groupPaths(root: string, group: GroupingKey): GroupPaths {
  const directory = join(root, "groups", sha256(formatGroupingKey(group)).slice(0, 32));
  return {
    directory,
    key: join(directory, "group.json"),
    pending: join(directory, "p"),
    done: join(directory, "d"),
    snapshots: join(directory, "s"),
  };
}

export function pendingPath({ pending }: GroupPaths, id: string): string {
  return join(pending, sha256(id));
}

/** Directory and path of a done mark: 256 directories, so that none grows large. */
export function donePath({ done }: GroupPaths, id: string): { directory: string; path: string } {
  const name = sha256(id);
  const directory = join(done, name.slice(0, 2));
  return { directory, path: join(directory, name.slice(2)) };
}

/** Makes a group's directories. `p` comes last: where it is, everything is. */
export async function makeGroup(
  fs: FileSystem,
  root: string,
  group: GroupingKey,
): Promise<GroupPaths> {
  const paths = groupPaths(root, group);
  await makeDirectory(fs, join(root, "groups"));
  await makeDirectory(fs, paths.directory);
  await putIfAbsent(fs, paths.key, Buffer.from(`${JSON.stringify(group)}\n`));
  for (const path of [paths.snapshots, paths.done, paths.pending]) await makeDirectory(fs, path);
  return paths;
}

/** The record in a file of `p`, or undefined when it is gone. */
export async function readPendingFile(path: string): Promise<PendingItem | undefined> {
  const bytes = await readIfPresent(path);
  if (bytes === undefined) return undefined;
  try {
    const decoded = decodeRecord(bytes);
    if (decoded.status === "unknown_format") {
      const problem = `it has format ${decoded.format}: a newer closing-bell wrote it`;
      return { status: decoded.status, place: path, problem };
    }
    if (!path.endsWith(sha256(decoded.record.id))) throw new Error("it is another file's record");
    return decoded;
  } catch (error) {
    return { status: "unreadable", place: path, problem: messageOf(error) };
  }
}

/** First line: version, hash of the record, reason of a rejection. Then the record. */
export function encodeDoneMark({ version, rejected, record }: DoneMark): Buffer {
  const bytes = encodeRecord(record);
  const head = JSON.stringify({ version, hash: sha256(bytes), rejected });
  return Buffer.concat([Buffer.from(`${head}\n`), bytes]);
}

/** @throws when it is none. */
export function decodeDoneMark(bytes: Buffer): DoneMark & { readonly hash: string } {
  const end = bytes.indexOf("\n");
  const { version, hash, rejected } = JSON.parse(bytes.subarray(0, end).toString("utf8"));
  const content = bytes.subarray(end + 1);
  if (sha256(content) !== hash) throw new Error("its record does not fit its hash");
  const decoded = decodeRecord(content);
  if (decoded.status !== "record") throw new Error(`its record has format ${decoded.format}`);
  return { version, hash, ...(rejected === undefined ? {} : { rejected }), record: decoded.record };
}
