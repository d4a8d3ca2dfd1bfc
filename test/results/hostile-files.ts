import { strToU8, type Zippable, zipSync } from "fflate";
import { fixtureBytes, freqtradeZip } from "./result-files.ts";

/** A file that nobody should trust, and what is said of it. */
export type HostileFile = {
  readonly name: string;
  readonly file: string;
  readonly bytes: () => Uint8Array | string;
  readonly says: RegExp;
};

const good = () => fixtureBytes("freqtrade-new.json").toString();

/** The good file with one thing changed. */
function but(from: string | RegExp, to: string): string {
  const text = good().replace(from, to);
  if (text === good()) throw new Error(`${from} is not in the fixture`);
  return text;
}

function zipped(entries: Zippable): Uint8Array {
  return zipSync(entries, { level: 9 });
}

/** Writes over a field of the zip's headers; the fields of both headers where both are given. */
function patched(
  bytes: Uint8Array,
  { local, central }: Readonly<Record<"local" | "central", number | undefined>>,
  value: number,
): Uint8Array {
  const copy = Buffer.from(bytes);
  const at = (signature: number) => {
    for (let offset = 0; offset < copy.length - 4; offset++) {
      if (copy.readUInt32LE(offset) === signature) return offset;
    }
    throw new Error("no such header");
  };
  if (local !== undefined) copy.writeUInt32LE(value, at(0x04034b50) + local);
  if (central !== undefined) copy.writeUInt32LE(value, at(0x02014b50) + central);
  return copy;
}

/** Uncompressed size, in the two headers of an entry. */
const SIZE = { local: 22, central: 24 };

const megabytes = (count: number) => new Uint8Array(count * 1024 * 1024).fill(0x20);

/** All small; what needs large files is in test/proofs/results-hostile.test.ts. */
export const HOSTILE_FILES: readonly HostileFile[] = [
  { name: "an empty file", file: "a.json", bytes: () => "", says: /the file is empty/ },
  { name: "white space", file: "a.json", bytes: () => " \n\n ", says: /the file is empty/ },
  {
    name: "JSON that is cut off",
    file: "a.json",
    bytes: () => good().slice(0, -200),
    says: /line \d+, column \d+: the file ends with(?:in a string| \d+ open brackets): it is cut off/,
  },
  {
    name: "something after the document",
    file: "a.json",
    bytes: () => `${good()}{}`,
    says: /expected nothing more, found "\{\}"/,
  },
  {
    name: "a comma too many",
    file: "a.json",
    bytes: () => '{"strategy": {},}',
    says: /line 1, column 17: expected a key, found "\}"/,
  },
  {
    name: "NaN in a figure",
    file: "a.json",
    bytes: () => but('"sharpe": 1.875', '"sharpe": NaN'),
    says: /line \d+, column 17: NaN is no JSON, and freqtrade does not write it/,
  },
  {
    name: "NaN where nobody looks",
    file: "a.json",
    bytes: () => but('"sortino": 2.5', '"sortino": NaN'),
    says: /NaN is no JSON/,
  },
  {
    name: "an infinite figure",
    file: "a.json",
    bytes: () => but('"final_balance": 1255.12345', '"final_balance": 1e999'),
    says: /Breakout: final_balance is Infinity; expected a number/,
  },
  {
    name: "Infinity in a statistic",
    file: "a.json",
    bytes: () => '{"# Trades": 1, "Return [%]": Infinity}',
    says: /Return \[%\] is Infinity; expected a number/,
  },
  {
    name: "UTF-16",
    file: "a.json",
    bytes: () => Buffer.from(`\ufeff${good()}`, "utf16le"),
    says: /is UTF-16; save it as UTF-8 without a byte order mark/,
  },
  {
    name: "UTF-16 without a mark",
    file: "a.json",
    bytes: () => Buffer.from(good(), "utf16le"),
    says: /line 1, column 2: expected a key or \}/,
  },
  {
    name: "a byte order mark",
    file: "a.json",
    bytes: () => `\ufeff${good()}`,
    says: /is UTF-8 with a byte order mark; save it as UTF-8 without/,
  },
  {
    name: "Latin-1",
    file: "a.json",
    bytes: () => Buffer.from(good().replace("force_exit", "forc\u00e9"), "latin1"),
    says: /is not UTF-8 \(bytes 0 to \d+\)/,
  },
  {
    name: "half a character at the end",
    file: "a.json",
    bytes: () => Buffer.from([0x22, 0xc3]),
    says: /is not UTF-8 \(ends within a character\)/,
  },
  {
    name: "brackets within brackets",
    file: "a.json",
    bytes: () => `{"charts": ${"[".repeat(100_000)}`,
    says: /line 1, column 75: more than 64 brackets within brackets/,
  },
  {
    name: "a figure twice",
    file: "a.json",
    bytes: () => but('"sharpe": 1.875', '"sharpe": 1.875, "sharpe": 9'),
    says: /strategy\.Breakout\.sharpe is there twice: which one counts\?/,
  },
  {
    name: "a strategy twice, once with escapes",
    file: "a.json",
    bytes: () =>
      but('"Breakout": {\n      "trades"', '"\\u0042reakout": {}, "Breakout": {\n"trades"'),
    says: /strategy\.Breakout is there twice/,
  },
  {
    name: "__proto__ beside the strategies",
    file: "a.json",
    bytes: () => but('"strategy": {', '"__proto__": {"format": 1}, "strategy": {'),
    says: /__proto__: no backtester writes such a key/,
  },
  {
    name: "__proto__ as a strategy",
    file: "a.json",
    bytes: () => but('"strategy": {', '"strategy": {"__proto__": {},'),
    says: /strategy\.__proto__: no backtester writes such a key/,
  },
  {
    name: "a control character in a string",
    file: "a.json",
    bytes: () => but("force_exit", "force\u0000exit"),
    says: /a control character in a string/,
  },
  {
    name: "a number without an end",
    file: "a.json",
    bytes: () => `{"charts": ${"9".repeat(200_000)}}`,
    says: /a value of more than 1000 characters/,
  },
  {
    name: "text where a number belongs",
    file: "a.json",
    bytes: () =>
      but('"profit_total": 0.25512345', `"profit_total": "\\u001b[31m${"x".repeat(99)}"`),
    says: /Breakout: profit_total is "\[31mx{36}…"; expected a number/,
  },
  {
    name: "figures that contradict each other: percent for a fraction",
    file: "a.json",
    bytes: () => but('"profit_total": 0.25512345', '"profit_total": 25.512345'),
    says: /it contradicts itself: from 1000 to 1255\.12345 is a return of 25\.5123 %, but it says 2551\.23 %/,
  },
  {
    name: "figures that contradict each other: LEAN",
    file: "a.json",
    bytes: () => fixtureBytes("lean-full.json").toString().replace('"1.692%"', '"-1.692%"'),
    says: /from 100000 to 101691\.92 is a return of 1\.69192 %, but it says -1\.692 %/,
  },
  {
    name: "figures that contradict each other: vectorbt",
    file: "a.json",
    bytes: () => fixtureBytes("vectorbt.json").toString().replace(" 36.3,", " 0.363,"),
    says: /from 100 to 136\.3 is a return of 36\.3 %, but it says 0\.363 %/,
  },
  {
    name: "another number of trades than are listed",
    file: "a.json",
    bytes: () => but('"total_trades": 3', '"total_trades": 4'),
    says: /total_trades is 4, and 3 trades are listed/,
  },
  {
    name: "a drawdown with the wrong sign",
    file: "a.json",
    bytes: () => but('"max_drawdown_account": 0.125', '"max_drawdown_account": -0.125'),
    says: /max_drawdown_account is -0\.125; expected 0 or more/,
  },
  {
    name: "a win rate in percent",
    file: "a.json",
    bytes: () => but('"winrate": 0.6666666666666666', '"winrate": 66.67'),
    says: /the win rate is 6667 %; expected 0 to 100/,
  },
  {
    name: "an end before the start",
    file: "a.json",
    bytes: () => but('"backtest_end_ts": 1735689300000', '"backtest_end_ts": 1704067199000'),
    says: /it ends \(2023-12-31T23:59:59\.000Z\) before it starts \(2024-01-01T00:00:00\.000Z\)/,
  },
  {
    name: "nanoseconds for milliseconds",
    file: "a.json",
    bytes: () => but('"backtest_end_ts": 1735689300000', '"backtest_end_ts": 1735689300000000000'),
    says: /backtest_end_ts is 1735689300000000000; expected a time between 1900 and 2200/,
  },
  {
    name: "a start balance of 0",
    file: "a.json",
    bytes: () => but('"starting_balance": 1000', '"starting_balance": 0'),
    says: /the start balance is 0; expected more than 0/,
  },
  {
    name: "a figure that is missing",
    file: "a.json",
    bytes: () => but('"final_balance": 1255.12345,', ""),
    says: /Breakout: final_balance is not there/,
  },
  {
    name: "several strategies and none named",
    file: "a.json",
    bytes: () => fixtureBytes("freqtrade-old.json"),
    says: /has 2 strategies \(SampleA, SampleB\): say which, --strategy/,
  },
  {
    name: "more strategies than anybody has",
    file: "a.json",
    bytes: () =>
      `{"strategy": {${Array.from({ length: 20_001 }, (_, index) => `"s${index}": 1`).join()}}}`,
    says: /strategy\.s20000: more members than can be read/,
  },
  {
    name: "a document that is no result",
    file: "a.json",
    bytes: () => '{"hello": "world"}',
    says: /is no result of freqtrade, LEAN, backtesting\.py or vectorbt by its looks/,
  },
  { name: "a list", file: "a.json", bytes: () => "[1, 2]", says: /by its looks/ },
  {
    name: "a note that leads out of its folder",
    file: "a.json",
    bytes: () => '{"latest_backtest": "../../etc/passwd"}',
    says: /latest_backtest is \.\.\/\.\.\/etc\/passwd; expected the name of a file/,
  },
  {
    name: "a note that names itself",
    file: "a.json",
    bytes: () => '{"latest_backtest": "a.json"}',
    says: /by its looks/,
  },
  {
    name: "CSV that is cut off within a number",
    file: "a.csv",
    bytes: () => "Start,0\nEnd,1\nReturn [%],12",
    says: /line 3: the last row has no line end: the file is cut off/,
  },
  {
    name: "CSV that is cut off after a row",
    file: "a.csv",
    bytes: () => fixtureBytes("backtesting.csv").toString().split("Win Rate")[0] ?? "",
    says: /has no row Win Rate \[%\]: it is cut off, or not all of the rows/,
  },
  {
    name: "CSV that is cut off within quotes",
    file: "a.csv",
    bytes: () => fixtureBytes("backtesting.csv").subarray(0, -10),
    says: /line 15: the file ends within quotes: it is cut off/,
  },
  {
    name: "CSV of several portfolios",
    file: "a.csv",
    bytes: () => ",Start,End,Total Return [%]\nBTC,0,1,12\n",
    says: /line 1 has 4 columns; expected a name and a value, as of one portfolio/,
  },
  {
    name: "a row twice",
    file: "a.csv",
    bytes: () => "Sharpe Ratio,1\nSharpe Ratio,2\n",
    says: /line 2: Sharpe Ratio is there twice/,
  },
  {
    name: "an infinite figure in CSV",
    file: "a.csv",
    bytes: () => fixtureBytes("backtesting.csv").toString().replace("582.2197", "inf"),
    says: /Return \[%\] is "inf"; expected a number/,
  },
  {
    name: "a program",
    file: "a.csv",
    bytes: () => Buffer.from("7f454c4602010100000000", "hex"),
    says: /line 1: a NUL character: this is no text/,
  },
  {
    name: "a zip that is cut off",
    file: "a.zip",
    bytes: () => freqtradeZip(good()).subarray(0, -30),
    says: /is no sound zip: /,
  },
  {
    name: "a zip with a byte turned",
    file: "a.zip",
    bytes: () => {
      const bytes = freqtradeZip(`{"strategy": {"S": {}}, "x": ${Math.PI}}`);
      const at = bytes.indexOf("backtest-result-x.json") + 30;
      bytes[at] = (bytes[at] ?? 0) ^ 0xff;
      return bytes;
    },
    says: /backtest-result-x\.json in it: /,
  },
  {
    name: "a zip whose checksum is another file's",
    file: "a.zip",
    bytes: () =>
      patched(zipped({ "r.json": strToU8(good()) }), { local: 14, central: 16 }, 0x12345678),
    says: /r\.json in it: its checksum is wrong: it is damaged/,
  },
  {
    name: "a zip bomb that says so",
    file: "a.zip",
    bytes: () => zipped({ "r.json": megabytes(2) }),
    says: /its JSON inflated: 2097152 bytes are more than the limit of 1048576/,
  },
  {
    name: "a zip bomb that does not",
    file: "a.zip",
    bytes: () => patched(zipped({ "r.json": megabytes(2) }), SIZE, 1000),
    says: /r\.json in it: is no sound zip: too many bytes in the stream\. expected 1000/,
  },
  {
    name: "many small bombs",
    file: "a.zip",
    bytes: () =>
      zipped(
        Object.fromEntries(
          Array.from({ length: 9 }, (_, i) => [`${i}.json`, new Uint8Array(120_000)]),
        ),
      ),
    says: /its JSON inflated: 1080000 bytes are more than the limit of 1048576/,
  },
  {
    name: "a zip within a zip",
    file: "a.zip",
    bytes: () => zipped({ "inner.zip": freqtradeZip(good()) }),
    says: /has no JSON with an object "strategy" in it: no JSON/,
  },
  {
    name: "a zip within a zip that is called JSON",
    file: "a.zip",
    bytes: () => zipped({ "inner.json": freqtradeZip(good()) }),
    says: /inner\.json in it: /,
  },
  {
    name: "a name that leads out of the folder",
    file: "a.zip",
    bytes: () => zipped({ "../../etc/cron.d/x.json": strToU8(good()) }),
    says: /is no sound zip: invalid relative path: \.\.\/\.\.\/etc\/cron\.d\/x\.json/,
  },
  {
    name: "a name from the root",
    file: "a.zip",
    bytes: () => zipped({ "/etc/passwd": strToU8("x"), "r.json": strToU8(good()) }),
    says: /is no sound zip: absolute path: \/etc\/passwd/,
  },
  {
    name: "two results",
    file: "a.zip",
    bytes: () => zipped({ "a.json": strToU8(good()), "b.json": strToU8(good()) }),
    says: /has two results in it: a\.json, b\.json/,
  },
  {
    name: "more entries than anybody has",
    file: "a.zip",
    bytes: () =>
      zipped(
        Object.fromEntries(
          Array.from({ length: 1001 }, (_, index) => [`${index}`, new Uint8Array()]),
        ),
      ),
    says: /has 1001 entries; expected 1000 at most/,
  },
  {
    name: "a zip with nothing in it",
    file: "a.zip",
    bytes: () => zipped({}),
    says: /has no JSON with an object "strategy" in it: no JSON/,
  },
];

/** The limit that the table is for. */
export const SMALL_LIMIT = 1024 * 1024;
