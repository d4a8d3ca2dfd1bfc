import { dirname, join } from "node:path";
import {
  LedgerCorruptError,
  LedgerFormatError,
  LedgerUnfitError,
  messageOf,
} from "../../errors.ts";
import { putIfAbsent, readIfPresent, syncDirectory } from "./durable.ts";
import { exists, type FileSystem, isMissing, promises } from "./file-system.ts";

/** The store's own facts, in `ledger.json`. */
export type StoreIdentity = { readonly format: 1; readonly ledger_id: string };

/**
 * Makes the directory if need be, checks that a ledger can live in it, and reads who it is.
 *
 * Creating `ledger.json` by link(2) is the probe that linking works; where the file is, it did.
 *
 * @throws {LedgerUnfitError} saying what is wrong with the place and what to do;
 * {LedgerCorruptError}; {LedgerFormatError}; and what the file system throws.
 */
export async function openStateDirectory(
  fs: FileSystem,
  directory: string,
): Promise<StoreIdentity> {
  refusePlatform(fs);
  await makeAll(fs, directory);
  await refuseUnsafe(fs, directory);
  await refuseRemote(fs, directory);
  const known = await readIdentity(directory);
  if (known !== undefined) return known;
  const path = identityPath(directory);
  const identity: StoreIdentity = { format: 1, ledger_id: crypto.randomUUID() };
  if (await putIfAbsent(fs, path, Buffer.from(`${JSON.stringify(identity)}\n`))) return identity;
  // Somebody made it at the same moment.
  return identityFrom((await readIfPresent(path)) ?? Buffer.alloc(0), path);
}

/**
 * Who the store is, without making one; undefined when there is none yet.
 *
 * @throws {LedgerCorruptError}; {LedgerFormatError}; and what the file system throws.
 */
export async function readIdentity(directory: string): Promise<StoreIdentity | undefined> {
  const path = identityPath(directory);
  const bytes = await readIfPresent(path);
  return bytes === undefined ? undefined : identityFrom(bytes, path);
}

function identityPath(directory: string): string {
  return join(directory, "ledger.json");
}

/** @throws {LedgerUnfitError} on Windows. */
export function refusePlatform({ platform }: FileSystem): void {
  if (platform !== "win32") return;
  throw new LedgerUnfitError(
    "the file ledger needs a POSIX system; on Windows use CLOSING_BELL_LEDGER=dynamodb:TABLE or =none",
  );
}

async function makeAll(fs: FileSystem, directory: string): Promise<void> {
  try {
    await promises().mkdir(directory, { mode: 0o700 });
  } catch (error) {
    if (exists(error)) return;
    if (!isMissing(error) || dirname(directory) === directory) throw error;
    await makeAll(fs, dirname(directory));
    // Once: below a link that leads nowhere, it is missing however often its parent is made.
    await promises().mkdir(directory, { mode: 0o700 }).catch(unlessThere);
  }
  await syncDirectory(fs, dirname(directory));
}

function unlessThere(error: unknown): void {
  if (!exists(error)) throw error;
}

/** @throws {LedgerUnfitError} for a directory that others could change, or that is none. */
export async function refuseUnsafe(fs: FileSystem, directory: string): Promise<void> {
  const stats = await promises().lstat(directory);
  if (stats.isSymbolicLink()) {
    throw new LedgerUnfitError(
      `${directory} is a symbolic link: whoever can change it could swap the ledger. ` +
        "Set CLOSING_BELL_STATE_DIR to the directory itself",
    );
  }
  if (!stats.isDirectory()) {
    throw new LedgerUnfitError(
      `${directory} is not a directory; move it away or set CLOSING_BELL_STATE_DIR`,
    );
  }
  const user = fs.userId();
  if (user !== undefined && stats.uid !== user) {
    throw new LedgerUnfitError(
      `${directory} belongs to user ${stats.uid} and this is user ${user}: a ledger has one user. ` +
        "Run as that user, or set CLOSING_BELL_STATE_DIR to a directory of this one",
    );
  }
  if ((stats.mode & 0o022) !== 0) {
    const mode = (stats.mode & 0o777).toString(8);
    throw new LedgerUnfitError(
      `${directory} can be written by others (mode ${mode}): chmod 700 it, ` +
        "or set CLOSING_BELL_STATE_DIR to a directory below it that does not exist yet",
    );
  }
}

/** Types of statfs(2) where a link or a listing may be seen late, or twice, by another host. */
const REMOTE_TYPES: ReadonlyMap<number, string> = new Map([
  [0x6969, "NFS"],
  [0x517b, "SMB"],
  [0xff534d42, "CIFS"],
  [0xfe534d42, "SMB2"],
  [0x65735546, "FUSE"],
  [0x01021997, "9P"],
  [0x00c36400, "Ceph"],
  [0x5346414f, "AFS"],
  [0x6b414653, "AFS"],
  [0x73757245, "Coda"],
  [0x0bd00bd0, "Lustre"],
  [0x47504653, "GPFS"],
  [0x7461636f, "OCFS2"],
  [0x01161970, "GFS2"],
  [0x786f4256, "VirtualBox shared folder"],
  [0x19830326, "BeeGFS"],
]);

/** @throws {LedgerUnfitError} for a directory on a network or shared file system. */
export async function refuseRemote(fs: FileSystem, directory: string): Promise<void> {
  // Only Linux's numbers are known here; elsewhere the link probe has to do.
  if (fs.platform !== "linux") return;
  // The kernel's field is signed on some architectures.
  const name = REMOTE_TYPES.get(((await fs.typeOf(directory)) % 2 ** 32) >>> 0);
  if (name === undefined) return;
  throw new LedgerUnfitError(
    `${directory} is on a network or shared file system (${name}), where a ledger of files can lose runs. ` +
      "Set CLOSING_BELL_STATE_DIR to a local disk, or share a ledger with CLOSING_BELL_LEDGER=dynamodb:TABLE",
  );
}

function identityFrom(bytes: Buffer, path: string): StoreIdentity {
  let plain: { readonly format?: unknown; readonly ledger_id?: unknown };
  try {
    plain = JSON.parse(bytes.toString("utf8"));
    if (typeof plain?.ledger_id !== "string") throw new Error("it names no ledger");
  } catch (error) {
    throw new LedgerCorruptError(
      `${path} cannot be read: ${messageOf(error)}. It holds the ledger's id: restore it from a backup, ` +
        "or remove it, and the ledger gets a new id that every gateway has to adopt",
      { cause: error },
    );
  }
  const { format, ledger_id } = plain;
  if (format !== 1) {
    throw new LedgerFormatError(
      `${path} has format ${format}: a newer closing-bell made this ledger; upgrade this one`,
    );
  }
  return { format, ledger_id: ledger_id as string };
}
