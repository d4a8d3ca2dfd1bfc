import { readFileSync } from "node:fs";
import { describe, expect, test } from "@jest/globals";
import { lintDashboard } from "../../../src/mixin/dashboards/lint.ts";
import type { JobCatalogue } from "../../../src/mixin/expectations.ts";
import { MODES } from "../../../src/run/mode.ts";
import { describeWithServer } from "../../support/servers.ts";
import { promtool, withMixin } from "../promtool.ts";
import { ALERTS, CATALOGUE, namesIn, PROMETHEUS } from "../shipped.ts";
import { boardsOf, filesOf, lintOptions, panelOf, substituted } from "./generated.ts";

const boards = boardsOf();

test("what ships is what the job catalogue gives, to the byte, each time", () => {
  const shipped = filesOf().map(({ path }) => ({
    path,
    content: readFileSync(new URL(path, PROMETHEUS), "utf8"),
  }));

  expect(shipped).toEqual(filesOf());
});

test.each([
  {
    uid: "closing-bell-ai",
    titles: [
      "Total AI Cost",
      "AI Requests/min",
      "Avg API Latency",
      "Cache Hit Rate",
      "Decisions by Action",
    ],
  },
  {
    uid: "closing-bell-portfolio",
    titles: [
      "Portfolio Value",
      "Daily PnL",
      "Total Return %",
      "Max Drawdown",
      "Open Positions",
      "Trades Today",
    ],
  },
  {
    uid: "closing-bell-health",
    titles: [
      "Kill Switch Status",
      "System Uptime",
      "Database Status",
      "Constitution Violations",
      "Feature Store Latency",
    ],
  },
])("$uid has the panels that people know", ({ uid, titles }) => {
  for (const title of titles) expect(panelOf(boards, uid, title).title).toBe(title);
});

/** What an alert's expression compares with, as it is written there. */
const limits = (name: string) =>
  ALERTS.filter(({ alert }) => alert === name).flatMap(({ expr }) =>
    [...expr.matchAll(/[<>]=? (-?[\d.]+)/g)].map(([, number]) => Number(number)),
  );

test.each([
  { alert: "HighAICost", uid: "closing-bell-ai", title: "AI Cost, last hour" },
  { alert: "HighAICost", uid: "closing-bell-ai", title: "AI Cost within an hour, by job" },
  { alert: "LowCacheHitRate", uid: "closing-bell-ai", title: "Cache Hit Rate" },
  {
    alert: "LowCacheHitRate",
    uid: "closing-bell-ai",
    title: "Cache Hit Rate within an hour, by job",
  },
  { alert: "LargeDrawdown", uid: "closing-bell-portfolio", title: "Current Drawdown" },
  { alert: "LargeDrawdown", uid: "closing-bell-portfolio", title: "Drawdown" },
  { alert: "LedgerLag", uid: "closing-bell-health", title: "Oldest run waiting" },
  { alert: "LedgerLag", uid: "closing-bell-health", title: "Age of the oldest run waiting" },
  {
    alert: "JobFreshnessBudgetBurn",
    uid: "closing-bell-jobs",
    title: "Time overdue, share of three days",
  },
])("$title is coloured where $alert fires", ({ alert, uid, title }) => {
  const { thresholds } = panelOf(boards, uid, title).fieldConfig?.defaults ?? {};
  const drawn = thresholds?.steps?.map(({ value }) => value).filter((value) => value !== null);

  expect(drawn).toHaveLength(1);
  expect(limits(alert)).toContain(drawn?.[0]);
});

test("data age is red when each job's own entry says so", () => {
  const { fieldConfig } = panelOf(boards, "closing-bell-jobs", "Data age");
  const stepsOf = (name: string) => {
    const overrides = fieldConfig?.overrides as readonly {
      matcher: { options: string };
      properties: readonly { id: string; value: { steps: readonly { value: number }[] } }[];
    }[];
    const found = overrides.find(({ matcher }) => matcher.options === name);
    return found?.properties[0]?.value.steps[1]?.value;
  };

  // Longest gap of a weekday job: three days and what clocks are set back by, its run, a grace.
  expect(stepsOf("analysis")).toBe(267_300);
  expect(stepsOf("closing_bell_reporter")).toBe(300);
  expect(limits("ReporterStale")).toContain(stepsOf("portfolio_reporter"));
});

test("runs are marked, but of jobs that run every few minutes", () => {
  const often: JobCatalogue = {
    ...CATALOGUE,
    // Its longest gap is a weekend.
    quotes: { schedule: { cron: "*/5 9-16 * * MON-FRI", timeZone: "America/New_York" } },
    hourly: { schedule: { rate: "1h" } },
  };
  for (const { annotations } of boardsOf(often)) {
    const [runs] = annotations?.list ?? [];

    expect(runs?.expr).toBe(
      'batch_job_last_completion_timestamp_seconds{job!="closing_bell_reporter",job!="quotes"} * 1000',
    );
  }
});

test("every runbook that a link leads to is there", () => {
  const text = JSON.stringify(boards);
  const linked = [...text.matchAll(/\/runbooks\/(\w+\.md)/g)].map(([, name = ""]) => name);

  expect(linked.length).toBeGreaterThan(0);
  expect(namesIn("runbooks")).toEqual(expect.arrayContaining([...new Set(linked)]));
});

test("the modes to choose from are those that a run can have", () => {
  for (const { templating } of boards) {
    const mode = templating?.list?.find(({ name }) => name === "mode");

    expect(String(mode?.query).split(",").toSorted()).toEqual([...MODES].toSorted());
  }
});

describe("for another catalogue", () => {
  const odd: JobCatalogue = {
    ...CATALOGUE,
    'say "when"': { schedule: { rate: "5m" }, labels: { region: "eu\\west" } },
    anytime: { mode: "live", expect: [{ strategy: "a" }, { strategy: "b", venue: "x" }] },
    ...Object.fromEntries(
      Array.from({ length: 30 }, (_, index) => [`job_${index}`, { schedule: { rate: "1h" } }]),
    ),
  };

  test.each([
    { name: "odd names, no schedule, and thirty more", catalogue: odd },
    { name: "no jobs at all", catalogue: {} },
  ])("the linter finds nothing: $name", ({ catalogue }) => {
    const theirs = boardsOf(catalogue);

    expect(theirs.flatMap((board) => lintDashboard(board, lintOptions(theirs)))).toEqual([]);
  });

  describeWithServer("promtool")("of real rules", () => {
    test.each([
      { name: "the one that ships", catalogue: CATALOGUE },
      { name: "odd names, no schedule, and thirty more", catalogue: odd },
      { name: "no jobs at all", catalogue: {} },
    ])("Prometheus can parse every expression: $name", async ({ catalogue }) => {
      const expressions = boardsOf(catalogue).flatMap(({ panels = [], annotations }) => [
        ...panels.flatMap(({ targets = [] }) => targets.map(({ expr = "" }) => expr)),
        ...(annotations?.list ?? []).map(({ expr = "" }) => expr),
      ]);
      const rules = expressions.map((expr, index) => ({
        record: `panel:expression:${index}`,
        expr: substituted(expr),
      }));
      const content = JSON.stringify({ groups: [{ name: "panels", rules }] });

      const { code, output } = await withMixin([{ path: "rules.yml", content }], (folder) =>
        promtool(["check", "rules", "rules.yml"], folder),
      );

      expect(output).toContain(`SUCCESS: ${expressions.length} rules found`);
      expect(code).toBe(0);
      expect(expressions.length).toBeGreaterThan(60);
    });
  });
});
