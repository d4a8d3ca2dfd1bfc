import { InvalidInputError } from "../errors.ts";
import { quote } from "../sources/quote.ts";
import type { JsonNode } from "./outline.ts";

/** A number as text. */
const NUMBER = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/;

/** `$1,234.50`, `-$12.34`, `$-12.34`, `€0.5`, `1234.5`: a sign, a currency's, a sign, groups of digits. */
const MONEY = /^(-?)[^\d\s.,+-]{0,8}(-?)(\d+(?:,\d{2,3})*(?:\.\d+)?)$/;

/** `1.663%`, `1.66 %`. */
const PERCENT = /^(-?\d+(?:\.\d+)?)\s?%$/;

/** `2024-01-31`, with a time, with an offset. */
const MOMENT =
  /^(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?)? ?(Z|[+-]\d{2}:?\d{2})?$/;

/** Unix seconds of the years in which a backtest may lie: 1900 to 2200. */
const EARLIEST = -2_208_988_800;
const LATEST = 7_258_118_400;

/** Nothing that is called a figure is longer. */
const SHOWN = 40;

/** The number at a place. Absent and null are unknown. @throws {InvalidInputError} for what is none. */
export function numberAt(node: JsonNode | undefined, what: string): number | undefined {
  if (node === undefined || node === null) return undefined;
  if (typeof node === "number" && Number.isFinite(node)) return positiveZero(node);
  throw unfit(what, node, "a number");
}

/** The same, where numbers may be text: `"93"` or, from .NET, `"0.0166"`. */
export function numeralAt(node: JsonNode | undefined, what: string): number | undefined {
  if (typeof node !== "string") return numberAt(node, what);
  const number = NUMBER.test(node) ? Number(node) : Number.NaN;
  if (!Number.isFinite(number)) throw unfit(what, node, "a number");
  return positiveZero(number);
}

/** Text with a currency's sign, or a plain number. */
export function moneyAt(node: JsonNode | undefined, what: string): number | undefined {
  if (typeof node !== "string") return numberAt(node, what);
  const [, before, after, digits] = MONEY.exec(node.trim()) ?? [];
  const number = Number(digits?.replaceAll(",", ""));
  if (digits === undefined || !Number.isFinite(number) || (before !== "" && after !== "")) {
    throw unfit(what, node, "an amount such as $1,234.56");
  }
  return positiveZero(before === "" && after === "" ? number : -number);
}

/** Text that ends in `%`. A number without it is refused: it could be a fraction. */
export function percentAt(node: JsonNode | undefined, what: string): number | undefined {
  if (node === undefined || node === null) return undefined;
  const [, digits] = typeof node === "string" ? (PERCENT.exec(node.trim()) ?? []) : [];
  if (digits === undefined) throw unfit(what, node, "a percentage such as 1.66%");
  return positiveZero(Number(digits));
}

/** Text that is not empty. */
export function textAt(node: JsonNode | undefined, what: string): string | undefined {
  if (node === undefined || node === null || node === "") return undefined;
  if (typeof node === "string") return node;
  throw unfit(what, node, "text");
}

/** Unix seconds of a date, of local times as if they were UTC. */
export function momentAt(node: JsonNode | undefined, what: string): number | undefined {
  const text = textAt(node, what);
  if (text === undefined) return undefined;
  const [, year, month, day, hour = 0, minute = 0, second = 0, fraction = "", zone = "Z"] =
    MOMENT.exec(text.trim()) ?? [];
  const fields = [year, month, day, hour, minute, second].map(Number);
  const [y = Number.NaN, mo = 0, d = 0, h = 0, mi = 0, s = 0] = fields;
  const date = new Date(Date.UTC(y, mo - 1, d, h, mi, s));
  // The 31st of February would become another day.
  const isReal = date.getUTCMonth() === mo - 1 && date.getUTCDate() === d && h < 24 && mi < 60;
  if (!isReal || s > 59) throw unfit(what, text, "a date such as 2024-01-31 16:00:00");
  const seconds = date.getTime() / 1000 + Number(`0.${fraction === "" ? 0 : fraction}`);
  return within(seconds - offsetSeconds(zone), what, text);
}

/** Unix seconds of a number of units since 1970. */
export function sinceEpoch(
  node: JsonNode | undefined,
  unitsPerSecond: number,
  what: string,
): number | undefined {
  const number = numberAt(node, what);
  return number === undefined ? undefined : within(number / unitsPerSecond, what, number);
}

function within(seconds: number, what: string, given: JsonNode): number {
  if (seconds >= EARLIEST && seconds <= LATEST) return positiveZero(seconds);
  throw unfit(what, given, "a time between 1900 and 2200");
}

function offsetSeconds(zone: string): number {
  if (zone === "Z") return 0;
  const minutes = Number(zone.slice(1, 3)) * 60 + Number(zone.slice(-2));
  return (zone.startsWith("-") ? -1 : 1) * minutes * 60;
}

/** JSON has -0, and nobody means it. */
export function positiveZero(number: number): number {
  return number === 0 ? 0 : number;
}

/** What is wrong with a value, in one line. */
export function unfit(what: string, given: JsonNode, expected: string): InvalidInputError {
  return new InvalidInputError(`${what} is ${shownValue(given)}; expected ${expected}`);
}

function shownValue(given: JsonNode): string {
  if (typeof given === "string") return JSON.stringify(quote(given, [], SHOWN));
  return typeof given === "object" && given !== null ? `an ${given.kind}` : `${given}`;
}
