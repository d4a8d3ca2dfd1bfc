import { readFileSync } from "node:fs";
import { configuredRuns } from "../default-delivery.ts";
import { ClosingBellError, messageOf } from "../errors.ts";
import { formatGroupingKey } from "../grouping-key.ts";
import { createImportResults, type ImportedResults } from "../import-results.ts";
import type { DeliveryReport } from "../publish/delivery.ts";
import type { ResultMapping } from "../results/generic.ts";
import type { ResultFormat } from "../results/results.ts";
import { quote } from "../sources/quote.ts";
import { EXIT, explainFailure, type Io, readInput, UsageError } from "./io.ts";
import { describePublication, inOneLine, plainPublication } from "./publish.ts";
import { type GroupFlags, groupOf, lookup, sourcesOf } from "./target.ts";

export type PushResultsFlags = GroupFlags & {
  readonly format: ResultFormat | "auto";
  readonly strategy?: string;
  /** See {@link sizeOf}. */
  readonly maxSize?: string;
  /** File with a mapping as JSON. */
  readonly mapping?: string;
  readonly runId?: string;
};

const SIZE_UNITS: Readonly<Record<string, number>> = {
  "": 1,
  B: 1,
  KB: 1024,
  MB: 1024 ** 2,
  GB: 1024 ** 3,
};

/**
 * Reads a size such as `64MB` or `500000` (bytes).
 *
 * @throws {UsageError}
 */
export function sizeOf(text: string): number {
  const [, digits, unit = ""] = /^(\d{1,12})\s?([A-Z]*)$/.exec(text.toUpperCase()) ?? [];
  const bytes = Number(digits) * (SIZE_UNITS[unit] ?? Number.NaN);
  if (bytes > 0) return bytes;
  throw new UsageError(`--max-size ${text}: expected a size such as 64MB, 500KB, or bytes`);
}

/** Reports a result file as a run. 1 when it did not arrive, or is that of a backtest that failed. */
export async function pushResults(file: string, flags: PushResultsFlags, io: Io): Promise<number> {
  const { job, grouping, format, strategy, runId } = flags;
  const maxBytes = flags.maxSize === undefined ? undefined : sizeOf(flags.maxSize);
  // Before the file is read: a group that cannot be named is a usage error.
  groupOf(flags);
  const importResults = createImportResults(
    configuredRuns(() => sourcesOf(flags, io), { connection: { lookup } }),
  );
  let imported: ImportedResults;
  try {
    const mapping = flags.mapping === undefined ? undefined : await readMapping(flags.mapping);
    imported = await importResults({
      file,
      job,
      groupingKey: grouping,
      format,
      ...(strategy === undefined ? {} : { strategy }),
      ...(maxBytes === undefined ? {} : { maxBytes }),
      ...(runId === undefined ? {} : { runId }),
      ...(mapping === undefined ? {} : { mapping }),
    });
  } catch (error) {
    if (flags.json) {
      const refused = { status: "refused", error: messageOf(error) };
      io.out(`${JSON.stringify({ ...refused, peakMemoryBytes: peakMemoryBytes() })}\n`);
    }
    throw error;
  }
  const { delivery, failure } = imported;
  if (delivery.status === "disabled") throw new UsageError(delivery.reason);
  if (flags.json) {
    const plainly = { ...imported, delivery: plain(delivery) };
    io.out(`${JSON.stringify({ ...plainly, peakMemoryBytes: peakMemoryBytes() })}\n`);
  }
  if (delivery.status === "refused") return explainFailure(delivery.error, io);
  const isWell = hasArrived(delivery) && failure === undefined && delivery.refusals === undefined;
  if (!isWell || !(flags.quiet || flags.json)) {
    const failed = failure === undefined ? "" : `reported as a failed run: ${failure}; `;
    const leftOut = delivery.refusals === undefined ? "" : `; left out: ${delivery.refusals[0]}`;
    io.err(`closing-bell: ${failed}${describe(imported)}${leftOut}\n`);
  }
  return isWell ? EXIT.done : EXIT.failed;
}

/** @throws {UsageError} for a file that is no JSON. */
async function readMapping(path: string): Promise<ResultMapping> {
  const text = await readInput(path);
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new UsageError(`--mapping ${path} is not JSON: ${quote(messageOf(cause))}`, { cause });
  }
}

/** Recorded, and not kept from the gateway by anything that somebody has to look at. */
function hasArrived(delivery: DeliveryReport): boolean {
  switch (delivery.status) {
    case "delivered":
      return true;
    case "recorded":
    case "already_counted": {
      const { status } = delivery.publication;
      return status !== "refused" && status !== "failed";
    }
    default:
      return false;
  }
}

function describe({ format, strategy, delivery }: ImportedResults): string {
  const what = strategy === undefined ? format : `${format} ${strategy}`;
  switch (delivery.status) {
    case "delivered": {
      const { series, groupingKey, gateway, leftOut } = delivery;
      const left = leftOut.length === 0 ? "" : `; left out without a ledger: ${leftOut.join(", ")}`;
      return `${what}: reported ${series} series to ${formatGroupingKey(groupingKey)} at ${gateway}${left}`;
    }
    case "recorded":
      return `${what}: recorded for ${formatGroupingKey(delivery.groupingKey)}; ${publicationOf(delivery)}`;
    case "already_counted":
      return `${what}: this file was counted before for ${formatGroupingKey(delivery.groupingKey)}; ${publicationOf(delivery)}`;
    case "logged":
      return `${what}: not recorded, but logged whole for replay: ${inOneLine(delivery.error)}`;
    case "disabled":
      return `${what}: not reported: ${delivery.reason}`;
    default:
      return `${what}: not reported: ${inOneLine(delivery.error)}`;
  }
}

type Stored = Extract<DeliveryReport, { readonly status: "recorded" | "already_counted" }>;

function publicationOf({ publication, ledger }: Stored): string {
  return publication.status === "waiting"
    ? `waits in ${ledger}: ${publication.reason}`
    : describePublication(publication);
}

/** The same as JSON: plain values, and messages for errors. */
function plain(delivery: DeliveryReport): object {
  if ("publication" in delivery && delivery.publication.status !== "waiting") {
    return { ...delivery, publication: plainPublication(delivery.publication) };
  }
  if (!("error" in delivery)) return delivery;
  const { error, ...facts } = delivery;
  const code = error instanceof ClosingBellError ? { code: error.code } : {};
  return { ...facts, ...code, error: error.message };
}

/**
 * The most memory that this process ever had. Linux counts what its parent had before it became this
 * program into `maxRSS`; the kernel's own high-water mark begins anew.
 */
function peakMemoryBytes(): number {
  try {
    const status = readFileSync("/proc/self/status", "utf8");
    const [, kilobytes] = /^VmHWM:\s+(\d+) kB$/m.exec(status) ?? [];
    if (kilobytes !== undefined) return Number(kilobytes) * 1024;
  } catch {
    // Not Linux.
  }
  return process.resourceUsage().maxRSS * 1024;
}
