import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { describeWithServer } from "../support/servers.ts";
import { amtool } from "./amtool.ts";
import { ALERTMANAGER_FILE, type AlertmanagerConfig, readYaml, shipped } from "./shipped.ts";

const STALE = {
  status: "firing",
  labels: { alertname: "JobStale", job: "backtest", severity: "warning" },
  annotations: {
    summary: "backtest has not ended for 26h 5m",
    description: "Its numbers are those of <yesterday> & before.",
    value: "26h 5m",
    runbook_url: "https://example.com/runbooks/JobStale",
    dashboard_url: "https://grafana.example.com/d/jobs?var-job=backtest&from=now-2d",
  },
  startsAt: "2026-11-02T21:30:00+09:00",
  endsAt: "0001-01-01T00:00:00Z",
};
const RESOLVED = { ...STALE, status: "resolved", endsAt: "2026-11-02T23:00:00+09:00" };
/** As little as a rule may say, with a name that Slack would take for a call to everybody. */
const BARE = {
  status: "firing",
  labels: { alertname: "Bare", job: "<!channel>" },
  annotations: {},
  startsAt: "2026-11-02T12:30:00Z",
  endsAt: "0001-01-01T00:00:00Z",
};

type Alert = Readonly<Record<"labels" | "annotations", Readonly<Record<string, string>>>> & {
  readonly status: string;
};

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "closing-bell-templates-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

describeWithServer("amtool")("templates", () => {
  test("Slack: what, job, value, severity, since when, runbook and dashboard", async () => {
    expect(await render("closing_bell.slack.title", [STALE])).toBe("[FIRING] JobStale of backtest");
    expect(await render("closing_bell.slack.text", [STALE])).toBe(
      [
        "*backtest has not ended for 26h 5m*",
        "Its numbers are those of &lt;yesterday&gt; &amp; before.",
        "job `backtest` · value 26h 5m · warning · since 2026-11-02 12:30:00 UTC",
        "<https://example.com/runbooks/JobStale|Runbook> · " +
          "<https://grafana.example.com/d/jobs?var-job=backtest&from=now-2d|Dashboard>",
      ].join("\n"),
    );
    expect(await render("closing_bell.slack.color", [STALE])).toBe("warning");
  });

  test("Slack: what is over says until when", async () => {
    expect(await render("closing_bell.slack.title", [RESOLVED])).toBe(
      "[RESOLVED] JobStale of backtest",
    );
    expect(await render("closing_bell.slack.text", [RESOLVED])).toContain(
      "*backtest has not ended for 26h 5m* (resolved)",
    );
    expect(await render("closing_bell.slack.text", [RESOLVED])).toContain(
      "since 2026-11-02 12:30:00 UTC, until 2026-11-02 14:00:00 UTC",
    );
    expect(await render("closing_bell.slack.color", [RESOLVED])).toBe("good");
  });

  test("Slack: a label calls nobody, and what is absent leaves no trace", async () => {
    expect(await render("closing_bell.slack.title", [BARE])).toBe(
      "[FIRING] Bare of &lt;!channel&gt;",
    );
    expect(await render("closing_bell.slack.text", [BARE])).not.toMatch(/<|\||value/);
  });

  test("several alerts of a group are counted and told one by one", async () => {
    expect(await render("closing_bell.title", [STALE, STALE])).toBe(
      "[FIRING:2] JobStale of backtest",
    );
    const text = await render("closing_bell.text", [STALE, STALE], ".Alerts.Firing");
    expect(text.match(/since {6}2026-11-02 12:30:00 UTC/g)).toHaveLength(2);
  });

  test("plain text, for the pager and mail", async () => {
    expect(await render("closing_bell.text", [STALE], ".Alerts")).toBe(
      `backtest has not ended for 26h 5m
  alert      JobStale (warning)
  job        backtest
  value      26h 5m
  since      2026-11-02 12:30:00 UTC
  Its numbers are those of <yesterday> & before.
  runbook    https://example.com/runbooks/JobStale
  dashboard  https://grafana.example.com/d/jobs?var-job=backtest&from=now-2d`,
    );
  });

  test("mail: a row for each alert, with everything escaped", async () => {
    const html = await render("closing_bell.email.html", [STALE, BARE], ".", "html");

    expect(html.match(/<tr style="vertical-align/g)).toHaveLength(2);
    expect(html).toContain("<br>value 26h 5m<br>");
    expect(html).toContain("<td>2026-11-02 12:30:00 UTC</td>");
    expect(html).toContain("those of &lt;yesterday&gt; &amp; before.");
    expect(html).toContain("<td>&lt;!channel&gt;</td>");
    expect(html).toContain('<a href="https://example.com/runbooks/JobStale">runbook</a>');
    expect(html).toContain("var-job=backtest&amp;from=now-2d");
    expect(await render("closing_bell.email.subject", [STALE, BARE])).toBe(
      "Trading monitoring: 2 remarks",
    );
  });

  test("every text of every receiver can be rendered", async () => {
    const { receivers } = readYaml<AlertmanagerConfig>(ALERTMANAGER_FILE);
    const texts = receivers.flatMap(strings).filter((text) => text.includes("{{"));

    const rendered = await Promise.all(texts.map((text) => renderText(text, [STALE])));

    expect(texts.length).toBeGreaterThan(10);
    expect(rendered.filter((text) => text.includes("no value"))).toEqual([]);
  });
});

/** @param data what the template is given, below the notification's data. */
async function render(
  template: string,
  alerts: readonly Alert[],
  data = ".",
  type = "text",
): Promise<string> {
  return renderText(`{{ template "${template}" ${data} }}`, alerts, type);
}

async function renderText(text: string, alerts: readonly Alert[], type = "text"): Promise<string> {
  const [first = STALE] = alerts;
  const file = join(mkdtempSync(join(folder, "data-")), "data.json");
  writeFileSync(
    file,
    JSON.stringify({
      receiver: "any",
      status: first.status,
      alerts,
      groupLabels: { alertname: first.labels["alertname"], job: first.labels["job"] },
      commonLabels: first.labels,
      commonAnnotations: first.annotations,
      externalURL: "http://127.0.0.1:9093",
    }),
  );
  const rendered = await amtool(
    "template",
    "render",
    `--template.glob=${shipped("prometheus/templates/*.tmpl")}`,
    `--template.text=${text}`,
    `--template.type=${type}`,
    `--template.data=${file}`,
  );
  return rendered.trim();
}

function strings(value: unknown): readonly string[] {
  if (typeof value === "string") return [value];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(strings) : [];
}
