import type { Firing } from "../evaluated-rules.ts";
import type { Held } from "../judge.ts";
import type { DayKind } from "../plan.ts";
import { END, MINUTE, unix } from "../times.ts";

/** An alert that has to fire, and what it is about, as the page has it. */
export type Expected = {
  readonly alert: string;
  readonly severity: "critical" | "warning" | "info" | "none";
  readonly job: string;
  readonly about?: string;
  /** When what it is about begins to be so, and from when it has been for long enough. */
  readonly since: number;
  readonly from: number;
  /** Absent: to the end of the day. */
  readonly to?: number;
  /** Not on the page: of a job that is stale anyway, and what is no complaint. */
  readonly isHidden?: true;
};

/** Scrape, look and evaluation each come within so much of what happens. */
const LATE = 6 * MINUTE;

const day = (time: string) => unix(`2026-11-24T${time}Z`);

const WATCHDOG: Expected = {
  alert: "Watchdog",
  severity: "none",
  job: "prometheus",
  since: unix("2026-11-23T23:00Z"),
  from: unix("2026-11-23T23:00Z"),
  isHidden: true,
};

const BACKTEST = { job: "backtest", severity: "warning" } as const;
const REPORTER = { job: "closing_bell_reporter", severity: "critical" } as const;
const FIGURES = { job: "portfolio_reporter", severity: "critical" } as const;
const RESEARCH = { job: "research", severity: "warning" } as const;

/** Friday's backtest ended at 22:31:35, and may be 74 hours and 15 minutes old. */
const STALE_AT = unix("2026-11-20T22:31:35Z") + 267_300;

// biome-ignore format: a table
export const EXPECTED: Readonly<Record<DayKind, readonly Expected[]>> = {
  good: [
    WATCHDOG,
    { alert: "JobStale", ...BACKTEST, about: "backtest momentum-20d", since: STALE_AT, from: STALE_AT, to: day("03:11:35") },
    // 14.4 % of an hour are 9 minutes, 6 % of what there is of six hours as many, 1 % of three days one.
    { alert: "JobFreshnessBudgetBurn", ...BACKTEST, since: STALE_AT, from: STALE_AT + 9 * MINUTE, to: day("03:16:30"), isHidden: true },
    { alert: "JobFreshnessBudgetBurn", ...BACKTEST, since: STALE_AT, from: STALE_AT + 6 * MINUTE, to: day("03:40"), isHidden: true },
    { alert: "JobFreshnessBudgetBurn", ...BACKTEST, severity: "info", since: STALE_AT, from: STALE_AT + MINUTE, to: day("09:08"), isHidden: true },
  ],
  bad: [
    WATCHDOG,
    // The backtest never comes.
    { alert: "JobStale", ...BACKTEST, about: "backtest momentum-20d", since: STALE_AT, from: STALE_AT },
    { alert: "JobFreshnessBudgetBurn", ...BACKTEST, since: STALE_AT, from: STALE_AT + 9 * MINUTE, isHidden: true },
    { alert: "JobFreshnessBudgetBurn", ...BACKTEST, since: STALE_AT, from: STALE_AT + 6 * MINUTE, isHidden: true },
    { alert: "JobFreshnessBudgetBurn", ...BACKTEST, severity: "info", since: STALE_AT, from: STALE_AT + MINUTE, isHidden: true },
    // The switch cannot be read from 04:00 to 04:10; then somebody's family is in the way until 04:30.
    { alert: "SourceDown", ...FIGURES, about: "kill_switch live", since: day("04:00"), from: day("04:02"), to: day("04:14") },
    { alert: "ReporterStale", ...FIGURES, about: "live", since: day("04:13"), from: day("04:13"), to: day("04:32") },
    { alert: "PushRejected", severity: "warning", job: "pushgateway", about: "400", since: day("04:10"), from: day("04:10"), to: day("04:40") },
    { alert: "PushFailed", ...FIGURES, severity: "warning", about: "live", since: day("04:10"), from: day("04:15"), to: day("04:32") },
    { alert: "JobNotSucceeding", ...REPORTER, since: day("04:10"), from: day("04:25"), to: day("04:32") },
    // Nothing waits: but what it tells of the ledger stands still while its runs fail.
    { alert: "LedgerLag", ...REPORTER, severity: "warning", since: day("04:19"), from: day("04:24"), to: day("04:32") },
    // It does not look from 08:00 to 08:20.
    { alert: "JobStale", ...REPORTER, since: day("08:03"), from: day("08:03"), to: day("08:22") },
    { alert: "ReporterStale", ...FIGURES, about: "live", since: day("08:03"), from: day("08:03"), to: day("08:22") },
    { alert: "JobFreshnessBudgetBurn", ...REPORTER, since: day("08:12"), from: day("08:12"), to: day("08:27") },
    { alert: "JobFreshnessBudgetBurn", ...REPORTER, severity: "info", since: day("08:09"), from: day("08:09"), to: day("16:06") },
    // The gateway cannot be scraped from 10:00 to 10:08.
    { alert: "PushgatewayDown", severity: "critical", job: "pushgateway", since: day("10:03"), from: day("10:05"), to: day("10:09") },
    { alert: "JobStale", ...REPORTER, since: day("10:03"), from: day("10:03"), to: day("10:09") },
    { alert: "ReporterStale", ...FIGURES, about: "live", since: day("10:03"), from: day("10:03"), to: day("10:09") },
    { alert: "JobFreshnessBudgetBurn", ...REPORTER, since: day("10:06"), from: day("10:06"), to: day("10:37") },
    // The analysis hangs from 14:45 to 15:10, and fails.
    { alert: "JobRunningTooLong", job: "analysis", severity: "critical", about: "paper", since: day("15:00"), from: day("15:00"), to: day("15:11") },
    { alert: "JobNotSucceeding", job: "analysis", severity: "critical", about: "paper", since: day("15:10:20"), from: day("15:25:20") },
    { alert: "LargeDrawdown", ...FIGURES, severity: "warning", about: "drawdown live", since: day("18:00"), from: day("18:05") },
    // The worse research: at 20:20, within the hour after it, and at 22:20.
    { alert: "HighAICost", ...RESEARCH, since: day("20:21"), from: day("20:26"), to: day("21:20") },
    { alert: "UnpricedAiRequests", ...RESEARCH, since: day("20:21"), from: day("20:24"), to: day("21:24") },
    { alert: "LowCacheHitRate", ...RESEARCH, about: "paper", since: day("20:21"), from: day("20:31"), to: day("21:20") },
    { alert: "HighAICost", ...RESEARCH, since: day("22:21"), from: day("22:26") },
    { alert: "UnpricedAiRequests", ...RESEARCH, about: "claude-next-1 paper", since: day("22:21"), from: day("22:21") },
    { alert: "LowCacheHitRate", ...RESEARCH, about: "paper", since: day("22:21"), from: day("22:31") },
    { alert: "DatabaseDisconnected", ...FIGURES, about: "redis live", since: day("21:00"), from: day("21:02") },
    { alert: "SourceDown", ...FIGURES, severity: "warning", about: "redis live", since: day("21:00"), from: day("21:05") },
    { alert: "SourceDown", ...FIGURES, severity: "warning", about: "app_start live", since: day("22:30"), from: day("22:35") },
    // The first halt, which is believed although nobody looks any more.
    { alert: "KillSwitchActivated", ...FIGURES, since: day("07:50"), from: day("07:50"), to: day("08:31") },
    { alert: "KillSwitchActivated", ...FIGURES, about: "live", since: day("21:30"), from: day("21:30") },
  ],
};

/** Everything that has to fire does, in time, and nothing else. */
export function firingProblems(kind: DayKind, firing: readonly Firing[]): readonly string[] {
  const left = [...EXPECTED[kind]];
  const problems: string[] = [];
  for (const { alertname, labels, from, to } of firing) {
    const index = left.findIndex(
      (each) =>
        each.alert === alertname &&
        each.job === labels["job"] &&
        each.severity === labels["severity"] &&
        isSoon(from, each.from) &&
        (each.to === undefined ? to > END - MINUTE : isSoon(to, each.to)),
    );
    if (index === -1)
      problems.push(`${alertname} ${JSON.stringify(labels)} fired from ${iso(from)} to ${iso(to)}`);
    else left.splice(index, 1);
  }
  return [
    ...problems,
    ...left.map(({ alert, job, from }) => `${alert} of ${job} did not fire at ${iso(from)}`),
  ];
}

/** Of the page: the rows that have to be there now, each with its beginning. */
export const WHAT_IS_WRONG: Held = {
  to: "exact",
  problems: ({ series }, { day: { kind } }) => {
    const wanted = EXPECTED[kind].filter(
      ({ to, isHidden }) => to === undefined && isHidden !== true,
    );
    const problems: string[] = [];
    const rows = series.map(({ labels, samples }) => {
      const { severity, alertname, job, about = "" } = labels;
      const name = `${severity} ${alertname} ${job} ${about}`.replace(/ +/g, " ").trim();
      return { name, since: (samples[0]?.value ?? Number.NaN) / 1000 };
    });
    for (const { alert, severity, job, about = "", since } of wanted) {
      const name = `${severity} ${alert} ${job} ${about}`.trim();
      const row = rows.find((each) => each.name === name);
      if (row === undefined) problems.push(`${name} is absent`);
      else if (!isSoon(row.since, since)) problems.push(`${name} is there since ${iso(row.since)}`);
    }
    if (rows.length !== wanted.length)
      problems.push(`there are ${rows.map(({ name }) => name).join("; ")}`);
    return problems;
  },
};

/** Critical alerts that fired in the time that is looked at. */
export const CRITICAL_MARKS: Held = {
  to: "exact",
  problems: ({ query: { range }, series }, { day: { kind } }) => {
    const shown = series.map(({ labels }) => `${labels["alertname"]} ${labels["job"]}`).sort();
    const wanted = EXPECTED[kind]
      .filter(({ severity, to = END }) => severity === "critical" && to > (range?.start ?? END))
      .map(({ alert, job }) => `${alert} ${job}`);
    const missing = wanted.filter((name) => !shown.includes(name));
    const others = shown.filter((name) => !wanted.includes(name));
    return [
      ...missing.map((name) => `${name} is absent`),
      ...others.map((name) => `there is ${name}`),
    ];
  },
};

function isSoon(at: number, wanted: number): boolean {
  return at > wanted - 2 * MINUTE && at < wanted + LATE;
}

function iso(time: number): string {
  return new Date(time * 1000).toISOString();
}
