import { dirname, join } from "node:path";
import { exists, type FileSystem, isMissing, promises } from "./file-system.ts";

/** Prefix of files that are being written. Whoever lists a directory passes over them. */
const TEMPORARY = ".tmp-";

/** A process that writes a file for longer than this is gone. Seconds. */
const TEMPORARY_SECONDS = 3600;

/**
 * Creates a file whole or not at all, unless there is one: written beside its target under another
 * name, synced, then linked. Durable once the directory is synced too ({@link syncDirectory}).
 *
 * @returns false when a file of that name exists; it is left as it is.
 * @throws what the file system throws. Nothing is left behind then, but for a name that nobody reads
 * if the process is killed.
 */
export async function linkNew(fs: FileSystem, path: string, bytes: Buffer): Promise<boolean> {
  const temporary = join(dirname(path), `${TEMPORARY}${crypto.randomUUID()}`);
  // wx: a new file, or an error; whatever has that name already is not followed or overwritten.
  const handle = await promises().open(temporary, "wx", 0o600);
  try {
    try {
      // Not write(): it may write less than it is given.
      await handle.writeFile(bytes);
      await fs.sync(handle);
    } finally {
      await handle.close();
    }
    await fs.link(temporary, path);
    return true;
  } catch (error) {
    if (exists(error)) return false;
    throw error;
  } finally {
    await removeFile(temporary);
  }
}

/** Makes the names in a directory durable. Cheap when they are already. */
export async function syncDirectory(fs: FileSystem, path: string): Promise<void> {
  const handle = await promises().open(path, "r");
  try {
    await fs.sync(handle);
  } finally {
    await handle.close();
  }
}

/** {@link linkNew}, durable when it resolves: also when the file was there, but not yet durable. */
export async function putIfAbsent(fs: FileSystem, path: string, bytes: Buffer): Promise<boolean> {
  const isNew = await linkNew(fs, path, bytes);
  await syncDirectory(fs, dirname(path));
  return isNew;
}

/** Creates a directory for this user alone, unless it is there, and makes it durable. */
export async function makeDirectory(fs: FileSystem, path: string): Promise<void> {
  try {
    await promises().mkdir(path, { mode: 0o700 });
  } catch (error) {
    if (!exists(error)) throw error;
  }
  await syncDirectory(fs, dirname(path));
}

/** Names in a directory, sorted, unfinished files aside; none when there is no directory. */
export async function listNames(path: string): Promise<readonly string[]> {
  try {
    const names = await promises().readdir(path);
    return names.filter((name) => !name.startsWith(".")).sort();
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

/** A file's content, or undefined when there is no file. */
export async function readIfPresent(path: string): Promise<Buffer | undefined> {
  try {
    return await promises().readFile(path);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** Removes a file; one that is not there is removed. */
export async function removeFile(path: string): Promise<void> {
  try {
    await promises().unlink(path);
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
}

/** Removes files that nobody has changed since a time (Unix seconds), of those whose names `matches`. */
export async function removeOlder(
  directory: string,
  before: number,
  matches: (name: string) => boolean,
): Promise<void> {
  const names = await promises()
    .readdir(directory)
    .catch(() => []);
  for (const name of names.filter(matches)) {
    const path = join(directory, name);
    const { mtimeMs } = await promises()
      .stat(path)
      .catch(() => ({ mtimeMs: Number.POSITIVE_INFINITY }));
    if (mtimeMs / 1000 < before) await removeFile(path);
  }
}

/** Removes what killed processes left half-written. */
export async function removeTemporaries(directory: string, now: number): Promise<void> {
  await removeOlder(directory, now - TEMPORARY_SECONDS, (name) => name.startsWith(TEMPORARY));
}
