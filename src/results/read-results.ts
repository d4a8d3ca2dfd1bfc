import { dirname, join } from "node:path";
import { InvalidInputError, InvalidOptionError } from "../errors.ts";
import { refuseUnknownKeys } from "../options.ts";
import { quote } from "../sources/quote.ts";
import { decodeInto, type TextSink } from "./decode.ts";
import { digestOf, openResultFile, type ResultFile } from "./file.ts";
import { type FreqtradeTrades, freqtradeSelection, readFreqtrade } from "./freqtrade.ts";
import { createGenericReader, type ResultMapping } from "./generic.ts";
import { createJsonScanner } from "./json-scan.ts";
import { leanSelection, readLean } from "./lean.ts";
import { createOutline, type JsonNode, memberOf, objectAt, type Selection } from "./outline.ts";
import { FORMATS, type Reading, type ResultFormat } from "./results.ts";
import {
  createStatisticsTable,
  readStatistics,
  statisticsFormat,
  statisticsSelection,
} from "./statistics.ts";
import { createTally, type Tally } from "./tally.ts";
import { isZip, readZip } from "./zip.ts";

export type ReadOptions = {
  /** Default `auto`: by its looks, or `generic` where a mapping is given. */
  readonly format?: ResultFormat | "auto";
  /** Of a freqtrade file with several. */
  readonly strategy?: string;
  /** Largest file, and largest JSON in a zip. Bytes, default 64 MB. */
  readonly maxBytes?: number;
  /** For `generic`: what is where, and in which unit. */
  readonly mapping?: ResultMapping;
};

export type ReadResults = Reading & {
  readonly format: ResultFormat;
  /** SHA-256 of the file that was read. */
  readonly sha256: string;
};

/** 64 MB: a freqtrade result of 80,000 trades. */
export const MAX_RESULT_BYTES = 64 * 1024 * 1024;

const OPTIONS: readonly (keyof ReadOptions)[] = ["format", "strategy", "maxBytes", "mapping"];

/** The document of a file with all that any format may want of it. */
type Looked = {
  readonly document: JsonNode | undefined;
  readonly isTable: boolean;
  readonly freqtradeTrades: FreqtradeTrades;
  readonly leanTrades: Tally;
  readonly notFinite: string | undefined;
};

/**
 * Reads what a backtester left behind. Memory does not grow with the file: it is scanned, never held.
 *
 * @throws {InvalidOptionError} for an option that is none; {InvalidInputError}, in one line, for a file
 * that cannot be trusted: whatever is wrong with it, and where.
 */
export async function readResults(path: string, options: ReadOptions = {}): Promise<ReadResults> {
  refuseUnknownKeys(options, OPTIONS, "readResults");
  const plan = planOf(options);
  try {
    return await readNamed(path, plan, true);
  } catch (cause) {
    if (!(cause instanceof InvalidInputError)) throw cause;
    throw new InvalidInputError(`${quote(path, [], 200)}: ${cause.message}`, { cause });
  }
}

type Plan = {
  readonly format: ResultFormat | "auto";
  readonly strategy: string | undefined;
  readonly maxBytes: number;
  readonly generic: ReturnType<typeof createGenericReader> | undefined;
};

function planOf({ format = "auto", strategy, maxBytes = MAX_RESULT_BYTES, mapping }: ReadOptions) {
  if (format !== "auto" && !FORMATS.includes(format)) {
    const known = ["auto", ...FORMATS].join(", ");
    throw new InvalidOptionError(`format is ${quote(`${format}`)}; expected one of ${known}`);
  }
  if (!(Number.isSafeInteger(maxBytes) && maxBytes > 0)) {
    throw new InvalidOptionError(`maxBytes is ${maxBytes}; expected a number of bytes`);
  }
  if ((format === "generic") !== (mapping !== undefined) && (format !== "auto" || !mapping)) {
    const is = "the format generic and a mapping (--mapping) need each other";
    if (format !== "auto") throw new InvalidOptionError(is);
  }
  const generic = mapping === undefined ? undefined : createGenericReader(mapping);
  return {
    format: generic === undefined ? format : "generic",
    strategy,
    maxBytes,
    generic,
  } as Plan;
}

/** @param mayFollow whether it may be the note of freqtrade that names its newest result. */
async function readNamed(path: string, plan: Plan, mayFollow: boolean): Promise<ReadResults> {
  const file = await openResultFile(path, plan.maxBytes);
  try {
    const sha256 = await digestOf(file);
    const beginning = await firstBytes(file);
    const looked = isZip(beginning)
      ? await lookIntoZip(file, plan)
      : await look(file.pieces(), plan);
    const newest = memberOf(looked.document, "latest_backtest");
    if (mayFollow && typeof newest === "string" && plan.generic === undefined) {
      return await readNamed(join(dirname(path), plainName(newest)), plan, false);
    }
    return { ...readLooked(looked, plan), sha256 };
  } finally {
    await file.close();
  }
}

async function firstBytes(file: ResultFile): Promise<Uint8Array> {
  for await (const piece of file.pieces()) return piece.slice(0, 4);
  return new Uint8Array();
}

/** A name in the same folder, and nothing else. */
function plainName(name: string): string {
  if (/^[\w-][\w.-]*\.(?:json|zip)$/.test(name)) return name;
  throw new InvalidInputError(`latest_backtest is ${quote(name)}; expected the name of a file`);
}

/** Of a zip of freqtrade, the JSON that holds strategies: there are its configuration and parameters too. */
async function lookIntoZip(file: ResultFile, plan: Plan): Promise<Looked> {
  if (plan.format !== "auto" && plan.format !== "freqtrade") {
    throw new InvalidInputError(`is a zip, which only freqtrade writes; expected ${plan.format}`);
  }
  const found: { readonly name: string; readonly looked: Looked }[] = [];
  const names: string[] = [];
  await readZip(file, plan.maxBytes, async (name, pieces) => {
    const looked = await look(pieces, plan);
    names.push(quote(name));
    if (objectAt(looked.document, "strategy") !== undefined) found.push({ name, looked });
  });
  const [first, second] = found;
  if (first === undefined) {
    const there = names.length === 0 ? "no JSON" : `only ${names.slice(0, 5).join(", ")}`;
    throw new InvalidInputError(`has no JSON with an object "strategy" in it: ${there}`);
  }
  if (second !== undefined) {
    throw new InvalidInputError(
      `has two results in it: ${quote(first.name)}, ${quote(second.name)}`,
    );
  }
  return first.looked;
}

/** Scans a document for all that is wanted of it. */
async function look(pieces: AsyncIterable<Uint8Array>, plan: Plan): Promise<Looked> {
  const freqtrade = freqtradeSelection();
  const leanTrades = createTally();
  const wanted = plan.generic?.selection ?? {
    members: new Map(
      [freqtrade.selection, leanSelection(leanTrades), statisticsSelection].flatMap(membersOf),
    ),
  };
  const outline = createOutline(wanted);
  const scanner = createJsonScanner(outline.visitor);
  const table = createStatisticsTable();
  let isTable = false;
  await decodeInto(pieces, (text): TextSink => {
    // Whatever begins as JSON is judged as JSON.
    isTable = plan.generic === undefined && /^[^\s[{]/.test(text.trimStart());
    return isTable ? table : scanner;
  });
  return {
    document: isTable ? table.document() : outline.document(),
    isTable,
    freqtradeTrades: freqtrade.trades,
    leanTrades,
    notFinite: scanner.notFinite(),
  };
}

function membersOf({ members = new Map() }: Selection): readonly [string, Selection][] {
  return [...members];
}

function readLooked(
  looked: Looked,
  { format, strategy, generic }: Plan,
): Reading & { format: ResultFormat } {
  const { document, notFinite } = looked;
  const isFormat = format === "auto" ? formatOf(looked) : format;
  if (strategy !== undefined && isFormat !== "freqtrade") {
    throw new InvalidOptionError(`strategy is for freqtrade's files; this one is ${isFormat}`);
  }
  if ((isFormat === "freqtrade" || isFormat === "lean") && notFinite !== undefined) {
    throw new InvalidInputError(`${notFinite} is no JSON, and ${isFormat} does not write it`);
  }
  switch (isFormat) {
    case "freqtrade":
      return { format: isFormat, ...readFreqtrade(document, looked.freqtradeTrades, strategy) };
    case "lean":
      return { format: isFormat, ...readLean(document, looked.leanTrades) };
    case "backtesting.py":
    case "vectorbt":
      return { format: isFormat, results: readStatistics(document, isFormat) };
    case "generic":
      return { format: isFormat, results: generic?.read(document) ?? {} };
    default:
      return isFormat satisfies never;
  }
}

/** By what each format alone has. */
function formatOf({ document }: Looked): ResultFormat {
  const has = (name: string) => memberOf(document, name) !== undefined;
  if (objectAt(document, "strategy") !== undefined && has("strategy_comparison")) {
    return "freqtrade";
  }
  if (has("statistics") && has("totalPerformance")) return "lean";
  if (has("Statistics") && has("TotalPerformance")) return "lean";
  const statistics = statisticsFormat(document);
  if (statistics !== undefined) return statistics;
  throw new InvalidInputError(
    "is no result of freqtrade, LEAN, backtesting.py or vectorbt by its looks; " +
      "give --format, or for another backtester a mapping (--mapping)",
  );
}
