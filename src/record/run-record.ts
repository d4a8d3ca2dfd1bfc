import { RecordError } from "../errors.ts";
import { type GroupingKey, groupingKey } from "../grouping-key.ts";
import type { RunOutcome } from "../metrics/catalogue.ts";
import type { MetricFamily } from "../metrics/exposition/family.ts";
import { checkRecordFamilies } from "./check-families.ts";
import {
  catalogueGaugeKind,
  compareText,
  type GaugeKind,
  type RecordFamily,
  recordFamily,
} from "./record-family.ts";

/**
 * What one run adds to its group's totals. Immutable and commutative: records may be added in any
 * order. Made by {@link completionRecord}, {@link startRecord} and {@link lateRecord}.
 */
export type RunRecord = {
  /** Version of this shape. A record with another one is left alone by those who do not know it. */
  readonly format: typeof RECORD_FORMAT;
  /** Names the record within its group, for ever: one id is added once. Letters, digits and `-_`. */
  readonly id: string;
  readonly type: "start" | "completion" | "late";
  readonly group: GroupingKey;
  /** One execution of the job's code, random, made at its start. */
  readonly executionId: string;
  /** The unit of work, when the caller named it. */
  readonly runId?: string;
  /** Of a completion. */
  readonly outcome?: RunOutcome;
  /** Unix seconds. Of a completion. */
  readonly startedAt?: number;
  /** Unix seconds: the end of the run, its start, or when it was counted late. Orders gauges. */
  readonly time: number;
  /** In the order of their names, which are all different. */
  readonly families: readonly RecordFamily[];
};

export const RECORD_FORMAT = 1;

type RecordInput = {
  readonly groupingKey: GroupingKey;
  readonly executionId: string;
  readonly runId?: string;
  readonly families: readonly MetricFamily[];
  /** Kinds of gauges; the catalogue's by default, and `result` for those that it does not know. */
  readonly gaugeKind?: (name: string) => GaugeKind;
};

export type CompletionInput = RecordInput & {
  readonly outcome: RunOutcome;
  /** Unix seconds. */
  readonly startedAt?: number;
  readonly completedAt: number;
};

export type StartInput = RecordInput & { readonly startedAt: number };

export type LateInput = RecordInput & {
  /** Distinguishes the late records of one execution. Letters, digits and `_`. */
  readonly part: string;
  /** Unix seconds. */
  readonly at: number;
};

/** Longest name of a unit of work, in bytes of UTF-8. */
const MAX_RUN_ID_BYTES = 16_384;

const EXECUTION_ID = /^[A-Za-z0-9_-]{1,64}$/;

/** Without `-`, which ends it: no two executions share the id of a late record. */
const LATE_PART = /^[A-Za-z0-9_]{1,64}$/;

/** A new name for one execution of a job. Made once, at its start, so that a retry repeats it. */
export function newExecutionId(): string {
  return crypto.randomUUID();
}

/**
 * The end of a run. A success with a `runId` is stored under the unit's name, so that it counts once
 * however often the unit is executed; everything else is stored under its execution. Only a success
 * has results (gauges of kind `result`): what an earlier one found stays otherwise.
 *
 * @throws {InvalidMetricError} naming the metric that cannot be added; {RecordError} for an id or time
 * that is none; {InvalidGroupingKeyError}.
 */
export function completionRecord(input: CompletionInput): RunRecord {
  const { outcome, startedAt, completedAt } = input;
  return recordOf(
    {
      type: "completion",
      outcome,
      ...(startedAt === undefined ? {} : { startedAt: unixSeconds("startedAt", startedAt) }),
      time: unixSeconds("completedAt", completedAt),
    },
    input,
  );
}

/** An announced start: small, under its own id. Throws as {@link completionRecord} does. */
export function startRecord(input: StartInput): RunRecord {
  return recordOf({ type: "start", time: unixSeconds("startedAt", input.startedAt) }, input);
}

/**
 * What was counted after the run had been closed, e.g. by a body that outlived its deadline. Has no
 * outcome and no results. Throws as {@link completionRecord} does.
 */
export function lateRecord(input: LateInput): RunRecord {
  return recordOf({ type: "late", time: unixSeconds("at", input.at) }, input, input.part);
}

/**
 * The id that a record of this kind has.
 *
 * @throws {RecordError} for names that make none.
 */
export function recordId(
  { type, executionId, runId, outcome }: RecordName,
  part: string = "",
): string {
  if (!EXECUTION_ID.test(executionId)) {
    throw new RecordError(`executionId is ${brief(executionId)}; expected 1 to 64 of A-Za-z0-9_-`);
  }
  if (runId !== undefined) checkRunId(runId);
  switch (type) {
    case "start":
      return `start-${executionId}`;
    case "late":
      if (!LATE_PART.test(part)) {
        throw new RecordError(`part is ${brief(part)}; expected 1 to 64 of A-Za-z0-9_`);
      }
      return `late-${part}-${executionId}`;
    case "completion":
      if (outcome !== "succeeded" || runId === undefined) return `run-${executionId}`;
      // Hashed, so that any text makes a short name that is fit for files and keys.
      return `unit-${sha256(runId)}`;
    default:
      return type satisfies never;
  }
}

type RecordName = Pick<RunRecord, "type" | "executionId"> & {
  readonly runId?: string;
  readonly outcome?: RunOutcome;
};

/** Whether several executions may claim this id, the first of them being the one that counts. */
export function isUnitId(id: string): boolean {
  return id.startsWith("unit-");
}

/** SHA-256 in hexadecimal digits. */
export function sha256(content: string | Buffer): string {
  return process.getBuiltinModule("node:crypto").createHash("sha256").update(content).digest("hex");
}

function recordOf(
  head: Pick<RunRecord, "type" | "time"> & {
    readonly outcome?: RunOutcome;
    readonly startedAt?: number;
  },
  { groupingKey: key, executionId, runId, families, gaugeKind = catalogueGaugeKind }: RecordInput,
  part?: string,
): RunRecord {
  const group = groupingKey(key.job, key.labels);
  const name = { ...head, executionId, ...(runId === undefined ? {} : { runId }) };
  const hasResults = head.outcome === "succeeded";
  const kept = families
    .map((family) => recordFamily(family, gaugeKind(family.name)))
    .filter((family) => hasResults || !("kind" in family) || family.kind === "status")
    .sort((a, b) => compareText(a.name, b.name));
  checkRecordFamilies(kept, group);
  return { format: RECORD_FORMAT, id: recordId(name, part), ...name, group, families: kept };
}

function unixSeconds(name: string, value: number): number {
  if (!Number.isFinite(value) || value < 0) {
    throw new RecordError(`${name} is ${value}; expected Unix seconds`);
  }
  return value === 0 ? 0 : value;
}

function checkRunId(runId: string): void {
  const wellFormed = !/\p{Surrogate}/u.test(runId);
  if (runId !== "" && wellFormed && Buffer.byteLength(runId) <= MAX_RUN_ID_BYTES) return;
  throw new RecordError(
    `runId is ${brief(runId)}; expected well-formed text of 1 to ${MAX_RUN_ID_BYTES} bytes`,
  );
}

function brief(text: string): string {
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}...` : text);
}
