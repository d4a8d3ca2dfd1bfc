import { createReadStream } from "node:fs";
import { fileURLToPath } from "node:url";
import { InvalidInputError, messageOf } from "../../errors.ts";

/** One trading day. Prices in the currency of the file. */
export type Bar = {
  /** ISO date, e.g. `2020-04-17`. */
  readonly date: string;
  readonly open: number;
  readonly close: number;
};

/** Largest price file that is read: a century of daily bars is 3 MB. */
const MAX_BYTES = 64 * 1024 * 1024;

/**
 * Daily prices from CSV with a header that names at least `date`, `open` and `close`.
 *
 * @param url `file:` or `https:`.
 * @throws {InvalidInputError} for another scheme, what cannot be fetched, and rows that are no prices.
 */
export async function readPrices(url: URL, signal?: AbortSignal): Promise<readonly Bar[]> {
  return parsePrices(await load(url, signal), shown(url));
}

/** The URL as messages show it: user-info and query may hold a key. */
function shown({ protocol, host, pathname }: URL): string {
  return `${protocol}//${host}${pathname}`;
}

async function load(url: URL, signal: AbortSignal | undefined): Promise<string> {
  if (url.protocol !== "file:" && url.protocol !== "https:") {
    throw new InvalidInputError(`prices at ${shown(url)}: expected a file: or https: URL`);
  }
  try {
    const chunks: Uint8Array[] = [];
    let bytes = 0;
    for await (const chunk of await open(url, signal)) {
      bytes += chunk.length;
      if (bytes > MAX_BYTES) throw new Error(`longer than ${MAX_BYTES} bytes`);
      chunks.push(chunk);
    }
    return Buffer.concat(chunks).toString("utf8");
  } catch (cause) {
    signal?.throwIfAborted();
    throw new InvalidInputError(`prices at ${shown(url)} cannot be read: ${reasonOf(cause)}`, {
      cause,
    });
  }
}

async function open(url: URL, signal: AbortSignal | undefined): Promise<AsyncIterable<Uint8Array>> {
  if (url.protocol === "file:") {
    return createReadStream(fileURLToPath(url), signal ? { signal } : {});
  }
  // fetch refuses it too, and its error shows the password.
  if (url.username !== "" || url.password !== "") throw new Error("the URL holds user-info");
  const response = await fetch(url, signal ? { signal } : {});
  if (!response.ok || response.body === null) throw new Error(`answered ${response.status}`);
  return response.body;
}

/** What fetch reports as "fetch failed" has the reason as its cause. */
function reasonOf(thrown: unknown): string {
  const { cause = thrown } = thrown as { readonly cause?: unknown };
  return messageOf(cause);
}

/** @throws {InvalidInputError} naming the line. */
export function parsePrices(csv: string, source: string): readonly Bar[] {
  const [header = "", ...lines] = csv.split(/\r?\n/);
  const columns = header.split(",").map((name) => name.trim().toLowerCase());
  const [dateAt, openAt, closeAt] = ["date", "open", "close"].map((name) => {
    const at = columns.indexOf(name);
    if (at < 0) throw new InvalidInputError(`${source} line 1: the header has no column ${name}`);
    return at;
  }) as [number, number, number];

  const bars: Bar[] = [];
  for (const [index, line] of lines.entries()) {
    if (line.trim() === "") continue;
    const cells = line.split(",");
    const bar = {
      date: cells[dateAt]?.trim() ?? "",
      open: Number(cells[openAt] || Number.NaN),
      close: Number(cells[closeAt] || Number.NaN),
    };
    const before = bars.at(-1)?.date ?? "";
    const number = index + 2;
    if (!isDate(bar.date) || bar.date <= before) {
      throw new InvalidInputError(
        `${source} line ${number}: expected a date after ${before || "nothing"}, got ${JSON.stringify(bar.date)}`,
      );
    }
    if (!(bar.open > 0 && bar.close > 0 && Number.isFinite(bar.open + bar.close))) {
      throw new InvalidInputError(`${source} line ${number}: open and close must be prices`);
    }
    bars.push(bar);
  }
  if (bars.length === 0) throw new InvalidInputError(`${source} line 2: there are no prices`);
  return bars;
}

/** A day of the calendar: the 30th of February has the form alone. */
function isDate(text: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return false;
  const date = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(text);
}
