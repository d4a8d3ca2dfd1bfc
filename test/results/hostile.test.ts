import { execFileSync } from "node:child_process";
import { appendFileSync, mkdirSync } from "node:fs";
import { afterAll, beforeEach, describe, expect, test } from "@jest/globals";
import { ClosingBellError } from "../../src/errors.ts";
import { createImportResults } from "../../src/import-results.ts";
import { digestOf, openResultFile } from "../../src/results/file.ts";
import { readResults } from "../../src/results/read-results.ts";
import { HOSTILE_FILES, SMALL_LIMIT } from "./hostile-files.ts";
import { fixture, fixtureBytes, resultFolder } from "./result-files.ts";

const folder = resultFolder();
afterAll(folder.remove);

let reports = 0;
beforeEach(() => {
  reports = 0;
});

const importResults = createImportResults({
  delivery: async () => {
    reports++;
    return { status: "disabled", reason: "a test" };
  },
});

/** What is said of a file that is refused. */
async function refusal(file: string, options: object = {}): Promise<string> {
  try {
    await importResults({ job: "nightly", file, ...options });
  } catch (error) {
    if (error instanceof ClosingBellError) return `${error.code} ${error.message}`;
    throw error;
  }
  return "taken";
}

describe("refused in one line, and nothing reported:", () => {
  test.each(HOSTILE_FILES)("$name", async ({ file, bytes, says }) => {
    const path = folder.write(file, bytes());
    const said = await refusal(path, { maxBytes: SMALL_LIMIT });
    expect(said).toMatch(says);
    expect(said.startsWith(`ERR_INPUT ${path}: `)).toBe(true);
    // No line end, nothing that a terminal would obey.
    expect(said).not.toMatch(/\p{Cc}/u);
    expect(reports).toBe(0);
  });
});

describe("what is no file is refused:", () => {
  test("one that is not there", async () => {
    expect(await refusal(folder.path("none.json"))).toMatch(/cannot be opened: .*ENOENT/);
  });

  test("a folder", async () => {
    mkdirSync(folder.path("folder"));
    expect(await refusal(folder.path("folder"))).toMatch(/is not a regular file/);
  });

  test("a pipe that nobody writes to, without waiting for it", async () => {
    execFileSync("mkfifo", [folder.path("pipe")]);
    expect(await refusal(folder.path("pipe"))).toMatch(/is not a regular file/);
  });

  test("one above the limit, before it is read", async () => {
    const path = folder.write("large.json", " ".repeat(200_000));
    const said = await refusal(path, { maxBytes: 100_000 });
    expect(said).toMatch(/: 200000 bytes are more than the limit of 100000; --max-size/);
  });

  test("one that grows above the limit while it is read", async () => {
    const path = folder.write("growing.json", " ".repeat(1000));
    const file = await openResultFile(path, 100_000);
    appendFileSync(path, " ".repeat(1_000_000));
    await expect(digestOf(file)).rejects.toThrow(/131072 bytes are more than the limit of 100000/);
    await file.close();
  });
});

describe("what a file cannot be read as is refused:", () => {
  test.each<{ name: string; options: object; says: RegExp }>([
    { name: "an unknown option", options: { formt: "lean" }, says: /unknown key "formt"/ },
    {
      name: "an unknown format",
      options: { format: "excel" },
      says: /format is excel; expected one of auto, freqtrade/,
    },
    { name: "no limit", options: { maxBytes: 0 }, says: /maxBytes is 0; expected/ },
    { name: "generic without a mapping", options: { format: "generic" }, says: /need each other/ },
    {
      name: "a mapping for another format",
      options: { format: "lean", mapping: { trades: "n" } },
      says: /need each other/,
    },
    {
      name: "a strategy of a format without any",
      options: { file: fixture("vectorbt.json"), strategy: "S" },
      says: /strategy is for freqtrade's files; this one is vectorbt/,
    },
    {
      name: "a strategy that is not there",
      options: { strategy: "Momentum" },
      says: /has no strategy Momentum; it has Breakout/,
    },
    { name: "another format", options: { format: "lean" }, says: /says no return/ },
    { name: "another format", options: { format: "vectorbt" }, says: /Total Return \[%\] is not/ },
  ])("$name", async ({ options, says }) => {
    expect(await refusal(fixture("freqtrade-new.json"), options)).toMatch(says);
    expect(reports).toBe(0);
  });
});

test("a zip is read as freqtrade's or not at all", async () => {
  const path = folder.write("r.zip", Buffer.from("PK\x05\x06"));
  expect(await refusal(path, { format: "lean" })).toMatch(/is a zip, which only freqtrade writes/);
});

test("the limit is of what is read: a file of exactly that size is taken", async () => {
  const { length } = fixtureBytes("freqtrade-new.json");
  const { results } = await readResults(fixture("freqtrade-new.json"), { maxBytes: length });
  expect(results.trades).toBe(3);
});
