import { isDeepStrictEqual } from "node:util";
import {
  asError,
  LedgerCorruptError,
  LedgerFormatError,
  LedgerUnavailableError,
} from "../errors.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { Mode } from "../run/mode.ts";
import type { PortfolioReading } from "../sources/portfolio/portfolio.ts";
import { trackPortfolio, untrackedFigures } from "./track-portfolio.ts";
import type { PortfolioFigures, Tracking, TrackingOptions } from "./tracking.ts";

/** The part of a ledger where small items are. */
export type StateStore = Pick<Ledger, "readState" | "writeState">;

export type StoredTracking = {
  /** 0 before the first. */
  readonly version: number;
  readonly tracking?: Tracking;
};

export type TrackedIn = {
  readonly figures: PortfolioFigures;
  /** Why the figures that need a memory are absent. */
  readonly error?: Error;
};

/** Each time it is lost, another reporter has won: so many of them at once are none. */
const ATTEMPTS = 20;

/** The item's name. What is on paper has its own, and never mixes with what is live. */
export function trackingName(mode: Mode): string {
  return `portfolio ${mode}`;
}

/**
 * Takes one observation into a tracking that is kept in a store, and says what is known now. Never
 * rejects. When the store cannot be read or written, value and cash are known all the same, and so is
 * a day's result that the source says itself; drawdowns and return are not: a high-water mark that is
 * not kept would be forgotten at the next look. The same, without an error, where there is no store.
 */
export async function trackIn(
  store: StateStore | undefined,
  name: string,
  reading: PortfolioReading,
  options: TrackingOptions,
): Promise<TrackedIn> {
  if (store === undefined) return { figures: untrackedFigures(reading) };
  try {
    return { figures: await track(store, name, reading, options) };
  } catch (error) {
    return { figures: untrackedFigures(reading), error: asError(error) };
  }
}

/** @throws {LedgerFormatError}, {LedgerCorruptError}, and what the store throws. */
export async function readTracking(store: StateStore, name: string): Promise<StoredTracking> {
  const item = await store.readState(name);
  if (item === undefined) return { version: 0 };
  return { version: item.version, tracking: decode(name, item.value) };
}

/** Writes the version after the one that was read. `lost`: another reporter did; read again. */
export async function saveTracking(
  store: StateStore,
  name: string,
  { version }: StoredTracking,
  tracking: Tracking,
): Promise<"won" | "lost"> {
  return store.writeState(name, { version: version + 1, value: tracking });
}

async function track(
  store: StateStore,
  name: string,
  reading: PortfolioReading,
  options: TrackingOptions,
): Promise<PortfolioFigures> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const stored = await readTracking(store, name);
    const { after, figures } = trackPortfolio(stored.tracking, reading, options);
    if (after === undefined || isDeepStrictEqual(after, stored.tracking)) return figures;
    if ((await saveTracking(store, name, stored, after)) === "won") return figures;
  }
  throw new LedgerUnavailableError(
    `the state ${name} was written by others ${ATTEMPTS} times in a row: too many reporters track one portfolio. Run one per mode`,
  );
}

type Check = (value: unknown) => boolean;

const isNumber: Check = (value) => Number.isFinite(value);
const isPositive: Check = (value) => isNumber(value) && (value as number) > 0;
const isNotNegative: Check = (value) => isNumber(value) && (value as number) >= 0;
const orAbsent =
  (check: Check): Check =>
  (value) =>
    value === undefined || check(value);

const FIELDS: Readonly<Record<Exclude<keyof Tracking, "format">, Check>> = {
  startCapital: orAbsent(isPositive),
  currency: orAbsent((value) => typeof value === "string"),
  unit: isNotNegative,
  peak: isNotNegative,
  maxDrawdown: (value) => isNumber(value) && (value as number) >= -1 && (value as number) <= 0,
  at: isNumber,
  equity: isNumber,
  cashFlowToday: orAbsent(isNumber),
  cashFlowTotal: orAbsent(isNumber),
  lastCloseEquity: orAbsent(isNumber),
  day: (value) => typeof value === "string",
  dayBase: isNumber,
  dayFlow: isNumber,
};

/** Nothing is written over what cannot be understood: a high-water mark cannot be had again. */
function decode(name: string, value: unknown): Tracking {
  const content: Readonly<Record<string, unknown>> = { ...(value as object) };
  const { format } = content;
  if (typeof format === "number" && Number.isInteger(format) && format > 1) {
    throw new LedgerFormatError(
      `the state ${name} has format ${format}: a newer closing-bell wrote it; upgrade this one. Nothing was overwritten`,
    );
  }
  const wrong = Object.entries(FIELDS).find(([field, check]) => !check(content[field]));
  const problem =
    format !== 1
      ? `format is ${JSON.stringify(format)}`
      : wrong !== undefined
        ? `${wrong[0]} is ${JSON.stringify(content[wrong[0]])}`
        : (content["unit"] as number) > (content["peak"] as number)
          ? "unit is above peak"
          : undefined;
  if (problem === undefined) return value as Tracking;
  throw new LedgerCorruptError(
    `the state ${name} cannot be used: ${problem}. Nothing was overwritten. Restore the ledger from a backup; ` +
      "or move this item away (in a ledger of files, the directory below state/ whose files name it), and the high-water mark begins anew",
  );
}
