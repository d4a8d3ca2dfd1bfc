import { InvalidInputError } from "../errors.ts";
import { quote } from "../sources/quote.ts";
import { checkedResults } from "./check.ts";
import {
  type JsonContainer,
  type JsonNode,
  memberOf,
  objectAt,
  type Selection,
  select,
  selectValues,
} from "./outline.ts";
import type { Reading } from "./results.ts";
import { createTally, type Tally } from "./tally.ts";
import { momentAt, numberAt, sinceEpoch, textAt, unfit } from "./values.ts";

/** Figures of one strategy. Percentages in these files are rounded, so fractions are read. */
const FIGURES = [
  "starting_balance",
  "final_balance",
  "profit_total",
  "max_drawdown_account",
  "total_trades",
  "winrate",
  "wins",
  "sharpe",
  "stake_currency",
  "backtest_start_ts",
  "backtest_end_ts",
  "backtest_start",
  "backtest_end",
] as const;

/** What freqtrade writes for a Sharpe ratio that there is none of: all trades ended alike. */
const NO_SHARPE = -100;

/** Strategy names in a message. */
const SHOWN_NAMES = 10;

/** The trades of each strategy, counted while they are read. */
export type FreqtradeTrades = ReadonlyMap<string, Tally>;

/** What is wanted of a file, and the trades that come with it. */
export function freqtradeSelection(): {
  readonly selection: Selection;
  readonly trades: FreqtradeTrades;
} {
  const trades = new Map<string, Tally>();
  function each(trade: JsonNode, [, strategy = ""]: readonly string[]): void {
    const tally = trades.get(strategy) ?? createTally();
    trades.set(strategy, tally);
    countTrade(trade, tally);
  }
  const orders: Selection = { others: selectValues("ft_order_side", "order_filled_timestamp") };
  const trade = select({ pair: {}, orders });
  const figures = Object.fromEntries(FIGURES.map((name) => [name, {}]));
  const strategy = select({ ...figures, trades: { others: trade, each } });
  const selection = select({
    strategy: { others: strategy },
    strategy_comparison: {},
    latest_backtest: {},
  });
  return { selection, trades };
}

/** A trade is filled orders, in old files without them an entry and an exit. */
function countTrade(trade: JsonNode, tally: Tally): void {
  const pair = memberOf(trade, "pair");
  const orders = memberOf(trade, "orders");
  const filled =
    typeof orders === "object" && orders !== null
      ? [...orders.members.values()].filter(
          (order) => memberOf(order, "order_filled_timestamp") !== null,
        )
      : [];
  const of = (side: string) =>
    filled.filter((order) => memberOf(order, "ft_order_side") === side).length;
  const [buys, sells] = filled.length === 0 ? [1, 1] : [of("buy"), of("sell")];
  tally.add(pair, { buys, sells });
}

/**
 * One strategy of a file of freqtrade.
 *
 * @throws {InvalidInputError} when it is not there, or not the only one and none was named.
 */
export function readFreqtrade(
  document: JsonNode | undefined,
  trades: FreqtradeTrades,
  wanted: string | undefined,
): Reading {
  const strategies = objectAt(document, "strategy")?.members ?? new Map<string, JsonNode>();
  const names = [...strategies.keys()];
  const listed = `${names
    .slice(0, SHOWN_NAMES)
    .map((name) => quote(name))
    .join(", ")}${names.length > SHOWN_NAMES ? " and more" : ""}`;
  if (names.length === 0) throw new InvalidInputError("strategy: there is none in it");
  if (wanted === undefined && names.length > 1) {
    throw new InvalidInputError(
      `has ${names.length} strategies (${listed}): say which, --strategy`,
    );
  }
  const strategy = wanted ?? names[0] ?? "";
  const figures = objectAt(objectAt(document, "strategy"), strategy);
  if (figures === undefined) {
    throw new InvalidInputError(`has no strategy ${quote(strategy)}; it has ${listed}`);
  }
  return { strategy, results: resultsOf(figures, quote(strategy), trades.get(strategy)) };
}

function resultsOf(figures: JsonContainer, strategy: string, tally: Tally | undefined) {
  type Figure = (typeof FIGURES)[number];
  const what = (name: Figure) => `${strategy}: ${name}`;
  const number = (name: Figure) => numberAt(memberOf(figures, name), what(name));
  const required = (name: Figure) => {
    const found = number(name);
    if (found === undefined) throw new InvalidInputError(`${what(name)} is not there`);
    return found;
  };
  const fraction = number("max_drawdown_account");
  if (fraction !== undefined && fraction < 0) {
    throw unfit(what("max_drawdown_account"), fraction, "0 or more: freqtrade has no sign there");
  }
  const trades = required("total_trades");
  const listed = tally?.trades() ?? (memberOf(figures, "trades") === undefined ? trades : 0);
  if (listed !== trades) {
    throw new InvalidInputError(
      `${strategy}: it contradicts itself: total_trades is ${trades}, and ${listed} trades are listed`,
    );
  }
  const finalValue = required("final_balance");
  return checkedResults({
    startValue: required("starting_balance"),
    finalValue,
    // At the end of the data every trade is closed.
    cash: finalValue,
    openPositions: 0,
    totalReturnPct: required("profit_total") * 100,
    currency: textAt(memberOf(figures, "stake_currency"), what("stake_currency")),
    maxDrawdownPct: fraction === undefined ? undefined : 0 - fraction * 100,
    trades,
    winRate: winRateOf(trades, number("winrate"), number("wins")),
    sharpeRatio: sharpeOf(trades, number("sharpe")),
    startTime: timeOf("backtest_start"),
    endTime: timeOf("backtest_end"),
    fills: tally?.fills(),
  });

  function timeOf(name: "backtest_start" | "backtest_end"): number | undefined {
    const at = `${name}_ts` as const;
    return (
      sinceEpoch(memberOf(figures, at), 1000, what(at)) ??
      momentAt(memberOf(figures, name), what(name))
    );
  }
}

/** Of no trades at all there is no share. */
function winRateOf(trades: number, rate: number | undefined, wins: number | undefined) {
  if (trades === 0) return undefined;
  return rate ?? (wins === undefined ? undefined : wins / trades);
}

function sharpeOf(trades: number, sharpe: number | undefined): number | undefined {
  return trades === 0 || sharpe === NO_SHARPE ? undefined : sharpe;
}
