import { InvalidInputError } from "../errors.ts";
import { checkedResults } from "./check.ts";
import { createCsvScanner } from "./csv-scan.ts";
import type { TextSink } from "./decode.ts";
import { type JsonNode, memberOf, type Selection, selectValues } from "./outline.ts";
import type { BacktestResults } from "./results.ts";
import { momentAt, positiveZero, unfit } from "./values.ts";

/** How the figures are called; all rates in percent. */
type Names = {
  readonly startValue?: string;
  readonly finalValue: string;
  readonly totalReturn: string;
  readonly maxDrawdown: string;
  /** Of a drawdown that is one. */
  readonly drawdownSign: -1 | 1;
  readonly trades: string;
};

/** The two libraries whose statistics are a list of names and values. */
export type StatisticsFormat = "backtesting.py" | "vectorbt";

const NAMES: Readonly<Record<StatisticsFormat, Names>> = {
  "backtesting.py": {
    finalValue: "Equity Final [$]",
    totalReturn: "Return [%]",
    maxDrawdown: "Max. Drawdown [%]",
    drawdownSign: -1,
    trades: "# Trades",
  },
  vectorbt: {
    startValue: "Start Value",
    finalValue: "End Value",
    totalReturn: "Total Return [%]",
    maxDrawdown: "Max Drawdown [%]",
    drawdownSign: 1,
    trades: "Total Trades",
  },
};

const WIN_RATE = "Win Rate [%]";
const SHARPE = "Sharpe Ratio";

/** Names that are read in either format. */
const WANTED: readonly string[] = [
  ...Object.values(NAMES).flatMap(namesIn),
  WIN_RATE,
  SHARPE,
  "Start",
  "End",
];

/** A number as pandas and Python write it. */
const NUMBER = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/;

/** What an unknown figure is written as. */
const UNKNOWN: readonly JsonNode[] = ["", "nan", "NaN", "None", "null", "<NA>", "NaT"];

/** Numbers below are bar numbers of data without dates; above, milliseconds (1973 and later). */
const FIRST_MILLISECOND = 1e11;

export const statisticsSelection: Selection = selectValues(...WANTED);

/** Which of the two wrote it, by the names. */
export function statisticsFormat(document: JsonNode | undefined): StatisticsFormat | undefined {
  return (["backtesting.py", "vectorbt"] as const).find((format) => {
    const { trades, totalReturn } = NAMES[format];
    const isThere = (name: string) => memberOf(document, name) !== undefined;
    return isThere(trades) && isThere(totalReturn);
  });
}

/** Statistics as JSON: an object of names and values. */
export function readStatistics(
  document: JsonNode | undefined,
  format: StatisticsFormat,
): BacktestResults {
  const names = NAMES[format];
  const number = (name: string | undefined) =>
    name === undefined ? undefined : figureAt(memberOf(document, name), name);
  const totalReturnPct = number(names.totalReturn);
  if (totalReturnPct === undefined) {
    throw new InvalidInputError(`${names.totalReturn} is not there or unknown`);
  }
  const drawdown = number(names.maxDrawdown);
  if (drawdown !== undefined && drawdown * names.drawdownSign < 0) {
    const expected = `0 or ${names.drawdownSign < 0 ? "less" : "more"}, as ${format} has it`;
    throw unfit(names.maxDrawdown, drawdown, expected);
  }
  const rate = number(WIN_RATE);
  return checkedResults({
    startValue: number(names.startValue),
    finalValue: number(names.finalValue),
    totalReturnPct,
    maxDrawdownPct: drawdown === undefined ? undefined : 0 - Math.abs(drawdown),
    trades: number(names.trades),
    winRate: rate === undefined ? undefined : rate / 100,
    sharpeRatio: number(SHARPE),
    startTime: timeAt(memberOf(document, "Start"), "Start"),
    endTime: timeAt(memberOf(document, "End"), "End"),
  });
}

/**
 * The same from comma-separated values, a name and a value a row: `stats.to_csv(FILE)`. All names but
 * the Sharpe ratio, which vectorbt leaves out of data without a frequency, must be there: a file that
 * was cut off after a row looks whole.
 */
export function createStatisticsTable(): TextSink & { document(): JsonNode } {
  const members = new Map<string, JsonNode>();
  const scanner = createCsvScanner((cells, line) => {
    const [name = "", value = ""] = cells;
    if (cells.length !== 2) {
      throw new InvalidInputError(
        `line ${line} has ${cells.length} columns; expected a name and a value, as of one portfolio`,
      );
    }
    if (!WANTED.includes(name)) return;
    if (members.has(name)) {
      throw new InvalidInputError(`line ${line}: ${name} is there twice: which one counts?`);
    }
    members.set(name, value);
  });
  return {
    write: scanner.write,
    end() {
      scanner.end();
      const format = statisticsFormat({ kind: "object", members });
      if (format === undefined) return;
      const missing = [...namesIn(NAMES[format]), WIN_RATE, "Start", "End"].find(
        (name) => !members.has(name),
      );
      if (missing !== undefined) {
        throw new InvalidInputError(`has no row ${missing}: it is cut off, or not all of the rows`);
      }
    },
    document: () => ({ kind: "object", members }),
  };
}

function namesIn({ startValue, finalValue, totalReturn, maxDrawdown, trades }: Names) {
  const start = startValue === undefined ? [] : [startValue];
  return [...start, finalValue, totalReturn, maxDrawdown, trades];
}

/** NaN is how these libraries say unknown; a figure that is infinite is none. */
function figureAt(node: JsonNode | undefined, what: string): number | undefined {
  if (node === undefined || node === null || UNKNOWN.includes(node)) return undefined;
  if (Number.isNaN(node)) return undefined;
  // NumPy's integers come as text when JSON is written with default=str.
  const number = typeof node === "string" && NUMBER.test(node) ? Number(node) : node;
  if (typeof number === "number" && Number.isFinite(number)) return positiveZero(number);
  throw unfit(what, node, "a number");
}

/** A date, or milliseconds as `to_json` writes them. The number of a bar is no time. */
function timeAt(node: JsonNode | undefined, what: string): number | undefined {
  if (node === undefined || node === null || UNKNOWN.includes(node)) return undefined;
  const number = typeof node === "string" && NUMBER.test(node) ? Number(node) : node;
  if (typeof number !== "number") return momentAt(number, what);
  if (Number.isNaN(number) || Math.abs(number) < FIRST_MILLISECOND) return undefined;
  return momentAt(dateOf(number, node, what), what);
}

function dateOf(milliseconds: number, given: JsonNode, what: string): string {
  const date = new Date(milliseconds);
  if (Number.isNaN(date.getTime())) throw unfit(what, given, "a date");
  return date.toISOString();
}
