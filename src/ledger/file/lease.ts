import type { Server } from "node:net";
import { join } from "node:path";
import { LeaseLostError, LedgerUnfitError } from "../../errors.ts";
import { formatGroupingKey, type GroupingKey } from "../../grouping-key.ts";
import { sha256 } from "../../record/run-record.ts";
import type { Lease, LeaseResult } from "../ledger.ts";
import { listNames, removeFile } from "./durable.ts";
import { exists, type FileSystem, isMissing, promises } from "./file-system.ts";

/**
 * The right to publish a group: a Unix socket that its holder listens on, and that the kernel closes
 * when the holder is gone, however it went. Nothing expires, so whoever is merely stopped keeps it.
 *
 *     lease/<8 hex>.<n>    sockets of a group, n = 1, 2, 3 and so on
 *           .<6>           a socket that has no number yet
 *
 * A socket listens before it gets its number, by link(2), and gets one number at most. Whoever asks
 * looks for the highest number n; if nobody listens at n, links n+1; and holds the lease if n+1 is the
 * highest then, and still its own. A holder removes lower numbers. **The highest is never removed**.
 *
 * Why there is one holder at a time. The highest number never falls, for a number is removed only by
 * one who was given a higher one. Let A hold with number a. It was the highest after A's link, hence
 * before too, so that from its first appearance until a higher one appears, the name `a` is A's. Who
 * is the first to link a higher one? It had listed a as the highest, and later found that nobody
 * listens at `a`, while that name was A's: A had released, or was dead. So nothing higher appears while
 * A holds. A holder with a lower number was, for the same reason, gone before A's link. And whoever
 * links a number that was used before and removed sees a higher one afterwards, and does not hold.
 *
 * Were the highest removed, e.g. by its holder on release, numbers would begin anew: one who had listed
 * 1 before would link 2, beside the new holder of 1. Were there no second look, one who was stopped
 * before his link would hold with a number that others had taken, released and removed.
 *
 * A listing is no snapshot: it may miss a name that was removed while it went on, and another that was
 * added. The second look must not miss every higher number. Those that were there when it began are
 * removed by one who links, and lists, after that, and who removes ours first, as he goes upwards: so
 * if ours is still there after the listing, it saw them.
 *
 * A refusal means that somebody held the lease when the asker first looked, or got it later, or will
 * get it, unless it is killed: whatever the asker wrote before, this holder sees. Two groups with one
 * hash share a lease, which does no harm.
 *
 * Over 250 lines: the argument stays with what it is about.
 */
export type LeaseDirectory = {
  /** The numbers there are, ascending. What changes meanwhile is in it or not. */
  readonly list: () => Promise<readonly number[]>;
  /** Who listens at a number, undefined when nobody does. */
  readonly holder: (number: number) => Promise<string | undefined>;
  /** Gives our socket, which listens, a number, unless that is taken: then false. */
  readonly link: (number: number) => Promise<boolean>;
  /** Whether it is our socket that has the number. */
  readonly isOurs: (number: number) => Promise<boolean>;
  readonly remove: (number: number) => Promise<void>;
};

export type Claim =
  | { readonly status: "taken" }
  | { readonly status: "held"; readonly holder: string };

/** Asks for the lease, see {@link LeaseDirectory}. Our socket is to be closed when somebody else has it. */
export async function claimLease(directory: LeaseDirectory): Promise<Claim> {
  const highest = (await directory.list()).at(-1);
  const holder = highest === undefined ? undefined : await directory.holder(highest);
  if (holder !== undefined) return { status: "held", holder };

  const ours = (highest ?? 0) + 1;
  const linked = await directory.link(ours);
  const numbers = await directory.list();
  const newest = numbers.at(-1);
  if (!linked || newest !== ours || !(await directory.isOurs(ours))) {
    const winner = newest === undefined ? undefined : await directory.holder(newest);
    return { status: "held", holder: winner ?? "a process that has ended since" };
  }
  // Upwards: the second look of others rests on it.
  for (const number of numbers) if (number < ours) await directory.remove(number);
  return { status: "taken" };
}

export type LeaseRequest = {
  readonly fs: FileSystem;
  /** The state directory. */
  readonly root: string;
  readonly group: GroupingKey;
  /** Unix seconds. */
  readonly now: number;
  readonly readState: Lease["readState"];
  /** Compare-and-swap. */
  readonly writeState: (...args: Parameters<Lease["writeState"]>) => Promise<"won" | "lost">;
};

/** Longest state directory that leaves room for `/lease/<8 hex>.` and a number, in bytes. */
const LONGEST_ROOT = 80;

/** How long the holder has to say who it is. Milliseconds; a process that is not stopped needs one. */
const ANSWER_MS = 500;

/** A socket that got no number for this long belongs to nobody. Seconds. */
const TEMPORARY_SECONDS = 3600;

const SILENT = "a process that does not answer";

/**
 * Takes the lease of a group, or says who has it.
 *
 * @throws {LedgerUnfitError} when the path is too long for sockets, and what the system throws. The
 * lease is not taken then.
 */
export async function takeLease(request: LeaseRequest): Promise<LeaseResult> {
  const { fs, root, group, now } = request;
  refuseLongPath(root);
  const directory = join(root, "lease");
  const prefix = sha256(formatGroupingKey(group)).slice(0, 8);
  await promises().mkdir(directory, { recursive: true, mode: 0o700 });

  /** Checked, for libuv cuts what is too long, and nobody listens at another path. */
  function pathOf(number: number): string {
    const path = join(directory, `${prefix}.${number}`);
    if (Buffer.byteLength(path) > (fs.platform === "linux" ? 107 : 103)) throw tooLong(path);
    return path;
  }

  const server = createServer();
  let inode: bigint | undefined;
  try {
    const claim = await claimLease({
      list: () => listNumbers(directory, prefix),
      holder: (number) => holderOf(pathOf(number)),
      async link(number) {
        inode = await linkListening(fs, server, directory, pathOf(number));
        return inode !== undefined;
      },
      isOurs: async (number) => (await inodeOf(pathOf(number))) === inode,
      remove: (number) => removeFile(pathOf(number)),
    });
    if (claim.status === "taken") {
      await removeTemporaries(directory, now);
      return { status: "taken", lease: leaseOf(server, request) };
    }
    server.close();
    return claim;
  } catch (error) {
    server.close();
    throw error;
  }
}

function leaseOf(server: Server, { root, group, readState, writeState }: LeaseRequest): Lease {
  const name = formatGroupingKey(group);
  let released = false;
  return {
    readState,
    async writeState(item) {
      if (released) {
        throw new LeaseLostError(
          `the right to publish ${name} was given up before its state ${item.version} was written: ` +
            "nothing was written, and nothing may be sent. This is a bug of closing-bell; the next run publishes",
        );
      }
      if ((await writeState(item)) === "won") return;
      throw new LeaseLostError(
        `somebody else publishes ${name}: its state ${item.version} in ${root} was written by another process, ` +
          "so this one sends nothing more. Every run stays recorded, and the next one publishes. " +
          `If this comes back, look for a second host or container that uses ${root}, or a copy of it that was put back`,
      );
    },
    async release() {
      released = true;
      // The socket is closed when this returns, and connections to it may take as long as they like.
      server.close();
    },
  };
}

async function listNumbers(directory: string, prefix: string): Promise<readonly number[]> {
  const names = (await listNames(directory)).filter((name) => name.startsWith(`${prefix}.`));
  const numbers = names.map((name) => name.slice(prefix.length + 1));
  return numbers
    .filter((text) => /^[1-9]\d{0,14}$/.test(text))
    .map(Number)
    .sort((a, b) => a - b);
}

/** @throws {LedgerUnfitError} for a state directory that has no room for sockets in its path. */
export function refuseLongPath(root: string): void {
  if (Buffer.byteLength(root) > LONGEST_ROOT) throw tooLong(root);
}

function tooLong(path: string): LedgerUnfitError {
  return new LedgerUnfitError(
    `nothing can be published from ${path}: it is ${Buffer.byteLength(path)} bytes long, too long for the Unix sockets ` +
      `that keep two publishers apart. Move the state directory to a path of at most ${LONGEST_ROOT} bytes ` +
      "and set CLOSING_BELL_STATE_DIR to it. Runs are recorded all the same",
  );
}

/** A server that says who it is. Neither it nor a connection to it keeps the process alive. */
function createServer(): Server {
  const server = process.getBuiltinModule("node:net").createServer((socket) => {
    socket.unref();
    // Whoever asked has left without waiting.
    socket.on("error", () => {});
    socket.end(`${process.pid}\n`, () => socket.destroy());
  });
  return server.unref();
}

/** Listens, and then gives the socket its name: its inode, or undefined when the name is taken. */
async function linkListening(
  fs: FileSystem,
  server: Server,
  directory: string,
  path: string,
): Promise<bigint | undefined> {
  const temporary = join(directory, `.${crypto.randomUUID().slice(0, 6)}`);
  try {
    await new Promise<void>((resolve, reject) => {
      // Stays: later errors are of connections that could not be accepted, e.g. for want of files.
      server.on("error", reject);
      // Exclusive: in a cluster's worker the primary would listen, and outlive it.
      server.listen({ path: temporary, exclusive: true }, resolve);
    });
    await promises().chmod(temporary, 0o600);
    const inode = await inodeOf(temporary);
    await fs.link(temporary, path);
    return inode;
  } catch (error) {
    if (exists(error)) return undefined;
    throw error;
  } finally {
    // libuv does so too, when the server closes. The number stays.
    await removeFile(temporary);
  }
}

/** No other file has it as long as the socket listens. Undefined when there is no file. */
async function inodeOf(path: string): Promise<bigint | undefined> {
  try {
    return (await promises().stat(path, { bigint: true })).ino;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/**
 * Who listens on a socket; undefined when nobody does. In doubt, somebody. (But macOS refuses as if
 * nobody listened once 128 connections wait: a stopped holder loses it there after so many asked.)
 */
function holderOf(path: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = process.getBuiltinModule("node:net").connect({ path });
    let answer = "";
    function settle(holder: string | undefined) {
      clearTimeout(timer);
      socket.destroy();
      resolve(holder);
    }
    const timer = setTimeout(settle, ANSWER_MS, SILENT);
    socket.setEncoding("utf8");
    socket.on("data", (text) => {
      answer += text;
    });
    socket.on("end", () => settle(/^\d+\n$/.test(answer) ? `process ${answer.trim()}` : SILENT));
    socket.on("error", ({ code }: NodeJS.ErrnoException) => {
      if (code === "ECONNREFUSED" || code === "ENOENT") settle(undefined);
      // EAGAIN: so many are waiting for its answer that no more may.
      else settle(code === "EAGAIN" ? SILENT : `${SILENT} (${code})`);
    });
  });
}

/** Removes what was left by processes that were killed before their socket had a number. */
async function removeTemporaries(directory: string, now: number): Promise<void> {
  const names = await promises().readdir(directory);
  for (const name of names.filter((each) => each.startsWith("."))) {
    const path = join(directory, name);
    const { mtimeMs } = await promises()
      .stat(path)
      .catch(() => ({ mtimeMs: Number.POSITIVE_INFINITY }));
    const isOld = mtimeMs / 1000 < now - TEMPORARY_SECONDS;
    if (isOld && (await holderOf(path)) === undefined) await removeFile(path);
  }
}
