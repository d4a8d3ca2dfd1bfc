import { accessSync, chownSync, constants, mkdtempSync, readFileSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

/** For `spawn`: whose process it is to be. Empty: the caller's own. */
export type Account = { readonly uid?: number; readonly gid?: number };

/**
 * Some programs refuse to run as root. For a test that does: an account of this machine that may do
 * nothing in particular, `nobody` if there is one.
 */
export function unprivileged(): Account {
  if (process.getuid?.() !== 0) return {};
  const accounts = readFileSync("/etc/passwd", "utf8")
    .split("\n")
    .map((line) => line.split(":"))
    .filter(([, , uid]) => uid !== undefined && uid !== "0");
  const account = accounts.find(([name]) => name === "nobody") ?? accounts[0];
  if (account === undefined) throw new Error("root is the only account in /etc/passwd");
  return { uid: Number(account[2]), gid: Number(account[3]) };
}

/** A new temporary folder of the account's own, which it can get at. */
export function folderOf({ uid, gid }: Account, prefix: string): string {
  const parent = [tmpdir(), "/tmp", "/var/tmp"].find((path) => uid === undefined || isOpen(path));
  if (parent === undefined) throw new Error(`${tmpdir()} is closed to account ${uid}`);
  const folder = mkdtempSync(join(parent, prefix));
  if (uid !== undefined && gid !== undefined) chownSync(folder, uid, gid);
  return folder;
}

/** @throws when the account cannot run the program, because a folder above it is somebody's own. */
export function checkReachable(program: string, { uid }: Account): void {
  accessSync(program, constants.X_OK);
  if (uid !== undefined && !isOpen(dirname(program))) {
    throw new Error(
      `account ${uid} cannot get at ${program}: a folder above it is closed to others`,
    );
  }
}

/** Whether everybody may enter the folder and all that it is in. */
function isOpen(folder: string): boolean {
  const parent = dirname(folder);
  return (statSync(folder).mode & 0o001) !== 0 && (parent === folder || isOpen(parent));
}
