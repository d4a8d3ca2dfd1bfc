import { crc32 } from "node:zlib";
import { type Entry, fromFd, type ZipFile } from "yauzl";
import { InvalidInputError, messageOf } from "../errors.ts";
import { quote } from "../sources/quote.ts";
import { type ResultFile, refuseMore } from "./file.ts";

/** What a zip begins with; the second is an empty one. */
const SIGNATURES = ["PK\x03\x04", "PK\x05\x06"];

/** Entries that are listed. A zip of freqtrade has three and two more for each strategy. */
const MAX_ENTRIES = 1000;

export function isZip(beginning: Uint8Array): boolean {
  return SIGNATURES.includes(Buffer.from(beginning.subarray(0, 4)).toString("latin1"));
}

/**
 * Hands each JSON file of a zip to `take`, inflated piece by piece, one after the other. Nothing is
 * written, no other entry is opened, and no zip within it.
 *
 * @param maxBytes of all of them together, inflated: what the zip says, and what really comes.
 * @throws {InvalidInputError} for what is no sound zip, and what `take` refuses, with the entry's name.
 */
export async function readZip(
  file: ResultFile,
  maxBytes: number,
  take: (name: string, pieces: AsyncIterable<Uint8Array>) => Promise<void>,
): Promise<void> {
  const zip = await openZip(file);
  try {
    const entries = await listEntries(zip);
    const wanted = entries.filter(({ fileName }) => /\.json$/i.test(fileName));
    const declared = wanted.reduce((sum, { uncompressedSize }) => sum + uncompressedSize, 0);
    refuseMore(declared, maxBytes, "its JSON inflated: ");
    for (const entry of wanted) {
      try {
        await take(entry.fileName, inflate(zip, entry));
      } catch (cause) {
        if (!(cause instanceof InvalidInputError)) throw cause;
        throw new InvalidInputError(`${quote(entry.fileName)} in it: ${cause.message}`, { cause });
      }
    }
  } finally {
    zip.close();
  }
}

function openZip(file: ResultFile): Promise<ZipFile> {
  return new Promise((resolve, reject) => {
    fromFd(file.fd, { lazyEntries: true, autoClose: false }, (cause, zip) => {
      if (cause) reject(unsound(cause));
      else {
        file.release();
        resolve(zip);
      }
    });
  });
}

async function listEntries(zip: ZipFile): Promise<readonly Entry[]> {
  if (zip.entryCount > MAX_ENTRIES) {
    throw new InvalidInputError(`has ${zip.entryCount} entries; expected ${MAX_ENTRIES} at most`);
  }
  const entries: Entry[] = [];
  try {
    // It refuses names that lead out of a folder, though nothing is written anywhere.
    for await (const entry of zip.eachEntry()) entries.push(entry);
  } catch (cause) {
    throw unsound(cause);
  }
  return entries;
}

/** yauzl stops where more comes than was declared; the checksum is ours to look at. */
async function* inflate(zip: ZipFile, entry: Entry): AsyncGenerator<Uint8Array> {
  let sum = 0;
  try {
    const stream = await zip.openReadStreamPromise(entry);
    for await (const piece of stream as AsyncIterable<Buffer>) {
      sum = crc32(piece, sum);
      yield piece;
    }
  } catch (cause) {
    throw unsound(cause);
  }
  if (sum !== entry.crc32) throw new InvalidInputError("its checksum is wrong: it is damaged");
}

function unsound(cause: unknown): InvalidInputError {
  return new InvalidInputError(`is no sound zip: ${quote(messageOf(cause))}`, { cause });
}
