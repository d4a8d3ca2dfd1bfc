import type { Expectation } from "../expectations.ts";
import { selector } from "../expectations.ts";
import type { AlertRule, RuleFile } from "../rule.ts";
import { OVERDUE, PORTFOLIO_JOB, REPORTER_JOB, reporterMaxAge } from "./freshness.ts";

/** The reporter, and the places that it reads. */
export function sourceRules(expectations: readonly Expectation[]): RuleFile {
  const isExpected = expectations.some(({ job }) => job === REPORTER_JOB);
  const maxAge = reporterMaxAge(expectations);
  return {
    subject: "sources",
    about:
      "The reporter, which reads accounts, databases and the kill switch, and the places that it reads.",
    rules: [
      ...staleRules(maxAge, isExpected),
      {
        alert: "SourceDown",
        expr: `last_over_time(closing_bell_source_up{source="kill_switch",mode="live"}[5m]) == 0
  unless ignoring (source) ${OVERDUE}`,
        for: "2m",
        severity: "critical",
        summary: "The kill switch cannot be read: nobody knows whether trading is halted.",
        description:
          "The reporter looks at the kill switch and gets no answer that means anything. KillSwitchActivated keeps what was last known for an hour, and then knows nothing.",
        dashboard: "health",
      },
      {
        alert: "SourceDown",
        expr: `(
  last_over_time(closing_bell_source_up{source!="kill_switch"}[5m])
    or last_over_time(closing_bell_source_up{source="kill_switch",mode!="live"}[5m])
) == 0
  unless ignoring (source) ${OVERDUE}`,
        for: "5m",
        severity: "warning",
        summary: "The reporter cannot read {{ $labels.source }}.",
        description:
          "What this source would say is unknown and therefore absent: its panels are empty, and alerts about it are silent.",
        dashboard: "health",
      },
    ],
  };
}

function staleRules(maxAge: number, isExpected: boolean): readonly AlertRule[] {
  const push = (mode: string) =>
    `time() - max_over_time(push_time_seconds{job="${PORTFOLIO_JOB}",${mode}}[1h]) > ${maxAge}`;
  const summary = "The reporter last pushed {{ $value | humanizeDuration }} ago.";
  const description =
    "The reporter is silent: portfolio, health and kill switch stand still at what they were. Thresholds on them are silent until the reporter is back; KillSwitchActivated keeps what was last known.";
  const absent: readonly AlertRule[] = [
    {
      alert: "ReporterStale",
      expr: `absent_over_time(push_time_seconds${selector({ job: PORTFOLIO_JOB })}[1h])`,
      for: "5m",
      severity: "critical",
      labels: { reason: "absent" },
      summary: "The reporter has not pushed within an hour, or never.",
      description: `The job catalogue expects ${REPORTER_JOB}, and the gateway has no group of portfolio and health.`,
      dashboard: "health",
    },
  ];
  return [
    {
      alert: "ReporterStale",
      expr: push('mode="live"'),
      severity: "critical",
      summary,
      description,
      dashboard: "health",
    },
    {
      alert: "ReporterStale",
      expr: push('mode!="live"'),
      severity: "warning",
      summary,
      description,
      dashboard: "health",
    },
    ...(isExpected ? absent : []),
  ];
}
