import { SourceError } from "../../errors.ts";
import { refuseUnknownKeys } from "../../options.ts";
import { parseDecimal, toNumber } from "../decimal.ts";
import { askPostgres, type PostgresAnswer, refuseEmptyQuery } from "../postgres.ts";
import { type PostgresLocation, parsePostgresUrl } from "../postgres-address.ts";
import { quote } from "../quote.ts";
import { SOURCE_TIMEOUT_MS } from "../source.ts";
import { refuseTimeout } from "../timeout.ts";
import type { PortfolioReading, PortfolioSource } from "./portfolio.ts";

export type SqlPortfolioOptions = PostgresLocation & {
  /**
   * One statement that reads and gives one row, with some of the columns `equity`, `cash`,
   * `positions`, `daily_pnl`, `last_close_equity`, `cash_flow_today`, `cash_flow_total`, `currency`.
   */
  readonly query: string;
  /** Of a reading, in milliseconds. Default 5000. */
  readonly timeoutMs?: number;
};

type Field = Exclude<keyof PortfolioReading, "isTradingBlocked" | "problems">;

/** What a value is, or what is wrong with it. */
type Judgement = { readonly known: number | string } | string;

const NAME = "portfolio";
const CURRENCY = /^[A-Za-z0-9]{1,12}$/;

const COLUMNS: Readonly<
  Record<string, { readonly field: Field; readonly judge: (text: string) => Judgement }>
> = {
  equity: { field: "equity", judge: judgeAmount },
  cash: { field: "cash", judge: judgeAmount },
  positions: { field: "positions", judge: judgeCount },
  daily_pnl: { field: "dailyPnl", judge: judgeAmount },
  last_close_equity: { field: "lastCloseEquity", judge: judgeAmount },
  cash_flow_today: { field: "cashFlowToday", judge: judgeAmount },
  cash_flow_total: { field: "cashFlowTotal", judge: judgeAmount },
  currency: { field: "currency", judge: judgeCurrency },
};

/**
 * A portfolio in a PostgreSQL database (TimescaleDB is one), by one query.
 *
 * NULL is unknown, and so absent. A value that is no number is absent and named in `problems`, as is
 * a column of another name; a row in which no value at all could be read is no reading, nor is an
 * answer of no row, of several, or without any of the columns.
 *
 * @throws {InvalidOptionError} for unknown options, an unusable connection string, an empty query.
 */
export function createSqlPortfolioSource(options: SqlPortfolioOptions): PortfolioSource {
  const what = "createSqlPortfolioSource";
  refuseUnknownKeys(options, ["connectionString", "ca", "query", "timeoutMs"], what);
  const { query, timeoutMs = SOURCE_TIMEOUT_MS } = options;
  refuseTimeout(timeoutMs, what);
  refuseEmptyQuery(query, what);
  const address = parsePostgresUrl(options);
  return {
    name: NAME,
    timeoutMs,
    async read(signal) {
      const answer = await askPostgres(address, { query, source: NAME, timeoutMs, signal });
      const result = readAnswer(answer);
      if (typeof result !== "string") return result;
      throw new SourceError(NAME, `query at ${address.label}: ${result}`);
    },
  };
}

/** A string says why the answer is no reading. */
function readAnswer({ columns, row }: PostgresAnswer): PortfolioReading | string {
  const names = columns.map(({ name }) => name.toLowerCase());
  const expected = Object.keys(COLUMNS).join(", ");
  if (!names.some((name) => Object.hasOwn(COLUMNS, name))) {
    const found = columns.length === 0 ? "no columns" : columns.map(({ name }) => name).join(", ");
    return `the answer has ${quote(found)}; expected some of ${expected} (use AS)`;
  }
  if (row === undefined) return "no row came back; is the table empty, or the WHERE too narrow?";

  const read: Record<string, number | string> = {};
  const problems: string[] = [];
  let refused = 0;
  for (const [index, name] of names.entries()) {
    const column = Object.hasOwn(COLUMNS, name) ? COLUMNS[name] : undefined;
    const text = row[index] ?? null;
    if (column === undefined) {
      problems.push(`column ${quote(name)} is none of ${expected}`);
    } else if (names.indexOf(name) !== names.lastIndexOf(name)) {
      if (names.indexOf(name) === index) problems.push(`column ${name} is there more than once`);
      refused++;
    } else if (text !== null) {
      const judgement = column.judge(text);
      if (typeof judgement === "object") read[column.field] = judgement.known;
      else {
        problems.push(`column ${name} is "${quote(text, [], 40)}", ${judgement}`);
        refused++;
      }
    }
  }
  if (refused > 0 && Object.keys(read).every((field) => field === "currency")) {
    return `no value could be read: ${problems.join("; ")}`;
  }
  return { ...read, ...(problems.length === 0 ? {} : { problems }) };
}

function judgeAmount(text: string): Judgement {
  const decimal = parseDecimal(text);
  return decimal === undefined ? "not an amount" : { known: toNumber(decimal) };
}

function judgeCount(text: string): Judgement {
  const decimal = parseDecimal(text);
  const known = decimal === undefined ? Number.NaN : toNumber(decimal);
  return Number.isSafeInteger(known) && known >= 0 ? { known } : "not a count";
}

/** `char(n)` is padded with spaces. */
function judgeCurrency(text: string): Judgement {
  const known = text.trimEnd();
  return CURRENCY.test(known) ? { known } : "not a currency";
}
