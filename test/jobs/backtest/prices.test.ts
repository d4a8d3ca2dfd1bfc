import { mkdtemp, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { InvalidInputError } from "../../../src/errors.ts";
import { parsePrices, readPrices } from "../../../src/jobs/backtest/prices.ts";
import { freePort } from "../../support/free-port.ts";
import { sp500 } from "../sp500.ts";

describe("prices", () => {
  test.each<{ name: string; csv: string }>([
    { name: "as they are", csv: "date,open,close\n2020-01-02,1.5,2\n2020-01-03,3,4e0\n" },
    {
      name: "with other columns, in another order",
      csv: "close,x,DATE,Open\n2,,2020-01-02,1.5\n4,,2020-01-03,3",
    },
    { name: "with CR LF", csv: "date,open,close\r\n2020-01-02,1.5,2\r\n2020-01-03,3,4\r\n" },
    {
      name: "with a byte order mark",
      csv: "\ufeffdate,open,close\n2020-01-02,1.5,2\n2020-01-03,3,4",
    },
    {
      name: "with blanks and blank lines",
      csv: "date , open,close\n\n 2020-01-02 , 1.5,2\n \n2020-01-03,3, 4\n\n",
    },
  ])("are read $name", ({ csv }) => {
    expect(parsePrices(csv, "test.csv")).toEqual([
      { date: "2020-01-02", open: 1.5, close: 2 },
      { date: "2020-01-03", open: 3, close: 4 },
    ]);
  });

  const HEAD = "date,open,close\n2020-01-02,1,2\n";

  test.each<{ name: string; csv: string; message: string }>([
    { name: "nothing", csv: "", message: "test.csv line 1: the header has no column date" },
    {
      name: "a header alone",
      csv: "date,open,close\n\n",
      message: "test.csv line 2: there are no prices",
    },
    {
      name: "no dates",
      csv: "day,open,close\n",
      message: "test.csv line 1: the header has no column date",
    },
    {
      name: "no opens",
      csv: "date,opening,close\n",
      message: "test.csv line 1: the header has no column open",
    },
    {
      name: "no closes",
      csv: "date,open,adjclose\n",
      message: "test.csv line 1: the header has no column close",
    },
    {
      name: "a page of HTML",
      csv: "<!doctype html>\n<html>",
      message: "test.csv line 1: the header has no column date",
    },
    ...["", "03/01/2020", "2020-1-3", "2020-02-30", "2020-13-01", "2020-01-03T00:00:00", "NaN"].map(
      (date) => ({
        name: `the date ${JSON.stringify(date)}`,
        csv: `${HEAD}${date},1,2\n`,
        message: `test.csv line 3: expected a date after 2020-01-02, got ${JSON.stringify(date)}`,
      }),
    ),
    {
      name: "a first date that is none",
      csv: "date,open,close\n\nyesterday,1,2\n",
      message: 'test.csv line 3: expected a date after nothing, got "yesterday"',
    },
    {
      name: "a day twice",
      csv: `${HEAD}2020-01-02,1,2\n`,
      message: 'test.csv line 3: expected a date after 2020-01-02, got "2020-01-02"',
    },
    {
      name: "days backwards, behind a blank line",
      csv: `${HEAD}\n2020-01-01,1,2\n`,
      message: 'test.csv line 4: expected a date after 2020-01-02, got "2020-01-01"',
    },
    ...["", " ", "NaN", "null", "0", "-1", "Infinity", "1e999", "$5", "1_000"].flatMap((price) => [
      {
        name: `the open ${JSON.stringify(price)}`,
        csv: `${HEAD}2020-01-03,${price},2\n`,
        message: "test.csv line 3: open and close must be prices",
      },
      {
        name: `the close ${JSON.stringify(price)}`,
        csv: `${HEAD}2020-01-03,1,${price}\n`,
        message: "test.csv line 3: open and close must be prices",
      },
    ]),
    {
      name: "a line cut short",
      csv: `${HEAD}2020-01-03,1`,
      message: "test.csv line 3: open and close must be prices",
    },
  ])("are refused, the line named: $name", ({ csv, message }) => {
    expect(() => parsePrices(csv, "test.csv")).toThrow(InvalidInputError);
    expect(() => parsePrices(csv, "test.csv")).toThrow(new Error(message));
  });

  test("are prices of days in order, or refused, whatever the text", () => {
    const cell = fc.constantFrom(
      "2020-01-02",
      "2020-01-03",
      "1",
      "2.5",
      "-1",
      "",
      "NaN",
      "a",
      ",",
      "\n",
      "\r",
      '"',
    );
    fc.assert(
      fc.property(fc.string({ unit: cell, maxLength: 20 }), (rest) => {
        let bars: ReturnType<typeof parsePrices>;
        try {
          bars = parsePrices(`date,open,close\n${rest}`, "test.csv");
        } catch (error) {
          expect(error).toBeInstanceOf(InvalidInputError);
          expect((error as Error).message).toMatch(/^test\.csv line \d+: /);
          return;
        }
        expect(bars.length).toBeGreaterThan(0);
        for (const [index, { date, open, close }] of bars.entries()) {
          expect(open > 0 && close > 0).toBe(true);
          expect(date > (bars[index - 1]?.date ?? "")).toBe(true);
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe("reading prices", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "closing-bell-prices-"));
  });
  afterAll(() => rm(folder, { recursive: true }));

  async function file(name: string, content: string): Promise<URL> {
    const path = join(folder, name);
    await writeFile(path, content);
    return pathToFileURL(path);
  }

  test("takes a file", async () => {
    const url = await file("prices 1.csv", "date,open,close\n2020-01-02,1,2\n");
    await expect(readPrices(url)).resolves.toEqual([{ date: "2020-01-02", open: 1, close: 2 }]);
  });

  test("takes the S&P 500 from 2000 to 2020", async () => {
    const bars = await readPrices(sp500());
    expect(bars).toHaveLength(5105);
    expect(bars[0]).toEqual({ date: "2000-01-03", open: 1469.25, close: 1455.219971 });
    expect(bars.at(-1)).toEqual({ date: "2020-04-17", open: 2842.429932, close: 2874.560059 });
  });

  test("names the file and the line that it refuses", async () => {
    const url = await file("broken.csv", "date,open,close\n2020-01-02,1,x\n");
    await expect(readPrices(url)).rejects.toThrow(
      new InvalidInputError(`${url.href} line 2: open and close must be prices`),
    );
  });

  test("says of a file that is not there that it is not there", async () => {
    const url = pathToFileURL(join(folder, "none.csv"));
    await expect(readPrices(url)).rejects.toThrow(
      expect.objectContaining({
        code: "ERR_INPUT",
        message: expect.stringMatching(/^prices at file:.+none\.csv cannot be read: .*ENOENT/),
        cause: expect.objectContaining({ code: "ENOENT" }),
      }),
    );
  });

  test("stops at 64 MB", async () => {
    const url = await file("large.csv", "date,open,close\n");
    await truncate(url, 64 * 1024 * 1024 + 1);
    await expect(readPrices(url)).rejects.toThrow(/cannot be read: longer than 67108864 bytes$/);
  });

  test.each([
    "http://127.0.0.1:1/p.csv",
    "ftp://host/p.csv",
    "data:text/csv,date",
    "s3://bucket/p",
  ])("goes to no other scheme: %s", async (url) => {
    await expect(readPrices(new URL(url))).rejects.toThrow(InvalidInputError);
    await expect(readPrices(new URL(url))).rejects.toThrow(/: expected a file: or https: URL$/);
  });

  test("says why a server cannot be reached, without the key in the URL", async () => {
    const port = await freePort();
    const url = new URL(`https://127.0.0.1:${port}/daily.csv?apikey=hunter2`);
    await expect(readPrices(url)).rejects.toThrow(
      new RegExp(
        `^prices at https://127\\.0\\.0\\.1:${port}/daily\\.csv cannot be read: .*ECONNREFUSED`,
      ),
    );
  });

  test.each(["https://user:hunter2@127.0.0.1:1/p.csv", "ftp://user:hunter2@h/p?hunter2"])(
    "shows no password: %s",
    async (url) => {
      const error: unknown = await readPrices(new URL(url)).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(InvalidInputError);
      const { stack, cause } = error as Error;
      expect(`${stack} ${(cause as Error | undefined)?.stack}`).not.toContain("hunter2");
    },
  );

  test("ends with the reason of an abort", async () => {
    const url = await file("aborted.csv", "date,open,close\n2020-01-02,1,2\n");
    const reason = new Error("deadline");
    await expect(readPrices(url, AbortSignal.abort(reason))).rejects.toBe(reason);
    const later = new AbortController();
    const reading = readPrices(url, later.signal);
    later.abort(reason);
    await expect(reading).rejects.toBe(reason);
  });
});
