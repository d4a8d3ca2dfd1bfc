import { InvalidInputError } from "../errors.ts";
import { quote } from "../sources/quote.ts";
import { checkedResults } from "./check.ts";
import { type JsonNode, memberOf, type Selection, select } from "./outline.ts";
import type { Reading } from "./results.ts";
import type { Tally } from "./tally.ts";
import { momentAt, moneyAt, numeralAt, percentAt, textAt, unfit } from "./values.ts";

/** Wanted as text of the file: sections in either spelling, names with spaces in one. */
const SECTIONS = {
  statistics: ["Start Equity", "End Equity", "Net Profit", "Drawdown", "Sharpe Ratio", "Win Rate"],
  runtimeStatistics: ["Equity", "Holdings"],
  algorithmConfiguration: ["startDate", "endDate", "accountCurrency"],
  state: ["status", "runtimeError"],
} as const;

const PERFORMANCE = {
  tradeStatistics: ["totalNumberOfTrades", "winRate"],
  portfolioStatistics: [
    "startEquity",
    "endEquity",
    "totalNetProfit",
    "drawdown",
    "sharpeRatio",
    "winRate",
  ],
} as const;

/** What is wanted of a file; its closed trades are counted. */
export function leanSelection(trades: Tally): Selection {
  const symbol = named(["value"]);
  const trade = bothCases({ symbol, symbols: { others: symbol } });
  const closedTrades: Selection = { others: trade, each: (each) => countTrade(each, trades) };
  return bothCases({
    ...everyNamed(SECTIONS),
    totalPerformance: bothCases({ ...everyNamed(PERFORMANCE), closedTrades }),
  });
}

function everyNamed(
  sections: Readonly<Record<string, readonly string[]>>,
): Readonly<Record<string, Selection>> {
  return Object.fromEntries(
    Object.entries(sections).map(([section, names]) => [section, named(names)]),
  );
}

function named(names: readonly string[]): Selection {
  return bothCases(Object.fromEntries(names.map((name) => [name, {}])));
}

/** Files of before 2022 spell every name with a capital. */
function bothCases(members: Readonly<Record<string, Selection>>): Selection {
  return select(
    Object.fromEntries(
      Object.entries(members).flatMap(([name, selection]) => [
        [name, selection],
        [capitalised(name), selection],
      ]),
    ),
  );
}

function capitalised(name: string): string {
  return name.charAt(0).toUpperCase() + name.slice(1);
}

/** Each closed trade is a buy and a sell, whichever came first. */
function countTrade(trade: JsonNode, trades: Tally): void {
  const symbols = either(trade, "symbols");
  const [first] =
    typeof symbols === "object" && symbols !== null ? [...symbols.members.values()] : [];
  trades.add(either(either(trade, "symbol") ?? first, "value"), { buys: 1, sells: 1 });
}

/** A member in either spelling. */
function either(node: JsonNode | undefined, name: string): JsonNode | undefined {
  return memberOf(node, name) ?? memberOf(node, capitalised(name));
}

/**
 * A result, or a summary, of LEAN. Text is read before typed fields: these are rounded to 4 places,
 * which of a fraction are 2 of its percentage. `runtimeStatistics["Net Profit"]` is money, and "Total
 * Orders" (once "Total Trades") no number of trades: neither is read.
 */
export function readLean(document: JsonNode | undefined, tally: Tally): Reading {
  const performance = either(document, "totalPerformance");
  const figure = <T>(
    section: keyof typeof SECTIONS,
    name: string,
    read: (node: JsonNode | undefined, what: string) => T,
  ) => read(either(either(document, section), name), `${section}: ${name}`);
  const typed = (section: keyof typeof PERFORMANCE, name: string) =>
    numeralAt(either(either(performance, section), name), `${section}: ${name}`);

  const failure = failureOf(document);
  if (failure !== undefined) return { results: {}, failure };

  const fraction = typed("portfolioStatistics", "totalNetProfit");
  const totalReturnPct = figure("statistics", "Net Profit", percentAt) ?? hundredfold(fraction);
  if (totalReturnPct === undefined) {
    throw new InvalidInputError(
      'says no return: neither statistics "Net Profit" nor portfolioStatistics totalNetProfit',
    );
  }
  const equity = figure("runtimeStatistics", "Equity", moneyAt);
  const holdings = figure("runtimeStatistics", "Holdings", moneyAt);
  const trades = typed("tradeStatistics", "totalNumberOfTrades");
  // With no trades the rates are written as 0.
  const winRate =
    trades === 0
      ? undefined
      : (typed("tradeStatistics", "winRate") ??
        typed("portfolioStatistics", "winRate") ??
        figure("statistics", "Win Rate", ratioAt));
  const sharpe =
    figure("statistics", "Sharpe Ratio", numeralAt) ?? typed("portfolioStatistics", "sharpeRatio");
  return {
    results: checkedResults({
      startValue:
        figure("statistics", "Start Equity", moneyAt) ??
        typed("portfolioStatistics", "startEquity"),
      finalValue:
        figure("statistics", "End Equity", moneyAt) ??
        typed("portfolioStatistics", "endEquity") ??
        equity,
      cash: equity === undefined || holdings === undefined ? undefined : equity - holdings,
      // How many positions the holdings are, the file does not say.
      openPositions: holdings === 0 ? 0 : undefined,
      currency: figure("algorithmConfiguration", "accountCurrency", textAt),
      totalReturnPct,
      maxDrawdownPct: drawdownOf(
        figure("statistics", "Drawdown", percentAt) ??
          hundredfold(typed("portfolioStatistics", "drawdown")),
      ),
      trades,
      winRate,
      // A portfolio that never moved has none, and 0 is written for it.
      sharpeRatio: sharpe === 0 && totalReturnPct === 0 && !trades ? undefined : sharpe,
      startTime: figure("algorithmConfiguration", "startDate", momentAt),
      endTime: figure("algorithmConfiguration", "endDate", momentAt),
      fills: tally.trades() === 0 ? undefined : tally.fills(),
    }),
  };
}

/** A backtest that broke has a file all the same. */
function failureOf(document: JsonNode | undefined): string | undefined {
  const state = either(document, "state");
  const error = textAt(either(state, "runtimeError"), "state: RuntimeError");
  const status = textAt(either(state, "status"), "state: Status");
  if (error === undefined && (status === undefined || status === "Completed")) return undefined;
  const said = error === undefined ? "" : `: ${quote(error)}`;
  return `LEAN did not complete the backtest (${quote(status ?? "no status")})${said}`;
}

function drawdownOf(percent: number | undefined): number | undefined {
  if (percent !== undefined && percent < 0) {
    throw unfit("Drawdown", percent, "0 or more: LEAN has no sign there");
  }
  return percent === undefined ? undefined : 0 - percent;
}

function hundredfold(fraction: number | undefined): number | undefined {
  return fraction === undefined ? undefined : fraction * 100;
}

function ratioAt(node: JsonNode | undefined, what: string): number | undefined {
  const percent = percentAt(node, what);
  return percent === undefined ? undefined : percent / 100;
}
