import type { RuleFile } from "../rule.ts";
import { OVERDUE } from "./freshness.ts";

const REFUSED = 'pushgateway_http_requests_total{handler="push",code!~"2.."}';

/** From a run's record to the gateway, and from there to Prometheus. */
export const publishingRules: RuleFile = {
  subject: "publishing",
  about:
    "The way from a run to Prometheus: the gateway, pushes, and the ledger. What the reporter says of the ledger counts only while it says it: else JobStale speaks of the reporter.",
  rules: [
    {
      alert: "PushgatewayDown",
      expr: 'max_over_time(up{job="pushgateway"}[3m]) == 0 or absent(up{job="pushgateway"})',
      for: "2m",
      severity: "critical",
      job: "pushgateway",
      summary: "Prometheus cannot scrape the Pushgateway.",
      description:
        "Nothing that jobs and the reporter push is arriving, the kill switch included; other alerts about them are blind. Runs are still recorded in the ledger, and nothing is lost.",
      dashboard: "health",
    },
    {
      alert: "PushRejected",
      expr: `sum by (job, instance, code) (increase(${REFUSED}[10m])) > 0
  or sum by (job, instance, code) (
    ${REFUSED}
      unless max_over_time(${REFUSED}[1h] offset 10m)
  )`,
      severity: "warning",
      job: "pushgateway",
      summary: "The Pushgateway refused pushes with {{ $labels.code }}.",
      description:
        "Somebody's pushes were refused within the last 10 minutes. A malformed one reaches no group and sets no push_failure_time_seconds: who it was is only in the log of the gateway, and of the job.",
      dashboard: "health",
      comment:
        "The series is born at its first refusal, and increase() cannot see a first sample: hence the second arm.",
    },
    {
      alert: "PushFailed",
      expr: "max_over_time(push_failure_time_seconds[5m]) > max_over_time(push_time_seconds[5m])",
      for: "5m",
      severity: "warning",
      summary: "The newest push of {{ $labels.job }} was refused.",
      description:
        "The newest push to this group was refused, so the gateway shows the group as it was before. Mostly another group has a family of the same name with another type. A group whose very first push was refused is empty, and shows this until it is deleted.",
      dashboard: "health",
    },
    {
      alert: "LedgerLag",
      expr: `time() - max_over_time(closing_bell_ledger_oldest_pending_timestamp_seconds[5m]) > 600
  unless ${OVERDUE}`,
      for: "5m",
      severity: "warning",
      summary: "Runs wait in the ledger since {{ $value | humanizeDuration }}.",
      description:
        "Run records that no total holds yet have waited for more than ten minutes, though the reporter publishes at each look. They are safe, but Prometheus does not see them.",
      dashboard: "health",
    },
    {
      alert: "LedgerUnconfirmed",
      expr: `last_over_time(closing_bell_ledger_unconfirmed_groups[5m]) > 0
  unless ${OVERDUE}`,
      for: "10m",
      severity: "warning",
      summary: '{{ $value | printf "%.0f" }} groups have a push that the gateway does not confirm.',
      description:
        "Pushes end without an answer (a timeout, 429 or 5xx) again and again. The next one waits behind a barrier each time; nothing is counted twice.",
      dashboard: "health",
    },
    {
      alert: "LedgerRejected",
      expr: "sum without (instance) (increase(closing_bell_rejected_records_total[1d])) > 0",
      severity: "warning",
      summary:
        '{{ $value | printf "%.0f" }} run records of {{ $labels.job }} were rejected within a day.',
      description:
        "A run gave a metric another type or other buckets than it had, so its record could not be added to the totals. It is kept with its reason for 30 days.",
      dashboard: "health",
    },
    {
      alert: "LedgerConflict",
      expr: `last_over_time(closing_bell_ledger_conflicting_groups[5m]) > 0
  unless ${OVERDUE}`,
      for: "5m",
      severity: "warning",
      summary:
        '{{ $value | printf "%.0f" }} groups are not published: the gateway shows another ledger.',
      description:
        "The gateway shows totals of another ledger, or newer ones than ours, so nothing is pushed over them: two places report one group, or the state directory was lost, copied or restored. Runs are recorded and wait.",
      dashboard: "health",
    },
    {
      alert: "DroppedLabelSets",
      expr: "sum without (instance) (increase(closing_bell_dropped_label_sets_total[1d])) > 0",
      severity: "info",
      summary:
        '{{ $value | printf "%.0f" }} label sets of {{ $labels.job }} were dropped within a day.',
      description:
        "A metric family of the group has 200 label sets, which is its limit. New ones are counted as other, or left out where no label may become that; sums over the family stay right.",
      dashboard: "health",
    },
  ],
};
