import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { parse } from "yaml";
import type { Receivers } from "./receivers.ts";
import {
  ALERTMANAGER_FILE,
  type AlertmanagerConfig,
  PROMETHEUS_FILE,
  type PrometheusConfig,
  type Receiver,
  readYaml,
  ruleFiles,
} from "./shipped.ts";

/** Targets by the shipped name of their scrape job, as `host:port`. */
export type Targets = Readonly<Record<string, string>>;

/**
 * The shipped prometheus.yml with other addresses and another pace, and nothing else: as JSON, which is
 * YAML too.
 *
 * @param options.rules files to load in place of the shipped ones.
 * @throws for a scrape job that has no target.
 */
export function prometheusOnLoopback({
  targets,
  intervalMs,
  rules = ruleFiles(),
}: {
  readonly targets: Targets;
  readonly intervalMs: number;
  readonly rules?: readonly string[];
}): string {
  const { global, scrape_configs, ...others } = readYaml<PrometheusConfig>(PROMETHEUS_FILE);
  const pace = { scrape_interval: `${intervalMs}ms`, scrape_timeout: `${intervalMs}ms` };
  return JSON.stringify({
    ...others,
    global: { ...global, ...pace, evaluation_interval: `${intervalMs}ms` },
    rule_files: rules,
    alerting: {
      alertmanagers: [{ static_configs: [{ targets: [targetOf("alertmanager", targets)] }] }],
    },
    scrape_configs: scrape_configs.map(({ static_configs, ...scrape }) => ({
      ...scrape,
      ...pace,
      static_configs: static_configs.map((each) => ({
        ...each,
        targets: [targetOf(scrape.job_name, targets)],
      })),
    })),
  });
}

function targetOf(job: string, targets: Targets): string {
  const target = targets[job];
  if (target === undefined) throw new Error(`no target for ${job}`);
  return target;
}

/**
 * The shipped alertmanager.yml with other receivers, and nothing else: each has the webhook of its name
 * beside its own service, which is on loopback too. Secrets are files in a folder.
 *
 * @param options.scale what waits and intervals are divided by; 1 by default.
 */
export function alertmanagerOnLoopback({
  receivers: { url, smarthost },
  folder,
  scale = 1,
}: {
  readonly receivers: Receivers;
  readonly folder: string;
  readonly scale?: number;
}): string {
  const secrets = join(folder, "secrets");
  writeSecrets(secrets, { slack_url: new URL("/slack", url).href });
  const text = readFileSync(ALERTMANAGER_FILE, "utf8")
    .replaceAll("/etc/alertmanager/secrets", secrets)
    .replaceAll(
      /((?:group_wait|group_interval|repeat_interval): )(\d+[smhd])$/gm,
      (_, name, duration) => `${name}${Math.ceil(milliseconds(duration) / scale)}ms`,
    );
  const config: AlertmanagerConfig = parse(text);
  return JSON.stringify({
    ...config,
    templates: config.templates.map((glob) => join(dirname(ALERTMANAGER_FILE), glob)),
    receivers: config.receivers.map((receiver) => onLoopback(receiver, url, smarthost)),
  });
}

/** Those that the shipped file names; their text is of no account but for Slack's. */
function writeSecrets(folder: string, known: Readonly<Record<string, string>>): void {
  mkdirSync(folder, { recursive: true });
  const paths = [...readFileSync(ALERTMANAGER_FILE, "utf8").matchAll(/_file: (.*)$/gm)];
  for (const [, path = ""] of paths) {
    writeFileSync(join(folder, basename(path)), known[basename(path)] ?? "secret");
  }
}

function onLoopback({ name, ...services }: Receiver, url: URL, smarthost: string): unknown {
  if (Object.keys(services).length === 0) return { name };
  const configs = Object.entries(services).map(([kind, list]) => {
    const own = (list as readonly object[]).map((each) => {
      switch (kind) {
        case "slack_configs":
          return each;
        case "pagerduty_configs":
          return { ...each, url: new URL("/pagerduty", url).href };
        case "webhook_configs":
          return { ...each, url: new URL(`/${name}`, url).href };
        case "email_configs":
          return { ...each, smarthost, require_tls: false };
        default:
          throw new Error(`receiver ${name} has ${kind}, which has no place on loopback`);
      }
    });
    return [kind, own] as const;
  });
  const webhooks = configs.find(([kind]) => kind === "webhook_configs")?.[1] ?? [];
  return {
    name,
    ...Object.fromEntries(configs),
    webhook_configs: [...webhooks, { url: new URL(`/webhook/${name}`, url).href }],
  };
}

const UNITS = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Of a duration such as `30s`. */
export function milliseconds(duration: string): number {
  const unit = UNITS[duration.at(-1) as keyof typeof UNITS];
  return Number(duration.slice(0, -1)) * unit;
}
