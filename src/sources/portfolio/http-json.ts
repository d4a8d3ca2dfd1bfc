import { InvalidOptionError, SourceError } from "../../errors.ts";
import { refuseUnknownKeys } from "../../options.ts";
import { type Decimal, multiply, parseDecimal, toNumber } from "../decimal.ts";
import { getJson } from "../get-json.ts";
import { httpTarget } from "../http-target.ts";
import { formatJsonPath, type JsonPath, kindOf, lookUp, parseJsonPath } from "../json-path.ts";
import { quote } from "../quote.ts";
import { SOURCE_TIMEOUT_MS } from "../source.ts";
import { refuseTimeout } from "../timeout.ts";
import type { PortfolioReading, PortfolioSource } from "./portfolio.ts";

export type HttpPortfolioOptions = {
  /** Of the document, http or https. User-info in it is sent as basic auth. */
  readonly url: string | URL;
  /** Sent as `Authorization: Bearer`. */
  readonly token?: string;
  readonly fields: PortfolioFields;
  /** Of a reading, in milliseconds. Default 5000. */
  readonly timeoutMs?: number;
  /** Certificate authorities in PEM, instead of the system's. */
  readonly ca?: string;
};

/** Where in the document what is. At least one besides `currency`. */
export type PortfolioFields = {
  readonly [amount in Amount]?: AmountPlace;
} & {
  /** Path of a number, or of an array: its length. */
  readonly positions?: string;
  /** Path of the currency's symbol, or the symbol itself. */
  readonly currency?: string | { readonly literal: string };
};

/** Path of a number or of a string that spells one, see {@link parseJsonPath}. */
export type AmountPlace =
  | string
  | {
      readonly path: string;
      /** What one unit of the value is worth: 0.01 for cents, -1 to turn the sign. Default 1. */
      readonly scale?: number;
    };

type Amount = (typeof AMOUNTS)[number];

const AMOUNTS = [
  "equity",
  "cash",
  "dailyPnl",
  "lastCloseEquity",
  "cashFlowToday",
  "cashFlowTotal",
] as const satisfies readonly (keyof PortfolioReading)[];

const NAME = "portfolio";
const CURRENCY = /^[A-Za-z0-9]{1,12}$/;

/** Where one field of a reading comes from, and how a value becomes it; a string is what is wrong. */
type Place = {
  readonly field: Amount | "positions" | "currency";
  readonly path: JsonPath;
  readonly read: (value: unknown) => { readonly known: number | string } | string;
};

/**
 * A portfolio in a JSON document that an HTTP endpoint serves: any broker, any bot. One GET per
 * reading; nothing is ever posted.
 *
 * A field whose path leads nowhere, to null or to what is no number is absent, and named in
 * `problems`. A document without any of them (the currency aside) is no reading.
 *
 * @throws {InvalidOptionError}
 */
export function createHttpPortfolioSource(options: HttpPortfolioOptions): PortfolioSource {
  const what = "createHttpPortfolioSource";
  refuseUnknownKeys(options, ["url", "token", "fields", "timeoutMs", "ca"], what);
  const { url, token, fields, timeoutMs = SOURCE_TIMEOUT_MS, ca } = options;
  refuseTimeout(timeoutMs, what);
  const target = httpTarget({ url, token, ca }, what);
  const places = placesOf(fields, what);
  const literal = literalOf(fields, what);
  return {
    name: NAME,
    timeoutMs,
    async read(signal) {
      const document = await getJson(NAME, target, signal);
      const { problems, ...read } = readPlaces(document, places, target.secrets);
      if (Object.keys(read).every((field) => field === "currency")) {
        const why = (problems ?? []).join("; ");
        throw new SourceError(NAME, `GET ${target.shown} answered none of the fields: ${why}`);
      }
      return {
        ...read,
        ...(literal === undefined ? {} : { currency: literal }),
        ...(problems === undefined ? {} : { problems }),
      };
    },
  };
}

function readPlaces(
  document: unknown,
  places: readonly Place[],
  secrets: readonly string[],
): PortfolioReading {
  const read: Record<string, number | string> = {};
  const problems: string[] = [];
  for (const { field, path, read: readValue } of places) {
    const found = lookUp(document, path);
    if (!found.isFound) {
      problems.push(`${field}: ${found.why}`);
      continue;
    }
    const value = readValue(found.value);
    if (typeof value === "object") read[field] = value.known;
    else
      problems.push(
        `${field}: ${formatJsonPath(path)} is ${given(found.value, secrets)}, ${value}`,
      );
  }
  return { ...read, ...(problems.length === 0 ? {} : { problems }) };
}

function given(value: unknown, secrets: readonly string[]): string {
  if (typeof value === "string") return `"${quote(value, secrets, 40)}"`;
  return typeof value === "number" ? `${value}` : kindOf(value);
}

function placesOf(fields: PortfolioFields, what: string): readonly Place[] {
  if (typeof fields !== "object" || fields === null) {
    throw new InvalidOptionError(
      `${what}: fields is missing; expected e.g. { equity: "data.total" }`,
    );
  }
  refuseUnknownKeys(fields, [...AMOUNTS, "positions", "currency"], `${what}: fields`);
  const places: Place[] = [];
  for (const field of AMOUNTS) {
    const place = fields[field];
    if (place !== undefined) places.push(amountPlace(field, place, `${what}: fields.${field}`));
  }
  if (fields.positions !== undefined) {
    const path = pathOf(fields.positions, `${what}: fields.positions`);
    places.push({ field: "positions", path, read: readCount });
  }
  if (places.length === 0) {
    throw new InvalidOptionError(`${what}: fields names nothing to read besides the currency`);
  }
  if (typeof fields.currency === "string") {
    const path = pathOf(fields.currency, `${what}: fields.currency`);
    places.push({ field: "currency", path, read: readCurrency });
  }
  return places;
}

function amountPlace(field: Amount, place: AmountPlace, what: string): Place {
  if (typeof place === "string") return { field, path: pathOf(place, what), read: readAmount };
  if (typeof place !== "object" || place === null) throw notAPlace(what);
  refuseUnknownKeys(place, ["path", "scale"], what);
  const path = pathOf(place.path, what);
  const scale = typeof place.scale === "string" ? undefined : parseDecimal(place.scale ?? 1);
  if (scale === undefined || scale.digits === 0n) {
    throw new InvalidOptionError(
      `${what}: scale must be a number other than 0, e.g. 0.01 for cents`,
    );
  }
  return { field, path, read: (value) => readAmount(value, scale) };
}

function pathOf(text: unknown, what: string): JsonPath {
  if (typeof text !== "string") throw notAPlace(what);
  return parseJsonPath(text, what);
}

function notAPlace(what: string): InvalidOptionError {
  return new InvalidOptionError(`${what}: expected a path, e.g. "data.total"`);
}

function literalOf({ currency }: PortfolioFields, what: string): string | undefined {
  if (currency === undefined || typeof currency === "string") return undefined;
  if (typeof currency === "object" && currency !== null) {
    refuseUnknownKeys(currency, ["literal"], `${what}: fields.currency`);
    if (typeof currency.literal === "string" && CURRENCY.test(currency.literal)) {
      return currency.literal;
    }
  }
  throw new InvalidOptionError(
    `${what}: fields.currency: expected a path, or a symbol as { literal: "USD" }`,
  );
}

function readAmount(value: unknown, scale?: Decimal): ReturnType<Place["read"]> {
  const decimal = parseDecimal(value);
  if (decimal === undefined) return "not an amount";
  return { known: toNumber(scale === undefined ? decimal : multiply(decimal, scale)) };
}

function readCount(value: unknown): ReturnType<Place["read"]> {
  if (Array.isArray(value)) return { known: value.length };
  const decimal = parseDecimal(value);
  const known = decimal === undefined ? Number.NaN : toNumber(decimal);
  return Number.isSafeInteger(known) && known >= 0 ? { known } : "neither a count nor an array";
}

function readCurrency(value: unknown): ReturnType<Place["read"]> {
  return typeof value === "string" && CURRENCY.test(value) ? { known: value } : "not a currency";
}
