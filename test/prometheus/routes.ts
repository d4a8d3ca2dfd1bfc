/** Receivers of an alert by its severity, as `amtool config routes test` writes them. */
type Routes = Readonly<Record<string, string>>;

const CRITICAL: Routes = { critical: "pager,slack" };
const WARNING: Routes = { warning: "slack" };
const INFO: Routes = { info: "email-digest" };

/** As bad as the job catalogue says: `severityOnMiss`. */
const AS_THE_JOB: Routes = { ...CRITICAL, ...WARNING, ...INFO };

/** Where each shipped alert must arrive. A new alert needs an entry, and so does a new severity of one. */
export const ROUTES: Readonly<Record<string, Routes>> = {
  Watchdog: { none: "heartbeat" },
  KillSwitchActivated: CRITICAL,
  HighAICost: WARNING,
  LowCacheHitRate: WARNING,
  DatabaseDisconnected: CRITICAL,
  LargeDrawdown: { ...CRITICAL, ...WARNING },
  PushgatewayDown: CRITICAL,
  PushRejected: WARNING,
  PushFailed: WARNING,
  JobNeverPushed: AS_THE_JOB,
  JobStale: AS_THE_JOB,
  JobNotSucceeding: AS_THE_JOB,
  JobRunningTooLong: AS_THE_JOB,
  JobFreshnessBudgetBurn: AS_THE_JOB,
  LedgerLag: WARNING,
  LedgerUnconfirmed: WARNING,
  LedgerRejected: WARNING,
  LedgerConflict: WARNING,
  SourceDown: { ...CRITICAL, ...WARNING },
  ReporterStale: { ...CRITICAL, ...WARNING },
  UnpricedAiRequests: WARNING,
  DroppedLabelSets: INFO,
};

/** Alerts, by name and severity, that must reach their receivers whatever else is wrong. */
export const NEVER_INHIBITED: Readonly<Record<string, string>> = {
  KillSwitchActivated: "critical",
  Watchdog: "none",
  PushgatewayDown: "critical",
  ReporterStale: "critical",
  // Where it is critical it is the kill switch.
  SourceDown: "critical",
};
