import type { RuleFile } from "../rule.ts";
import { OVERDUE } from "./freshness.ts";

/** What real money depends on: live accounts and systems, never a backtest or a paper account. */
export const tradingRules: RuleFile = {
  subject: "trading",
  about:
    'Live trading. Only mode="live": a backtest that loses everything wakes nobody. A threshold on a number that nobody refreshes says nothing, so all but the kill switch are silent while their group is overdue; ReporterStale and JobStale speak instead. Windows bridge scrapes that fail, which would start "for" anew.',
  rules: [
    {
      alert: "KillSwitchActivated",
      expr: 'last_over_time(kill_switch_status{mode="live"}[1h]) == 1',
      severity: "critical",
      summary: "The kill switch is active: trading is halted.",
      description:
        "The last that is known of the kill switch is that it is active. It stays so here until it is seen to be inactive, even if the reporter dies; if it becomes unknown, for an hour.",
      dashboard: "portfolio",
      comment:
        'At once, and not guarded by freshness: "halted, last known" must stay until somebody has looked.',
    },
    {
      alert: "LargeDrawdown",
      expr: `(
  last_over_time(current_drawdown_pct{mode="live"}[5m])
    or last_over_time(max_drawdown_pct{mode="live"}[5m])
) < -8
  unless ${OVERDUE}`,
      for: "5m",
      keepFiringFor: "10m",
      severity: "warning",
      labels: { reason: "drawdown" },
      summary:
        'The drawdown of {{ $labels.job }} is {{ $value | printf "%.1f" }} %; the limit is -8 %.',
      description:
        "The account is more than 8 % below its high-water mark. Where the drawdown of now is not reported, this is the maximum so far, which recovers only when the high-water mark is reset.",
      dashboard: "portfolio",
      comment:
        "The drawdown of now where it is known: the maximum never comes back up, and neither would the alert.",
    },
    {
      alert: "LargeDrawdown",
      expr: `last_over_time(portfolio_total_value{mode="live"}[5m]) <= 0
  unless ${OVERDUE}`,
      for: "5m",
      severity: "critical",
      labels: { reason: "total_loss" },
      summary: 'The portfolio of {{ $labels.job }} is worth {{ $value | printf "%.2f" }}.',
      description:
        "Nothing is left of the account, or less than nothing, or its source says so by mistake. A drawdown cannot be computed then and is absent.",
      dashboard: "portfolio",
    },
    {
      alert: "DatabaseDisconnected",
      expr: `(
  label_replace(last_over_time(timescale_connection_status{mode="live"}[5m]), "database", "timescale", "", "")
    or label_replace(last_over_time(redis_connection_status{mode="live"}[5m]), "database", "redis", "", "")
) == 0
  unless ignoring (database) ${OVERDUE}`,
      for: "2m",
      severity: "critical",
      summary: "The connection to {{ $labels.database }} is lost, says {{ $labels.job }}.",
      description:
        "It was looked at and did not answer, for two minutes. What it holds is out of reach for the trading system too.",
      dashboard: "health",
      comment:
        "or drops the right side where label sets match, so each database gets a name of its own first.",
    },
  ],
};
