/** How urgent an alert is: `none` is for Watchdog alone, which is no complaint. */
export type Severity = "critical" | "warning" | "info" | "none";

export type RecordingRule = {
  /** `level:metric:operation`. */
  readonly record: string;
  readonly expr: string;
  readonly labels?: Readonly<Record<string, string>>;
  /** Why, for whoever reads the generated file. */
  readonly comment?: string;
};

export type AlertRule = {
  readonly alert: string;
  readonly expr: string;
  /** How long it must be true: `5m`. Absent: it fires at once. */
  readonly for?: string;
  /** How long it goes on firing when it is true no more. */
  readonly keepFiringFor?: string;
  /** A severity, or the template of the one that the job catalogue gives. */
  readonly severity: Severity | typeof SEVERITY_OF_JOB;
  /** Where the alert does not have the label itself. */
  readonly job?: string;
  /** Further labels. Never a value: a label that changes starts `for` anew. */
  readonly labels?: Readonly<Record<string, string>>;
  readonly summary: string;
  /** Says what it means and what is certain, in words that are the same for every alert of the name. */
  readonly description: string;
  readonly dashboard: Dashboard;
  readonly comment?: string;
};

export type Rule = RecordingRule | AlertRule;

/** One file of rules, about one subject, which is one group: in order, each sees those before it. */
export type RuleFile = {
  /** Name of the file and, after `closing-bell-`, of the group. */
  readonly subject: string;
  readonly about: string;
  readonly rules: readonly Rule[];
};

export type Dashboard = "ai" | "portfolio" | "health" | "jobs";

/** What the generator's user decides. */
export type Links = {
  /** Where the runbooks are: `<runbooks>/<alert>.md`. */
  readonly runbooks: string;
  /** Grafana's base URL. */
  readonly grafana: string;
};

/** Of alerts about a job: the catalogue's `severityOnMiss` is a label of what is recorded. */
export const SEVERITY_OF_JOB = "{{ $labels.severity }}";

/** As Prometheus writes a label into a URL. */
export const JOB_IN_URL = "{{ $labels.job | urlquery }}";

export function isAlert(rule: Rule): rule is AlertRule {
  return "alert" in rule;
}

/** A value as a summary formats it: `{{ $value | humanizeDuration }}`. */
const VALUE = /\{\{ \$value[^}]*\}\}/;

const TEMPLATE = /(\{\{[^}]*\}\})/;

/** The value for those who list alerts, as the summary formats it; none where it tells none. */
export function valueTemplate({ summary }: AlertRule): string | undefined {
  return VALUE.exec(summary)?.[0];
}

/** What {@link valueTemplate} comes to, read from the summary as Prometheus expands it. */
export function valueIn({ summary }: AlertRule, expanded: string): string | undefined {
  let isFirst = true;
  const pattern = summary.split(TEMPLATE).map((part) => {
    if (!TEMPLATE.test(part)) return part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
    if (!isFirst || !VALUE.test(part)) return ".*";
    isFirst = false;
    return "(.*)";
  });
  return new RegExp(`^${pattern.join("")}$`).exec(expanded)?.[1];
}

export function runbookUrl({ runbooks }: Links, alert: string): string {
  return `${runbooks}/${alert}.md`;
}

export function dashboardUrl({ grafana }: Links, { dashboard, job }: AlertRule): string {
  // A job that is no job of ours is not in the dashboard's list of them.
  return `${grafana}/d/closing-bell-${dashboard}${job === undefined ? `?var-job=${JOB_IN_URL}` : ""}`;
}
