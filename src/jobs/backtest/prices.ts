import { readFile } from "node:fs/promises";
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
  return parsePrices(await load(url, signal), url.href);
}

async function load(url: URL, signal: AbortSignal | undefined): Promise<string> {
  try {
    if (url.protocol === "file:") {
      return await readFile(fileURLToPath(url), { encoding: "utf8", ...(signal && { signal }) });
    }
    if (url.protocol === "https:") {
      const response = await fetch(url, signal ? { signal } : {});
      if (!response.ok) throw new Error(`answered ${response.status}`);
      const text = await response.text();
      if (text.length > MAX_BYTES) throw new Error(`longer than ${MAX_BYTES} bytes`);
      return text;
    }
  } catch (cause) {
    signal?.throwIfAborted();
    throw new InvalidInputError(`prices at ${url.href} cannot be read: ${messageOf(cause)}`, {
      cause,
    });
  }
  throw new InvalidInputError(`prices at ${url.href}: expected a file: or https: URL`);
}

/** @throws {InvalidInputError} naming the line. */
export function parsePrices(csv: string, source: string): readonly Bar[] {
  const [header = "", ...lines] = csv.split(/\r?\n/);
  const columns = header.split(",").map((name) => name.trim().toLowerCase());
  const [dateAt, openAt, closeAt] = ["date", "open", "close"].map((name) => {
    const at = columns.indexOf(name);
    if (at < 0) throw new InvalidInputError(`${source}: the header has no column ${name}`);
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
    if (!/^\d{4}-\d{2}-\d{2}$/.test(bar.date) || bar.date <= before) {
      throw new InvalidInputError(
        `${source} line ${number}: expected a date after ${before || "nothing"}, got ${JSON.stringify(bar.date)}`,
      );
    }
    if (!(bar.open > 0 && bar.close > 0 && Number.isFinite(bar.open + bar.close))) {
      throw new InvalidInputError(`${source} line ${number}: open and close must be prices`);
    }
    bars.push(bar);
  }
  return bars;
}
