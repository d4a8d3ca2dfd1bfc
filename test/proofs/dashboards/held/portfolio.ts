import { exact, type Held } from "../judge.ts";
import { steps } from "../steps.ts";
import { END } from "../times.ts";
import { type Account, tally } from "../truth.ts";
import { jobAges, RUN_MARKS, reported, SCRAPED_AGE, SWITCH, type Table } from "./common.ts";
import { CRITICAL_MARKS, WHAT_IS_WRONG } from "./wrong.ts";

/** Of the account, as the reporter last told it. */
function now(figure: keyof Account, by: readonly string[] = [], name = ""): Held {
  return exact(by, (truth) => ({ [name]: truth.accountSeenAt(END)[figure] }));
}

function over(figure: keyof Account): Held {
  return reported([], [""], (truth, time) => truth.accountSeenAt(time)[figure]);
}

export const PORTFOLIO: Table = {
  "Data age | A": jobAges("execution", "portfolio_reporter"),
  "Data age | B": SCRAPED_AGE,
  "Kill Switch Status | A": SWITCH,
  "What is wrong | A": WHAT_IS_WRONG,
  "Portfolio Value | A": now("value", ["currency"], "USD"),
  "Daily PnL | A": now("dailyPnl", ["currency"], "USD"),
  "Total Return % | A": now("returnPct"),
  "Current Drawdown | A": now("drawdownPct"),
  "Max Drawdown | A": now("maxDrawdownPct"),
  "Cash | A": now("cash"),
  "Open Positions | A": now("positions"),
  "Trades Today | A": exact(["side"], ({ today }) =>
    tally(
      today
        .filter(({ mode }) => mode === "live")
        .flatMap(({ work }) => work.trades.map(({ side }) => [side, 1] as const)),
    ),
  ),
  "Value and cash | A": over("value"),
  "Value and cash | B": over("cash"),
  "Drawdown | A": over("drawdownPct"),
  "Drawdown | B": over("maxDrawdownPct"),
  "Profit and loss of the day | A": over("dailyPnl"),
  "Trades by side | A": steps({
    by: ["side"],
    amounts: ({ work }) => work.trades.map(({ side }) => [side, 1]),
    of: "amount",
    isRounded: true,
    where: ({ mode }) => mode === "live",
  }),
  "annotation Runs | ": RUN_MARKS,
  "annotation Critical alerts | ": CRITICAL_MARKS,
};
