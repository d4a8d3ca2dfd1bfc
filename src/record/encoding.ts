import { messageOf, RecordError } from "../errors.ts";
import { groupingKey } from "../grouping-key.ts";
import { runCatalogue } from "../metrics/catalogue.ts";
import { MAX_AMOUNT } from "./amount.ts";
import { checkRecordFamilies } from "./check-families.ts";
import { compareText, labelKey, type RecordFamily } from "./record-family.ts";
import { RECORD_FORMAT, type RunRecord, recordId } from "./run-record.ts";

/** What bytes turn out to be. `unknown_format`: a newer closing-bell wrote them, leave them alone. */
export type DecodedRecord =
  | { readonly status: "record"; readonly record: RunRecord }
  | { readonly status: "unknown_format"; readonly format: unknown };

/** Largest record in bytes of JSON, as large as a push may be. */
export const MAX_RECORD_BYTES = 1_000_000;

/**
 * The one way to write a record: the same content gives the same bytes, so its hash identifies it.
 * JSON with keys in a fixed order; amounts are whole billionths as decimal strings.
 *
 * @throws {RecordError} for more than 1 MB.
 */
export function encodeRecord(record: RunRecord): Buffer {
  const { format, id, type, group, executionId, runId, outcome, startedAt, time } = record;
  // JSON leaves out what is undefined.
  const head = { format, id, type, group: { job: group.job, labels: group.labels } };
  const times = { executionId, runId, outcome, startedAt, time };
  const families = record.families.map(plainFamily);
  const bytes = Buffer.from(JSON.stringify({ ...head, ...times, families }));
  if (bytes.length > MAX_RECORD_BYTES) {
    const largest = record.families.reduce((a, b) => (b.samples.length > a.samples.length ? b : a));
    throw new RecordError(
      `the record has ${bytes.length} bytes, more than ${MAX_RECORD_BYTES}; ` +
        `its largest family is ${largest.name} with ${largest.samples.length} label sets`,
    );
  }
  return bytes;
}

/**
 * Reads a record back and checks it as strictly as one that is made here: it may come from a log.
 *
 * @throws {RecordError} for bytes that {@link encodeRecord} would not have written.
 */
export function decodeRecord(bytes: Buffer): DecodedRecord {
  try {
    const plain = JSON.parse(bytes.toString("utf8"));
    if (typeof plain !== "object" || plain === null) throw new Error("it is no object");
    if (plain.format !== RECORD_FORMAT) return { status: "unknown_format", format: plain.format };
    const record = recordFrom(plain);
    // Whatever was added, left out, reordered or written another way is not ours.
    if (!encodeRecord(record).equals(bytes)) throw new Error("it is not in canonical form");
    return { status: "record", record };
  } catch (error) {
    throw new RecordError(`this is not a run record: ${messageOf(error)}`, { cause: error });
  }
}

/** As it comes out of `JSON.parse`: nothing is certain, a surprise throws. */
// biome-ignore lint/suspicious/noExplicitAny: checked by what follows and by writing it again
type Plain = any;

const RECORD_TYPES: readonly unknown[] = [
  "start",
  "completion",
  "late",
] satisfies RunRecord["type"][];

function recordFrom(plain: Plain): RunRecord {
  const group = groupingKey(plain.group.job, plain.group.labels);
  const families: readonly RecordFamily[] = plain.families.map(familyFrom);
  checkRecordFamilies(families, group);
  for (const [index, { name, samples }] of families.entries()) {
    if (index > 0 && compareText(families[index - 1]?.name ?? "", name) >= 0) {
      throw new Error(`family ${name} is out of order`);
    }
    const keys = samples.map(({ labels }) => labelKey(labels));
    if (keys.join() !== keys.toSorted(compareText).join()) throw new Error(`${name} is not sorted`);
  }
  const { format, id, type, executionId, runId, outcome, startedAt, time } = plain;
  if (!RECORD_TYPES.includes(type)) throw new Error(`type ${type}`);
  for (const text of [id, executionId, runId ?? ""]) {
    if (typeof text !== "string") throw new Error(`name ${text}`);
  }
  const known: readonly unknown[] = runCatalogue.runsTotal.labels.outcome;
  if ((type === "completion") !== known.includes(outcome)) throw new Error(`outcome ${outcome}`);
  for (const seconds of [time, startedAt ?? 0]) {
    if (!(Number.isFinite(seconds) && seconds >= 0)) throw new Error(`time ${seconds}`);
  }
  const part = type === "late" ? `${id}`.slice("late-".length, -`-${executionId}`.length) : "";
  if (recordId({ type, executionId, runId, outcome }, part) !== id) throw new Error(`id ${id}`);
  const optional = {
    ...(runId === undefined ? {} : { runId }),
    ...(outcome === undefined ? {} : { outcome }),
    ...(startedAt === undefined ? {} : { startedAt }),
  };
  return { format, id, type, group, executionId, ...optional, time, families };
}

function plainFamily(family: RecordFamily): object {
  const { type, name, help } = family;
  switch (family.type) {
    case "counter": {
      const samples = family.samples.map(({ labels, value }) => ({ labels, value: `${value}` }));
      return { type, name, help, samples };
    }
    case "histogram": {
      const samples = family.samples.map(({ labels, counts, sum }) => {
        return { labels, counts: counts.map(String), sum: `${sum}` };
      });
      return { type, name, help, bounds: family.bounds, samples };
    }
    default: {
      const samples = family.samples.map(({ labels, value }) => ({ labels, value }));
      return { type, name, help, kind: family.kind, samples };
    }
  }
}

function familyFrom(plain: Plain): RecordFamily {
  const { type, name, help, kind, bounds } = plain;
  if (typeof name !== "string" || typeof (help ?? "") !== "string") throw new Error("name or help");
  const head = help === undefined ? { name } : { name, help };
  switch (type) {
    case "counter": {
      const samples = plain.samples.map(({ labels, value }: Plain) => {
        return { labels: sortedLabels(labels), value: amountFrom(value) };
      });
      return { type, ...head, samples };
    }
    case "histogram": {
      const samples = plain.samples.map(({ labels, counts, sum }: Plain) => {
        if (counts.length !== bounds.length + 1) throw new Error(`${name} has other buckets`);
        const whole = counts.map((count: unknown) => amountFrom(count));
        return { labels: sortedLabels(labels), counts: whole, sum: amountFrom(sum, -MAX) };
      });
      return { type, ...head, bounds, samples };
    }
    case "gauge":
    case "untyped": {
      if (kind !== "result" && kind !== "status") throw new Error(`${name} has kind ${kind}`);
      const samples = plain.samples.map(({ labels, value }: Plain) => {
        if (!Number.isFinite(value)) throw new Error(`${name} has the value ${value}`);
        return { labels: sortedLabels(labels), value };
      });
      return { type, ...head, kind, samples };
    }
    default:
      throw new Error(`${name} has type ${type}`);
  }
}

/** 1e15 in billionths: the largest amount, and far above the largest count, that a record holds. */
const MAX = BigInt(MAX_AMOUNT) * 1_000_000_000n;

function amountFrom(text: unknown, least = 0n): bigint {
  if (typeof text !== "string" || text.length > 30) throw new Error(`amount ${text}`);
  const amount = BigInt(text);
  if (amount < least || amount > MAX) throw new Error(`amount ${text} is out of range`);
  return amount;
}

function sortedLabels(labels: Plain): Readonly<Record<string, string>> {
  const entries: [string, string][] = Object.entries(labels);
  if (entries.some(([, value]) => typeof value !== "string" || value === "")) {
    throw new Error("a label is empty or no text");
  }
  return Object.fromEntries(entries.sort(([a], [b]) => compareText(a, b)));
}
