import { OVERDUE } from "../rules/freshness.ts";
import type { Board, Plan } from "./board.ts";
import { LIMITS } from "./limits.ts";
import { boardLink, runbookLink, variable } from "./links.ts";
import { dataAge, killSwitch, whatIsWrong } from "./now.ts";
import { BAD, BUSY, colored, NONE, notBelow, WARN } from "./palette.ts";
import { series, stat } from "./panels.ts";

const CHOSEN = 'job=~"$job",mode="$mode",strategy=~"$strategy"';

/** Of trades also the jobs that report no portfolio. */
const TRADED = 'mode="$mode",strategy=~"$strategy"';

const STALE = "unknown or stale";

/** A number that nobody refreshes is not shown as if it were one of now. */
function fresh(family: string): string {
  return `${family}{${CHOSEN}} unless ${OVERDUE}`;
}

/** With the currency of its group, where the group says it. */
function amount(family: string): string {
  return `(${fresh(family)})
  * on (job, mode, strategy) group_left (currency) portfolio_currency_info{${CHOSEN}}
  or on (job, mode, strategy) (${fresh(family)})`;
}

const WHOSE = "{{strategy}} {{currency}}";

/** What the account is worth, what it gained and lost, and what it did. */
export function portfolioBoard(plan: Plan): Board {
  const { links } = plan;
  return {
    dashboard: "portfolio",
    description:
      "One kind of account: live, unless you choose paper or backtest. Figures are what the reporter, or a backtest, last pushed; one that is overdue is left out. Read Data age first.",
    jobsOf: ["portfolio_total_value", "trades_total"],
    modes: "one",
    since: "now-24h",
    sections: [
      {
        panels: [
          [dataAge(plan, 'job=~"$job",mode="$mode"', [7, 4]), killSwitch(plan, [7, 4])],
          whatIsWrong(plan, [17, 8]),
        ],
      },
      {
        panels: [
          stat({
            title: "Portfolio Value",
            description:
              "Cash and holdings, in the currency that stands there. Red at nothing or less: LargeDrawdown; ask the broker whether it is true before you do anything.",
            size: [6, 4],
            unit: "locale",
            decimals: 0,
            noValue: STALE,
            isNamed: true,
            textSize: 46,
            steps: [BAD, [0.01, NONE]],
            queries: [{ expr: amount("portfolio_total_value"), legend: WHOSE }],
            links: [
              boardLink("health", { mode: variable("mode") }),
              runbookLink(links, "LargeDrawdown"),
            ],
          }),
          stat({
            title: "Daily PnL",
            description:
              "Profit or loss since the last close, less deposits and withdrawals. A jump that nobody can explain: compare with the trades below and with the broker's own page.",
            size: [6, 4],
            unit: "locale",
            decimals: 0,
            noValue: STALE,
            isNamed: true,
            textSize: 46,
            colored: "text",
            steps: [WARN, [0, "green"]],
            queries: [{ expr: amount("daily_pnl"), legend: WHOSE }],
          }),
          stat({
            title: "Total Return %",
            description:
              "Since the start capital. Unknown when none is configured, never 0. If it disagrees with value and start capital, look at the configuration.",
            size: [6, 4],
            unit: "percent",
            decimals: 2,
            noValue: STALE,
            textSize: 46,
            colored: "text",
            steps: [WARN, [0, "green"]],
            queries: [{ expr: fresh("total_return_pct"), legend: "{{strategy}}" }],
          }),
          stat({
            title: "Current Drawdown",
            description: `How far below its high-water mark the account is. LargeDrawdown fires below ${LIMITS.drawdownPct} %: look at the positions, and decide whether to halt.`,
            size: [6, 4],
            unit: "percent",
            decimals: 1,
            noValue: STALE,
            textSize: 46,
            steps: notBelow(LIMITS.drawdownPct, NONE),
            queries: [{ expr: fresh("current_drawdown_pct"), legend: "{{strategy}}" }],
            links: [runbookLink(links, "LargeDrawdown")],
          }),
        ],
      },
      {
        panels: [
          stat({
            title: "Max Drawdown",
            description: `The most it ever was. Orange below ${LIMITS.drawdownPct} %: it stays so, since a maximum does not recover, until the high-water mark is reset on purpose. What to act on is the current one.`,
            size: [6, 3],
            unit: "percent",
            decimals: 1,
            noValue: STALE,
            colored: "text",
            steps: [WARN, [LIMITS.drawdownPct, "text"]],
            queries: [{ expr: fresh("max_drawdown_pct"), legend: "{{strategy}}" }],
          }),
          stat({
            title: "Cash",
            description:
              "Not invested. Orange below nothing: the account has borrowed. If that is not meant, look at what was bought last.",
            size: [6, 3],
            unit: "locale",
            decimals: 0,
            noValue: STALE,
            colored: "text",
            steps: [WARN, [0, "text"]],
            queries: [{ expr: fresh("portfolio_cash"), legend: "{{strategy}}" }],
          }),
          stat({
            title: "Open Positions",
            description:
              "How many are held now. More than the constitution allows: look at Constitution Violations on System Health.",
            size: [6, 3],
            unit: "none",
            decimals: 0,
            noValue: STALE,
            queries: [{ expr: fresh("current_positions_count"), legend: "{{strategy}}" }],
            links: [boardLink("health", { mode: variable("mode") })],
          }),
          stat({
            title: "Trades Today",
            description:
              "Executed this day so far, since midnight in the dashboard's time zone. Many more than usual: look at the decisions on AI Trading Overview, and at the kill switch.",
            size: [6, 3],
            unit: "none",
            decimals: 0,
            noValue: "none today",
            isToday: true,
            isNamed: true,
            queries: [
              {
                expr: `round(sum by (side) (increase(trades_total{${TRADED}}[$__range])))`,
                legend: "{{side}}",
              },
            ],
            links: [boardLink("ai")],
          }),
        ],
      },
      {
        title: "How it went",
        panels: [
          series({
            title: "Value and cash",
            description:
              "What was last pushed, at each moment; cash has the axis on the right. A gap is a time in which nobody refreshed it. A step without trades: a deposit, a withdrawal, or a source that errs.",
            size: [12, 9],
            of: "held",
            unit: "locale",
            decimals: 0,
            noValue: "no figures in this time",
            queries: [
              { expr: fresh("portfolio_total_value"), legend: "value {{strategy}}" },
              { expr: fresh("portfolio_cash"), legend: "cash {{strategy}}" },
            ],
            overrides: [
              {
                name: "/^cash/",
                properties: [
                  { id: "custom.axisPlacement", value: "right" },
                  { id: "custom.fillOpacity", value: 0 },
                  { id: "color", value: { mode: "fixed", fixedColor: "text" } },
                ],
              },
            ],
          }),
          series({
            title: "Drawdown",
            description: `Below the high-water mark, now and at most. In the red, below ${LIMITS.drawdownPct} %, LargeDrawdown fires after five minutes: decide whether to halt.`,
            size: [12, 9],
            of: "held",
            unit: "percent",
            decimals: 1,
            max: 0,
            softMin: LIMITS.drawdownPct * 1.25,
            noValue: "no figures in this time",
            steps: notBelow(LIMITS.drawdownPct, NONE),
            queries: [
              { expr: fresh("current_drawdown_pct"), legend: "now {{strategy}}" },
              { expr: fresh("max_drawdown_pct"), legend: "most {{strategy}}" },
            ],
            links: [runbookLink(links, "LargeDrawdown")],
          }),
          series({
            title: "Profit and loss of the day",
            description:
              "Starts at nothing with each trading day. Falling without end: look at the positions at the broker, and decide whether to halt.",
            size: [12, 8],
            of: "held",
            unit: "locale",
            decimals: 0,
            noValue: "no figures in this time",
            steps: [NONE],
            queries: [{ expr: fresh("daily_pnl"), legend: "daily PnL {{strategy}}" }],
          }),
          series({
            title: "Trades by side",
            description:
              "Executed in each step of five minutes or more; those of a short job show when it was published. Trades while the kill switch is on: it does not work; stop the trading system itself.",
            size: [12, 8],
            of: "counted",
            drawn: "bars",
            isStacked: true,
            unit: "none",
            decimals: 0,
            min: 0,
            interval: "5m",
            noValue: "no trades in this time",
            queries: [
              {
                expr: `round(sum by (side) (increase(trades_total{${TRADED}}[$__rate_interval]))) > 0`,
                legend: "{{side}}",
              },
            ],
            overrides: [colored("BUY", BUSY), colored("SELL", WARN)],
            links: [boardLink("ai")],
          }),
        ],
      },
    ],
  };
}
