import { createHash } from "node:crypto";
import { close, constants, fstat, open, read } from "node:fs";
import { promisify } from "node:util";
import { InvalidInputError, messageOf } from "../errors.ts";

/** A result file that is open. */
export type ResultFile = {
  /** Descriptor. Whoever takes it over closes it, and tells with `release`. */
  readonly fd: number;
  readonly bytes: number;
  /** The file from its beginning, in pieces that are good until the next one is asked for. */
  readonly pieces: () => AsyncGenerator<Uint8Array>;
  readonly release: () => void;
  readonly close: () => Promise<void>;
};

const PIECE_BYTES = 64 * 1024;

const openFile = promisify(open);
const readFile = promisify(read);
const statFile = promisify(fstat);
const closeFile = promisify(close);

/**
 * Opens a file of at most `maxBytes`. Never reads more of it than that, even if it grows.
 *
 * @throws {InvalidInputError} for what cannot be opened, is no regular file, or is larger.
 */
export async function openResultFile(path: string, maxBytes: number): Promise<ResultFile> {
  let fd: number;
  try {
    // Without waiting: a pipe may have no other end.
    fd = await openFile(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  } catch (cause) {
    throw new InvalidInputError(`cannot be opened: ${reasonOf(cause)}`, { cause });
  }
  let owned = true;
  const file = {
    fd,
    release() {
      owned = false;
    },
    async close() {
      if (owned) await closeFile(fd);
      owned = false;
    },
    pieces: () => pieces(fd, maxBytes),
  };
  try {
    const stats = await statFile(fd);
    if (!stats.isFile()) throw new InvalidInputError("is not a regular file");
    refuseMore(stats.size, maxBytes);
    return { ...file, bytes: stats.size };
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** SHA-256 of a file, in hexadecimal digits. */
export async function digestOf(file: ResultFile): Promise<string> {
  const hash = createHash("sha256");
  for await (const piece of file.pieces()) hash.update(piece);
  return hash.digest("hex");
}

/** @throws {InvalidInputError} naming both numbers. */
export function refuseMore(bytes: number, maxBytes: number, what = ""): void {
  if (bytes <= maxBytes) return;
  throw new InvalidInputError(
    `${what}${bytes} bytes are more than the limit of ${maxBytes}; --max-size (maxBytes) raises it`,
  );
}

async function* pieces(fd: number, maxBytes: number): AsyncGenerator<Uint8Array> {
  const buffer = new Uint8Array(PIECE_BYTES);
  let position = 0;
  for (;;) {
    let bytesRead: number;
    try {
      ({ bytesRead } = await readFile(fd, buffer, 0, PIECE_BYTES, position));
    } catch (cause) {
      throw new InvalidInputError(`cannot be read: ${reasonOf(cause)}`, { cause });
    }
    if (bytesRead === 0) return;
    position += bytesRead;
    refuseMore(position, maxBytes);
    yield buffer.subarray(0, bytesRead);
  }
}

/** Node's message without the path, which the caller names. */
function reasonOf(cause: unknown): string {
  return messageOf(cause).replace(/, (?:open|read) .*$/s, "");
}
