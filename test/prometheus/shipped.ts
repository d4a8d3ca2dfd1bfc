import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";

/** Parts of an Alertmanager configuration that tests look at. */
export type AlertmanagerConfig = {
  readonly templates: readonly string[];
  readonly route: Route;
  readonly inhibit_rules: readonly InhibitRule[];
  readonly receivers: readonly Receiver[];
};

export type Route = {
  readonly receiver?: string;
  readonly matchers?: readonly string[];
  readonly routes?: readonly Route[];
};

export type InhibitRule = {
  readonly source_matchers: readonly string[];
  readonly target_matchers: readonly string[];
  readonly equal?: readonly string[];
};

export type Receiver = { readonly name: string } & Readonly<Record<string, unknown>>;

/** Parts of a Prometheus configuration that tests look at. */
export type PrometheusConfig = {
  readonly global: Readonly<Record<string, unknown>>;
  readonly rule_files: readonly string[];
  readonly scrape_configs: readonly ScrapeConfig[];
};

export type ScrapeConfig = {
  readonly job_name: string;
  readonly honor_labels?: boolean;
  readonly static_configs: readonly {
    readonly targets: readonly string[];
    readonly labels?: Readonly<Record<string, string>>;
  }[];
} & Readonly<Record<string, unknown>>;

export type AlertRule = {
  readonly alert: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
};

export const PROMETHEUS_FILE = shipped("prometheus/prometheus.yml");
export const ALERTMANAGER_FILE = shipped("prometheus/alertmanager.yml");
export const COMPOSE_FILE = shipped("infra/docker-compose.yml");

/** Path of a file of this repository. */
export function shipped(path: string): string {
  return fileURLToPath(new URL(`../../${path}`, import.meta.url));
}

/** With anchors merged in, as Compose reads them. */
export function readYaml<T>(path: string): T {
  return parse(readFileSync(path, "utf8"), { merge: true });
}

/** Files that a glob of a configuration names; a star stands in the file's name only. */
export function matching(glob: string, configFile: string): readonly string[] {
  const [folder, name] = [dirname(glob), glob.slice(glob.lastIndexOf("/") + 1)];
  const pattern = new RegExp(`^${name.replaceAll(".", "\\.").replaceAll("*", ".*")}$`);
  const path = join(dirname(configFile), folder);
  return readdirSync(path)
    .filter((file) => pattern.test(file))
    .sort()
    .map((file) => join(path, file));
}

/** Paths of the rule files that the shipped prometheus.yml loads. */
export function ruleFiles(): readonly string[] {
  const { rule_files: globs } = readYaml<PrometheusConfig>(PROMETHEUS_FILE);
  return globs.flatMap((glob) => matching(glob, PROMETHEUS_FILE));
}

/** Alerts of the shipped rules, those of one name beside each other. */
export function shippedAlerts(): readonly AlertRule[] {
  return ruleFiles()
    .flatMap((file) => readYaml<RuleFile>(file).groups)
    .flatMap(({ rules }) => rules)
    .flatMap((rule) => (rule.alert === undefined ? [] : [{ ...rule, alert: rule.alert }]))
    .map(({ alert, labels = {}, annotations = {} }) => ({ alert, labels, annotations }));
}

/** Severities that a shipped alert may have. */
export function severitiesOf(alert: string): ReadonlySet<string> {
  const labels = shippedAlerts().filter((rule) => rule.alert === alert);
  return new Set(
    labels.flatMap(({ labels: { severity = "" } }) =>
      severity.startsWith("{{") ? SEVERITIES_OF_JOBS : [severity],
    ),
  );
}

/** What a job may have for `severityOnMiss`. */
const SEVERITIES_OF_JOBS = ["critical", "warning", "info"];

type RuleFile = {
  readonly groups: readonly {
    readonly rules: readonly (Partial<AlertRule> & { readonly record?: string })[];
  }[];
};
