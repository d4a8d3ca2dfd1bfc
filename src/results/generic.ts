import { InvalidInputError, InvalidOptionError } from "../errors.ts";
import { refuseUnknownKeys } from "../options.ts";
import { formatJsonPath, type JsonPath, parseJsonPath } from "../sources/json-path.ts";
import { quote } from "../sources/quote.ts";
import { checkedResults, type FoundResults } from "./check.ts";
import { isContainer, type JsonNode, type Selection } from "./outline.ts";
import type { BacktestResults } from "./results.ts";
import { momentAt, numeralAt, sinceEpoch, textAt, unfit } from "./values.ts";

/**
 * Where in a JSON document what is, and in which unit: for any backtester. A path is written as
 * `a.b[0]["x.y"]`. At least one figure besides the currency.
 */
export type ResultMapping = {
  readonly startValue?: string;
  readonly finalValue?: string;
  readonly cash?: string;
  readonly openPositions?: string;
  /** Path of the symbol, or the symbol itself. */
  readonly currency?: string | { readonly literal: string };
  readonly totalReturn?: RatePlace;
  readonly maxDrawdown?: RatePlace & {
    /** Of a drawdown that is one. */
    readonly sign: "negative" | "positive";
  };
  readonly trades?: string;
  readonly winRate?: RatePlace;
  readonly sharpeRatio?: string;
  readonly startTime?: TimePlace;
  readonly endTime?: TimePlace;
};

export type RatePlace = { readonly path: string; readonly unit: "percent" | "fraction" };

/** `text` is a date, of local time as if it were UTC; the others are since 1970. */
export type TimePlace = {
  readonly path: string;
  readonly unit: "text" | "seconds" | "milliseconds" | "nanoseconds";
};

/** A way to read a checked mapping's file. */
export type GenericReader = {
  readonly selection: Selection;
  readonly read: (document: JsonNode | undefined) => BacktestResults;
};

const PLAIN = [
  "startValue",
  "finalValue",
  "cash",
  "openPositions",
  "trades",
  "sharpeRatio",
] as const;
const TIMES = ["startTime", "endTime"] as const;
const NAMES = [...PLAIN, ...TIMES, "currency", "totalReturn", "maxDrawdown", "winRate"] as const;

const PERCENT_IN = { percent: 1, fraction: 100 } as const;
const PER_SECOND = { seconds: 1, milliseconds: 1e3, nanoseconds: 1e9 } as const;

/** A drawdown of more than everything is a unit that was mistaken. */
const LEAST_DRAWDOWN_PCT = -100;

/**
 * Checks a mapping.
 *
 * @throws {InvalidOptionError} for an unknown key, a path that is none, a missing unit.
 */
export function createGenericReader(mapping: ResultMapping): GenericReader {
  if (typeof mapping !== "object" || mapping === null) {
    throw new InvalidOptionError("mapping: expected an object of figures and their paths");
  }
  refuseUnknownKeys(mapping, NAMES, "mapping");
  const paths = new Map<string, JsonPath>();
  for (const [name, place] of Object.entries(mapping)) {
    const path = pathOf(name, place);
    if (path !== undefined) paths.set(name, path);
  }
  const literal = typeof mapping.currency === "object" ? mapping.currency.literal : undefined;
  if ([...paths.keys()].every((name) => name === "currency")) {
    throw new InvalidOptionError("mapping: names no figure");
  }
  return {
    selection: selectionOf([...paths.values()]),
    read(document) {
      const at = (name: string) => placeIn(document, paths.get(name));
      const what = (name: string) => `${name} (${shown(paths.get(name))})`;
      const number = (name: string) => figureAt(at(name), what(name));
      const percent = (name: "totalReturn" | "maxDrawdown" | "winRate") => {
        const value = number(name);
        const place = mapping[name];
        if (value === undefined || place === undefined) return undefined;
        return value * PERCENT_IN[place.unit];
      };
      const time = (name: (typeof TIMES)[number]) => timeAt(mapping[name], at(name), what(name));
      const winRatePct = percent("winRate");
      const found: FoundResults = {
        ...Object.fromEntries(PLAIN.map((name) => [name, number(name)])),
        currency: literal ?? textAt(at("currency"), what("currency")),
        totalReturnPct: percent("totalReturn"),
        maxDrawdownPct: drawdownOf(mapping, percent("maxDrawdown"), what("maxDrawdown")),
        winRate: winRatePct === undefined ? undefined : winRatePct / 100,
        startTime: time("startTime"),
        endTime: time("endTime"),
      };
      const results = checkedResults(found);
      if (Object.keys(results).every((name) => name === "currency")) {
        throw new InvalidInputError(
          `none of the mapping's places is in it, e.g. ${firstOf(paths)}`,
        );
      }
      return results;
    },
  };
}

/** Checks one member of a mapping. Undefined for a currency that is given, not read. */
function pathOf(name: string, place: unknown): JsonPath | undefined {
  const what = `mapping: ${name}`;
  if (typeof place === "string" && !isUnitNeeded(name)) return parseJsonPath(place, what);
  if (typeof place !== "object" || place === null) {
    throw new InvalidOptionError(`${what}: expected ${isUnitNeeded(name) ? UNIT_HINT : "a path"}`);
  }
  if (name === "currency") {
    refuseUnknownKeys(place, ["literal"], what);
    return undefined;
  }
  const units: Readonly<Record<string, number | undefined>> = TIMES.some((time) => time === name)
    ? { ...PER_SECOND, text: 1 }
    : PERCENT_IN;
  const isDrawdown = name === "maxDrawdown";
  refuseUnknownKeys(place, ["path", "unit", ...(isDrawdown ? ["sign"] : [])], what);
  const { path, unit, sign } = place as Readonly<Record<string, unknown>>;
  if (typeof unit !== "string" || !Object.hasOwn(units, unit)) {
    throw new InvalidOptionError(`${what}: unit must be one of ${Object.keys(units).join(", ")}`);
  }
  if (isDrawdown && sign !== "negative" && sign !== "positive") {
    throw new InvalidOptionError(`${what}: sign must be negative or positive`);
  }
  if (typeof path !== "string") throw new InvalidOptionError(`${what}: expected ${UNIT_HINT}`);
  return parseJsonPath(path, what);
}

const UNIT_HINT = '{ "path": ..., "unit": ... }';

function isUnitNeeded(name: string): boolean {
  return !["currency", ...PLAIN].includes(name);
}

/** What all the paths together need. */
function selectionOf(paths: readonly JsonPath[]): Selection {
  const heads = new Map<string, JsonPath[]>();
  for (const [head, ...rest] of paths) {
    if (head !== undefined) heads.set(`${head}`, [...(heads.get(`${head}`) ?? []), rest]);
  }
  if (heads.size === 0) return {};
  return { members: new Map([...heads].map(([head, rest]) => [head, selectionOf(rest)])) };
}

/** Nothing where a key is missing, and where a path takes an array for an object. */
function placeIn(document: JsonNode | undefined, path: JsonPath | undefined): JsonNode | undefined {
  if (path === undefined) return undefined;
  let node = document;
  for (const step of path) {
    const kind = typeof step === "number" ? "array" : "object";
    node = isContainer(node) && node.kind === kind ? node.members.get(`${step}`) : undefined;
  }
  return node;
}

/** NaN is how Python says unknown. */
function figureAt(node: JsonNode | undefined, what: string): number | undefined {
  return Number.isNaN(node) ? undefined : numeralAt(node, what);
}

function timeAt(place: TimePlace | undefined, node: JsonNode | undefined, what: string) {
  if (place === undefined || Number.isNaN(node)) return undefined;
  return place.unit === "text"
    ? momentAt(node, what)
    : sinceEpoch(node, PER_SECOND[place.unit], what);
}

function drawdownOf({ maxDrawdown }: ResultMapping, percent: number | undefined, what: string) {
  if (percent === undefined || maxDrawdown === undefined) return undefined;
  const drawdown = maxDrawdown.sign === "positive" ? 0 - percent : percent;
  if (drawdown <= 0 && drawdown >= LEAST_DRAWDOWN_PCT) return drawdown;
  throw unfit(what, drawdown, "0 to -100 percent: is its unit or its sign another one?");
}

function shown(path: JsonPath | undefined): string {
  return path === undefined ? "" : quote(formatJsonPath(path));
}

function firstOf(paths: ReadonlyMap<string, JsonPath>): string {
  return shown([...paths.values()][0]);
}
