import { closeSync, ftruncateSync, openSync, readFileSync, writeSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { Zip, ZipDeflate } from "fflate";
import { type PushgatewayServer, startPushgateway } from "../../src/pushgateway/server.ts";
import { scrape } from "../cli/scraped.ts";
import { HOSTILE_FILES, SMALL_LIMIT } from "../results/hostile-files.ts";
import { fixtureBytes, freqtradeZip, resultFolder } from "../results/result-files.ts";
import { runCli } from "../support/cli.ts";
import { printTable } from "../support/print-table.ts";
import { removeStateDirectories, stateDirectory } from "../support/state-directory.ts";

const MB = 1024 * 1024;

/** What the process may have at most, whatever it is given: the acceptance of hostile files. */
const PEAK_BYTES = 200e6;

const TIMEOUT_MS = 120_000;

const folder = resultFolder();
const table: string[][] = [];
let gateway: PushgatewayServer;
let env: Readonly<Record<string, string>>;

beforeAll(async () => {
  gateway = await startPushgateway();
  env = {
    PUSHGATEWAY_URL: gateway.url.href,
    CLOSING_BELL_STATE_DIR: stateDirectory(),
    CLOSING_BELL_SCRAPE_INTERVAL: "0",
  };
});

afterAll(async () => {
  await gateway.close();
  removeStateDirectories();
  folder.remove();
  printTable("Result files that nobody should trust", ["file", "exit", "peak MB", "says"], table);
});

async function pushed(name: string, file: string, ...args: string[]) {
  const result = await runCli(["push-results", file, "-j", "hostile", "--json", ...args], { env });
  const { peakMemoryBytes = Number.NaN } = JSON.parse(result.stdout || "{}");
  const says = result.stderr.replace(file, "FILE").replace("closing-bell: ", "").trimEnd();
  table.push([name, `${result.code}`, (peakMemoryBytes / 1e6).toFixed(0), says.slice(0, 110)]);
  return { ...result, peakMemoryBytes };
}

async function expectRefused(name: string, file: string, says: RegExp, ...args: string[]) {
  const { code, stderr, peakMemoryBytes } = await pushed(name, file, ...args);
  expect(code).toBe(2);
  expect(stderr).toMatch(/^closing-bell: [^\n]*\n$/);
  expect(stderr).toMatch(says);
  expect(peakMemoryBytes).toBeLessThan(PEAK_BYTES);
}

/** Writes a file piece by piece; its path. */
function large(name: string, fill: (add: (text: string | Uint8Array) => void) => void): string {
  const path = folder.path(name);
  const file = openSync(path, "w");
  fill((text) => writeSync(file, text as Uint8Array));
  closeSync(file);
  return path;
}

/** A zip of entries of blanks, each of so many megabytes. */
function zipOfBlanks(name: string, sizes: Readonly<Record<string, number>>): string {
  return large(name, (add) => {
    const blanks = new Uint8Array(MB).fill(0x20);
    const zip = new Zip((_error, data) => add(data));
    for (const [entry, megabytes] of Object.entries(sizes)) {
      const deflated = new ZipDeflate(entry, { level: 9 });
      zip.add(deflated);
      for (let pushes = 1; pushes <= megabytes; pushes++)
        deflated.push(blanks, pushes === megabytes);
    }
    zip.end();
  });
}

/** Makes the list of a zip say that its first entry has so many bytes. */
function belittled(path: string, bytes: number): string {
  const zip = readFileSync(path);
  const at = zip.indexOf(Buffer.from("PK\x01\x02", "latin1"));
  zip.writeUInt32LE(bytes, at + 24);
  return large("belittled.zip", (add) => add(zip));
}

function repeated(name: string, before: string, text: string, megabytes: number, after: string) {
  return large(name, (add) => {
    const piece = text.repeat(Math.ceil(MB / text.length));
    add(before);
    for (let count = 0; count < megabytes; count++) add(piece);
    add(after);
  });
}

/** A result of freqtrade with so many trades; 12,000 are about 4 MB. */
function freqtradeResult(name: string, trades: number): string {
  const result = JSON.parse(fixtureBytes("freqtrade-new.json").toString());
  const [trade] = result.strategy.Breakout.trades;
  const text = JSON.stringify({ ...trade, notes: "x".repeat(40) });
  Object.assign(result.strategy.Breakout, { trades: "HERE", total_trades: trades });
  const [before = "", after = ""] = JSON.stringify(result).split('"HERE"');
  return large(name, (add) => {
    add(`${before}[`);
    for (let count = 0; count < trades; count++) add(count === 0 ? text : `,${text}`);
    add(`]${after}`);
  });
}

describe("closing-bell push-results of a large file exits with 2 and stays small:", () => {
  const limit = /bytes are more than the limit of 67108864/;
  const bomb = { "r.json": 1024 };

  test.each<{ name: string; make: () => string; says: RegExp; args?: readonly string[] }>([
    { name: "zip bomb, 1 GB", make: () => zipOfBlanks("a.zip", bomb), says: limit },
    {
      name: "zip bomb, 512 MB that say they are 1000 bytes",
      make: () => belittled(zipOfBlanks("b.zip", { "r.json": 512 }), 1000),
      says: /too many bytes in the stream\. expected 1000/,
    },
    {
      name: "zip bomb, 20 files of 32 MB",
      make: () =>
        zipOfBlanks(
          "c.zip",
          Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`${i}.json`, 32])),
        ),
      says: limit,
    },
    {
      name: "zip bomb in a zip",
      make: () =>
        large("d.zip", (add) => add(freqtradeZip(readFileSync(zipOfBlanks("e.zip", bomb))))),
      says: /in it: /,
    },
    {
      name: "60 MB of blanks in a zip, within the limit",
      make: () => zipOfBlanks("f.zip", { "r.json": 60 }),
      says: /the file is empty/,
    },
    { name: "300 MB, sparse", make: () => sparse("g.json", 300), says: limit },
    {
      name: "300 MB, sparse, and allowed",
      make: () => sparse("h.json", 300),
      says: /a NUL character/,
      args: ["--max-size", "1GB"],
    },
    {
      name: "63 MB of brackets",
      make: () => repeated("i.json", '{"charts": ', "[", 63, ""),
      says: /more than 64 brackets within brackets/,
    },
    {
      name: "63 MB of empty objects",
      make: () => repeated("j.json", '{"strategy": [', "{},", 63, "{}]}"),
      says: /more members than can be read/,
    },
    {
      name: "63 MB of numbers",
      make: () => repeated("k.json", '{"charts": [', "1.25,", 63, "1]}"),
      says: /by its looks/,
    },
    {
      name: "a string of 63 MB",
      make: () => repeated("l.json", '{"latest_backtest": "', "x", 63, '"}'),
      says: /latest_backtest is x+…; expected the name of a file/,
    },
    {
      name: "a key of 63 MB",
      make: () => repeated("m.json", '{"strategy": {"', "x", 63, '": 1}}'),
      says: /by its looks/,
    },
    {
      name: "orders without end",
      make: () =>
        repeated(
          "n.json",
          '{"strategy":{"S":{"trades":[{"orders":[',
          '{"ft_order_side":1},',
          63,
          "",
        ),
      says: /more members than can be read/,
    },
    {
      name: "keys without end",
      make: () =>
        large("o.json", (add) => {
          add('{"strategy":{');
          for (let count = 0; count < 2e6; count++) add(`"s${count}":{"wins":1},`);
        }),
      says: /more members than can be read/,
    },
    {
      name: "a cell of 60 MB",
      make: () => repeated("p.csv", ',0\nStart,0\n_equity_curve,"', "1\n", 60, ""),
      says: /the file ends within quotes/,
    },
    { name: "a device without end", make: () => "/dev/zero", says: /is not a regular file/ },
  ])(
    "$name",
    async ({ name, make, says, args = [] }) => {
      await expectRefused(name, make(), says, ...args);
    },
    TIMEOUT_MS,
  );
});

describe("closing-bell push-results of every other hostile file exits with 2:", () => {
  test.each(HOSTILE_FILES)(
    "$name",
    async ({ name, file, bytes, says }) => {
      const path = folder.write(file, bytes());
      await expectRefused(name, path, says, "--max-size", `${SMALL_LIMIT}`);
    },
    TIMEOUT_MS,
  );
});

test(
  "nothing of it is at the gateway, where a good file of 60 MB then is",
  async () => {
    expect(await jobsAt(gateway.url)).not.toContain("hostile");

    const file = freqtradeResult("good.json", 90_000);
    const { code, peakMemoryBytes } = await pushed("a good file", file);
    expect(code).toBe(0);
    expect(peakMemoryBytes).toBeLessThan(PEAK_BYTES);
    expect(await jobsAt(gateway.url)).toContain("hostile");
  },
  TIMEOUT_MS,
);

async function jobsAt(url: URL): Promise<readonly (string | undefined)[]> {
  const families = await scrape(url);
  return families.flatMap(({ samples }) => samples.map(({ labels }) => labels["job"]));
}

function sparse(name: string, megabytes: number): string {
  const path = folder.path(name);
  const file = openSync(path, "w");
  ftruncateSync(file, megabytes * MB);
  closeSync(file);
  return path;
}
