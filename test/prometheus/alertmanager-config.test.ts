import { readFileSync } from "node:fs";
import { describe, expect, test } from "@jest/globals";
import { describeWithServer } from "../support/servers.ts";
import { amtool } from "./amtool.ts";
import { inhibits } from "./matchers.ts";
import { NEVER_INHIBITED, ROUTES } from "./routes.ts";
import {
  ALERTMANAGER_FILE,
  type AlertmanagerConfig,
  matching,
  readYaml,
  severitiesOf,
  shipped,
  shippedAlerts,
} from "./shipped.ts";

const config = readYaml<AlertmanagerConfig>(ALERTMANAGER_FILE);

describeWithServer("amtool")("amtool check-config", () => {
  test("takes alertmanager.yml", async () => {
    const output = await amtool("check-config", ALERTMANAGER_FILE);

    expect(output).toContain("SUCCESS");
    expect(output).toContain(`${config.inhibit_rules.length} inhibit rules`);
  });
});

describe("alertmanager.yml", () => {
  test.each(config.templates)("%s matches a file", (glob) => {
    expect(matching(glob, ALERTMANAGER_FILE)).not.toEqual([]);
  });

  test("holds no secret: each is a file that docs/monitoring.md names", () => {
    const text = readFileSync(ALERTMANAGER_FILE, "utf8");
    const files = [...text.matchAll(/_file: (.*)$/gm)].map(([, path]) => path ?? "");
    const docs = readFileSync(shipped("docs/monitoring.md"), "utf8");

    expect(files).toHaveLength(4);
    for (const file of files) {
      expect(file).toMatch(/^\/etc\/alertmanager\/secrets\/\w+$/);
      expect(docs).toContain(`\`${file.split("/").at(-1)}\``);
    }
    expect(text).not.toMatch(/(?:api_url|routing_key|password|credentials|bearer_token): /);
  });
});

describe("what must be told whatever else is wrong", () => {
  const targets = Object.entries(NEVER_INHIBITED).map(([alertname, severity]) => {
    return { alertname, severity, job: "any" };
  });

  test.each(targets)(
    "$alertname is a $severity alert that is shipped",
    ({ alertname, severity }) => {
      expect(severitiesOf(alertname)).toContain(severity);
    },
  );

  test.each(config.inhibit_rules)("is not inhibited by %j", (rule) => {
    const inhibited = targets.filter((target) =>
      alertsAsFired().some((source) => inhibits(rule, source, target)),
    );
    expect(inhibited).toEqual([]);
  });
});

describe("routes", () => {
  test("are expected for each severity of each shipped alert, and of no other", () => {
    const shippedOnes = [...new Set(shippedAlerts().map(({ alert }) => alert))];
    const severities = shippedOnes.map((alert) => [alert, [...severitiesOf(alert)].sort()]);
    const expected = Object.entries(ROUTES).map(([alert, routes]) => [
      alert,
      Object.keys(routes).sort(),
    ]);

    expect(Object.fromEntries(expected)).toEqual(Object.fromEntries(severities));
  });
});

describe("inhibition", () => {
  const live = { job: "portfolio_reporter", mode: "live" };

  test.each<{
    readonly name: string;
    readonly source: Readonly<Record<string, string>>;
    readonly target: Readonly<Record<string, string>>;
    readonly isInhibited: boolean;
  }>([
    {
      name: "a stale reporter hides thresholds on its numbers",
      source: { alertname: "ReporterStale", severity: "critical", ...live },
      target: { alertname: "LargeDrawdown", severity: "warning", ...live },
      isInhibited: true,
    },
    {
      name: "a stale job hides nothing of another",
      source: { alertname: "JobStale", severity: "warning", job: "backtest", mode: "backtest" },
      target: { alertname: "LargeDrawdown", severity: "warning", ...live },
      isInhibited: false,
    },
    {
      name: "a gateway that is down hides silent jobs",
      source: { alertname: "PushgatewayDown", severity: "critical" },
      target: { alertname: "JobStale", severity: "critical", job: "backtest" },
      isInhibited: true,
    },
    {
      name: "a kill switch that cannot be read hides no other source that is down",
      source: { alertname: "SourceDown", severity: "critical", source: "kill_switch", ...live },
      target: { alertname: "SourceDown", severity: "warning", source: "portfolio", ...live },
      isInhibited: false,
    },
    {
      name: "a fast burn hides the slow one of the same group",
      source: { alertname: "JobFreshnessBudgetBurn", severity: "critical", ...live },
      target: { alertname: "JobFreshnessBudgetBurn", severity: "warning", ...live },
      isInhibited: true,
    },
    {
      name: "a job that is stale hides nothing of what it spent",
      source: { alertname: "JobStale", severity: "warning", job: "analysis" },
      target: { alertname: "HighAICost", severity: "warning", job: "analysis" },
      isInhibited: false,
    },
    {
      name: "a stale reporter hides no kill switch that could not be read",
      source: { alertname: "ReporterStale", severity: "critical", ...live },
      target: { alertname: "SourceDown", severity: "critical", source: "kill_switch", ...live },
      isInhibited: false,
    },
  ])("$name", ({ source, target, isInhibited }) => {
    expect(config.inhibit_rules.some((rule) => inhibits(rule, source, target))).toBe(isInhibited);
  });

  test("names alerts that are shipped", () => {
    const names = config.inhibit_rules
      .flatMap((rule) => [...rule.source_matchers, ...rule.target_matchers])
      .filter((matcher) => matcher.startsWith("alertname"))
      .map((matcher) => new RegExp(`^(?:${matcher.replace(/^.*"(.*)"$/, "$1")})$`));
    const alerts = Object.keys(ROUTES);

    expect(names.filter((name) => !alerts.some((alert) => name.test(alert)))).toEqual([]);
  });
});

/** Each alert with each severity that it may have. */
function alertsAsFired(): readonly Readonly<Record<string, string>>[] {
  return Object.entries(ROUTES).flatMap(([alertname, routes]) =>
    Object.keys(routes).map((severity) => ({ alertname, severity, job: "any" })),
  );
}
