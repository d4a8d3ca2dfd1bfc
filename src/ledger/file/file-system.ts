import type { FileHandle } from "node:fs/promises";
import {
  asError,
  LedgerFullError,
  LedgerUnavailableError,
  LedgerUnfitError,
} from "../../errors.ts";

/** The calls whose outcome depends on the machine. Passed in, so that tests can have a strange one. */
export type FileSystem = {
  /** link(2): a second name for a file; fails if the name exists. */
  readonly link: (existing: string, path: string) => Promise<void>;
  /** fsync(2). */
  readonly sync: (handle: FileHandle) => Promise<void>;
  /** Type of the file system as statfs(2) has it. */
  readonly typeOf: (path: string) => Promise<number>;
  /** Effective user, undefined where there are none. */
  readonly userId: () => number | undefined;
  readonly platform: string;
};

/** Node's file calls, loaded at the first use: a process that records nothing does not pay for them. */
export function promises() {
  return process.getBuiltinModule("node:fs").promises;
}

export const realFileSystem: FileSystem = {
  link: (existing, path) => promises().link(existing, path),
  sync: (handle) => handle.sync(),
  typeOf: async (path) => (await promises().statfs(path)).type,
  userId: () => process.geteuid?.(),
  platform: process.platform,
};

const FULL = new Set(["ENOSPC", "EDQUOT", "EFBIG"]);

/** Codes that stay the same however often one tries. */
const UNFIT = new Set(
  "EXDEV EPERM EACCES EROFS ENOTSUP EOPNOTSUPP ENOSYS ENOTDIR EISDIR ELOOP EMLINK ENAMETOOLONG".split(
    " ",
  ),
);

/**
 * What a failed call means to the caller, and what to do about it.
 *
 * @param what the thing that could not be done, e.g. `the run could not be recorded`.
 * @returns a {ClosingBellError}; the cause itself when it is no fault of the system's.
 */
export function ledgerError(what: string, directory: string, cause: unknown): Error {
  if (!isSystemError(cause)) return asError(cause);
  const { code, message } = cause;
  const elsewhere =
    "set CLOSING_BELL_STATE_DIR to a directory on a local disk that this user may write";
  if (FULL.has(code)) {
    return new LedgerFullError(
      `${what}: no room in ${directory} (${message}). Nothing is half-written; free some space and try again`,
      { cause },
    );
  }
  if (code === "EXDEV") {
    return new LedgerUnfitError(
      `${what}: ${directory} cannot link files within one directory (${message}); ${elsewhere}`,
      { cause },
    );
  }
  if (code === "EROFS") {
    return new LedgerUnfitError(`${what}: ${directory} is read-only (${message}); ${elsewhere}`, {
      cause,
    });
  }
  if (UNFIT.has(code)) {
    return new LedgerUnfitError(
      `${what}: ${directory} does not allow it (${message}); ${elsewhere}`,
      { cause },
    );
  }
  return new LedgerUnavailableError(`${what}: ${directory} (${message}); try again`, { cause });
}

/**
 * Anything else is a bug of ours, and no word about the disk may hide it. Told by its code, not by its
 * class: where code runs in contexts of their own, as tests do, Node's errors are of another `Error`.
 */
function isSystemError(error: unknown): error is Error & { readonly code: string } {
  return typeof (error as NodeJS.ErrnoException | undefined)?.code === "string";
}

export function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === "ENOENT";
}

export function exists(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === "EEXIST";
}
