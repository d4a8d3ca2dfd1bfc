import { join } from "node:path";
import { linkNew, listNames, readIfPresent, removeFile, syncDirectory } from "./durable.ts";
import type { FileSystem } from "./file-system.ts";

/** Versions of one item: a directory of files `0000000000000001`, `0000000000000002` and so on. */
export type VersionFile = {
  readonly version: number;
  readonly bytes: Buffer;
  readonly place: string;
};

/** Digits of a file name: enough for every safe integer. */
const DIGITS = 16;

/** The newest version, durable; undefined when there is none. */
export async function readNewest(
  fs: FileSystem,
  directory: string,
): Promise<VersionFile | undefined> {
  for (;;) {
    const version = (await listVersions(directory)).at(-1);
    if (version === undefined) return undefined;
    // Its writer may not have come to it yet, and what is built on it must not outlive it.
    await syncDirectory(fs, directory);
    const file = await readVersion(directory, version);
    // A reader that was stopped for long finds it pruned, or its name taken again by one who has yet to
    // see that he lost (`claimVersion`): by then there is a newer one.
    const isNewest = (await listVersions(directory)).at(-1) === version;
    if (file !== undefined && isNewest) return file;
  }
}

export async function readVersion(
  directory: string,
  version: number,
): Promise<VersionFile | undefined> {
  const place = versionPath(directory, version);
  const bytes = await readIfPresent(place);
  return bytes === undefined ? undefined : { version, bytes, place };
}

/** Ascending. */
export async function listVersions(directory: string): Promise<readonly number[]> {
  const names = await listNames(directory);
  return names.filter((name) => /^\d{16}$/.test(name)).map(Number);
}

/** Compare-and-swap: writes a version, if nobody has, and forgets old ones. */
export async function writeVersion(
  fs: FileSystem,
  directory: string,
  { version, bytes, kept }: { version: number; bytes: Buffer; kept: number },
): Promise<"won" | "lost"> {
  return claimVersion(version, kept, {
    async link() {
      const isNew = await linkNew(fs, versionPath(directory, version), bytes);
      if (isNew) await syncDirectory(fs, directory);
      return isNew;
    },
    list: () => listVersions(directory),
    remove: (old) => removeFile(versionPath(directory, old)),
  });
}

/** A directory of versions, as {@link claimVersion} needs it. */
export type VersionDirectory = {
  /** Puts the version, durably, unless its name is taken: then false. */
  readonly link: () => Promise<boolean>;
  /** What is there, ascending. */
  readonly list: () => Promise<readonly number[]>;
  readonly remove: (version: number) => Promise<void>;
};

/**
 * Whether a version is won. A link alone does not say so: one who had been stopped for long links a
 * version that was written, superseded and forgotten in the meantime, and the name was free again.
 * The versions that superseded it are there to tell.
 *
 * @param kept versions that are not forgotten, the newest among them; at least 1.
 */
export async function claimVersion(
  version: number,
  kept: number,
  directory: VersionDirectory,
): Promise<"won" | "lost"> {
  if (!(await directory.link())) return "lost";
  const versions = await directory.list();
  const newest = versions.at(-1) ?? version;
  for (const old of versions) if (old <= newest - kept) await directory.remove(old);
  return newest > version ? "lost" : "won";
}

function versionPath(directory: string, version: number): string {
  return join(directory, `${version}`.padStart(DIGITS, "0"));
}
