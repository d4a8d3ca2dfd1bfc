import { messageOf, RecordError } from "../errors.ts";
import { decodeRecord, encodeRecord } from "./encoding.ts";
import { type RunRecord, sha256 } from "./run-record.ts";

/**
 * A record as lines of a log: the last resort when no ledger can be reached. Each line is one JSON
 * object of the keys of {@link LogLine}, short enough for log drivers that cut at 16 KB.
 */
export type LogLine = {
  /** Version of this form. */
  readonly closing_bell_record: 1;
  /** The record's id, for people who search the log. */
  readonly id: string;
  /** SHA-256 of the whole record: lines belong together by it, and it proves that none is damaged. */
  readonly hash: string;
  /** From 1 to `parts`. */
  readonly part: number;
  readonly parts: number;
  /** A piece of the record's gzipped bytes, base64url: nothing in it needs escaping. */
  readonly data: string;
};

/** Characters of data per line. */
const CHUNK = 8192;

export function recordLogLines(record: RunRecord): readonly string[] {
  const { gzipSync } = process.getBuiltinModule("node:zlib");
  const bytes = encodeRecord(record);
  const data = gzipSync(bytes).toString("base64url");
  const hash = sha256(bytes);
  const parts = Math.ceil(data.length / CHUNK);
  return Array.from({ length: parts }, (_, index): string => {
    const line: LogLine = {
      closing_bell_record: 1,
      id: record.id,
      hash,
      part: index + 1,
      parts,
      data: data.slice(index * CHUNK, (index + 1) * CHUNK),
    };
    return JSON.stringify(line);
  });
}

export type LoggedRecords = {
  /** In the order of their first lines, each once however often it was logged. */
  readonly records: readonly RunRecord[];
  /** Lines that are ours and give no record, one sentence per record. */
  readonly problems: readonly string[];
};

/**
 * Finds records in a log. Other lines are passed over; ours may be in any order, repeated, behind a
 * prefix (a time, a host) and inside another JSON document, which escapes their quotes and may hold
 * many of them in one line.
 */
export async function readLogLines(
  lines: Iterable<string> | AsyncIterable<string>,
): Promise<LoggedRecords> {
  const found = new Map<string, { id: string; parts: (string | undefined)[] }>();
  const problems: string[] = [];
  for await (const text of lines) {
    for (const line of parseLines(text)) {
      if (typeof line === "string") {
        problems.push(line);
        continue;
      }
      let pieces = found.get(line.hash);
      if (pieces === undefined) {
        pieces = { id: line.id, parts: new Array(line.parts).fill(undefined) };
        found.set(line.hash, pieces);
      }
      pieces.parts[line.part - 1] = line.data;
    }
  }

  const records: RunRecord[] = [];
  for (const [hash, { id, parts }] of found) {
    const missing = parts.filter((part) => part === undefined).length;
    if (missing > 0) {
      problems.push(`record ${id}: ${missing} of its ${parts.length} lines are missing`);
      continue;
    }
    try {
      records.push(assemble(hash, parts.join("")));
    } catch (error) {
      problems.push(`record ${id}: ${messageOf(error)}`);
    }
  }
  return { records, problems };
}

/** Ours in whatever surrounds it. No value of ours holds a brace, so the first one ends it. */
const OURS = /\{\\*"closing_bell_record\\*":[^{}]*\}?/g;

/** More lines than this for one record are none of ours: a record has at most 1 MB. */
const MAX_PARTS = 1000;

/** What is ours in a line of the log: usually one or none. */
function parseLines(text: string): readonly (LogLine | string)[] {
  return (text.match(OURS) ?? []).map(parseLine);
}

/** The line's content, or a sentence when it is damaged. */
function parseLine(found: string): LogLine | string {
  try {
    const line = JSON.parse(found.replace(/\\+"/g, '"'));
    const { closing_bell_record, id, hash, part, parts, data } = line;
    if (closing_bell_record !== 1) {
      return `a record in the unknown form ${closing_bell_record}: a newer closing-bell wrote it`;
    }
    const fits =
      [id, hash, data].every((value) => typeof value === "string") &&
      [part, parts].every((value) => Number.isInteger(value) && value >= 1 && value <= MAX_PARTS) &&
      part <= parts;
    return fits ? line : `a record's line with other values than ours: ${found.slice(0, 100)}`;
  } catch {
    return `a damaged line: ${found.slice(0, 100)}`;
  }
}

function assemble(hash: string, data: string): RunRecord {
  const { gunzipSync } = process.getBuiltinModule("node:zlib");
  // Bounded: a log may hold anything, a few kilobytes that unpack to gigabytes included.
  const bytes = gunzipSync(Buffer.from(data, "base64url"), { maxOutputLength: 2_000_000 });
  if (sha256(bytes) !== hash) throw new RecordError("its lines do not fit its hash");
  const decoded = decodeRecord(bytes);
  if (decoded.status === "record") return decoded.record;
  throw new RecordError(`it has the unknown format ${decoded.format}: upgrade closing-bell`);
}
