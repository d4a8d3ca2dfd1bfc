import { describe, expect, test } from "@jest/globals";
import type { BoardJson, PanelJson, TargetJson } from "../../../src/mixin/dashboards/lint/json.ts";
import { TRAITS, type Trait } from "../../../src/mixin/dashboards/lint/traits.ts";
import { lintDashboard } from "../../../src/mixin/dashboards/lint.ts";
import { boardsOf, lintOptions } from "./generated.ts";

const boards = boardsOf();
const options = lintOptions(boards);

test("the dashboards that ship have every trait", () => {
  const findings = boards.flatMap((board) => lintDashboard(board, options));

  expect(findings).toEqual([]);
});

/** A dashboard whose parts can be taken away. */
type Draft = {
  -readonly [Key in keyof BoardJson]: BoardJson[Key];
};

type PanelDraft = { -readonly [Key in keyof PanelJson]: PanelJson[Key] };

const board = (uid: string): Draft => {
  const found = boards.find((each) => each.uid === uid);
  return structuredClone(found ?? {});
};

/** A change to the panel of a title. */
const inPanel =
  (title: string, change: (panel: PanelDraft) => void) =>
  (draft: Draft): void => {
    const panel = draft.panels?.find((each) => each.title === title);
    if (panel === undefined) throw new Error(`there is no panel ${title}`);
    change(panel);
  };

const inDefaults = (title: string, change: (defaults: Record<string, unknown>) => void) =>
  inPanel(title, (panel) => change((panel.fieldConfig?.defaults ?? {}) as Record<string, unknown>));

const asking = (title: string, change: (expr: string) => string) =>
  inPanel(title, (panel) => {
    panel.targets = (panel.targets ?? []).map((target) => ({
      ...target,
      expr: change(target.expr ?? ""),
    }));
  });

const inTargets = (title: string, change: (target: TargetJson) => TargetJson) =>
  inPanel(title, (panel) => {
    panel.targets = (panel.targets ?? []).map(change);
  });

const inVariable =
  (name: string, change: (variable: Record<string, unknown>) => void) =>
  (draft: Draft): void => {
    const variable = draft.templating?.list?.find((each) => each.name === name);
    change(variable as Record<string, unknown>);
  };

const removal =
  (key: keyof Draft) =>
  (draft: Draft): void => {
    Reflect.deleteProperty(draft, key);
  };

const withoutLinks =
  (matches: (url: string) => boolean) =>
  (draft: Draft): void => {
    const text = JSON.stringify(draft).replace(/"url":"([^"]*)"/g, (whole, url: string) =>
      matches(url) ? '"url":"/elsewhere"' : whole,
    );
    Object.assign(draft, JSON.parse(text));
  };

type Row = { trait: Trait; without: string; uid?: string; change: (draft: Draft) => void };

const rows: readonly Row[] = [
  { trait: "uid", without: "uid", change: removal("uid") },
  { trait: "uid", without: "a uid that is a name", change: (draft) => (draft.uid = "D3f ") },
  { trait: "no-id", without: "an empty id", change: (draft) => (draft.id = 7) },
  { trait: "no-inputs", without: "being a source", change: (draft) => (draft.__inputs = []) },
  { trait: "read-only", without: "editable false", change: (draft) => (draft.editable = true) },
  { trait: "tags", without: "tags", change: removal("tags") },
  { trait: "description", without: "description", change: removal("description") },
  { trait: "refresh", without: "refresh", change: removal("refresh") },
  { trait: "time-range", without: "time", change: removal("time") },
  {
    trait: "schema-version",
    without: "a new schema",
    change: (draft) => (draft.schemaVersion = 30),
  },
  {
    trait: "datasource-variable",
    without: "the choice of data source",
    change: (draft) => {
      draft.templating = { list: draft.templating?.list?.slice(1) ?? [] };
    },
  },
  ...["job", "mode", "strategy"].map(
    (name): Row => ({
      trait: "variables",
      without: `the choice of ${name}`,
      change: (draft) => {
        const list = draft.templating?.list?.filter((each) => each.name !== name) ?? [];
        draft.templating = { list };
      },
    }),
  ),
  {
    trait: "mode-live",
    without: "live at first",
    change: inVariable("mode", (mode) => (mode["current"] = { value: "backtest" })),
  },
  {
    trait: "all-value",
    without: "a list for All",
    change: inVariable("job", (job) => (job["allValue"] = ".+")),
  },
  {
    trait: "all-value",
    without: "none in All",
    change: inVariable("strategy", (strategy) => (strategy["allValue"] = ".+")),
  },
  {
    trait: "unknown-variable",
    without: "a variable's right name",
    change: asking("Daily PnL", (expr) => expr.replaceAll("$strategy", "$strategie")),
  },
  {
    trait: "run-annotation",
    without: "the moment of runs",
    change: (draft) => {
      const list = draft.annotations?.list?.map((each) => ({ ...each, useValueForTime: false }));
      draft.annotations = { list: list ?? [] };
    },
  },
  { trait: "run-annotation", without: "annotations", change: removal("annotations") },
  { trait: "alert-annotation", without: "annotations", change: removal("annotations") },
  { trait: "dropdown-link", without: "links", change: removal("links") },
  {
    trait: "dropdown-link",
    without: "being the only one",
    change: (draft) => (draft.links = [...(draft.links ?? []), ...(draft.links ?? [])]),
  },
  {
    trait: "rows",
    without: "rows",
    change: (draft) => (draft.panels = draft.panels?.filter(({ type }) => type !== "row") ?? []),
  },
  {
    trait: "data-age-first",
    without: "data age",
    change: (draft) => (draft.panels = draft.panels?.slice(1) ?? []),
  },
  {
    trait: "board-links",
    without: "links to others",
    change: withoutLinks((url) => url.startsWith("/d/")),
  },
  {
    trait: "known-links",
    without: "the dashboard that it leads to",
    change: inDefaults("Data age", (defaults) => {
      defaults["links"] = [{ title: "gone", url: "/d/closing-bell-gone" }];
    }),
  },
  {
    trait: "runbook-links",
    without: "runbooks",
    change: withoutLinks((url) => url.endsWith(".md")),
  },
  {
    trait: "panel-id",
    without: "an id",
    change: inPanel("Cash", (panel) => Reflect.deleteProperty(panel, "id")),
  },
  {
    trait: "panel-id",
    without: "an id of its own",
    change: inPanel("Cash", (panel) => (panel.id = 1)),
  },
  {
    trait: "columns",
    without: "room",
    change: inPanel("Cash", (panel) => (panel.gridPos = { x: 20, y: 90, w: 20, h: 4 })),
  },
  {
    trait: "overlap",
    without: "a place of its own",
    change: inPanel("Cash", (panel) => (panel.gridPos = { x: 0, y: 0, w: 6, h: 4 })),
  },
  {
    trait: "legible",
    without: "width",
    change: inPanel("Drawdown", (panel) => (panel.gridPos = { x: 0, y: 90, w: 5, h: 8 })),
  },
  {
    trait: "legible",
    without: "height",
    change: inPanel("Cash", (panel) => (panel.gridPos = { x: 0, y: 90, w: 6, h: 2 })),
  },
  { trait: "title", without: "title", change: inPanel("Cash", (panel) => (panel.title = "")) },
  {
    trait: "panel-description",
    without: "description",
    change: inPanel("Cash", (panel) => Reflect.deleteProperty(panel, "description")),
  },
  {
    trait: "panel-description",
    without: "what to do",
    change: inPanel("Cash", (panel) => (panel.description = "The cash of the portfolio.")),
  },
  {
    trait: "unit",
    without: "unit",
    change: inDefaults("Cash", (each) => Reflect.deleteProperty(each, "unit")),
  },
  {
    trait: "thresholds",
    without: "thresholds",
    change: inDefaults("Cash", (each) => Reflect.deleteProperty(each, "thresholds")),
  },
  {
    trait: "limit-drawn",
    without: "the limit drawn in",
    change: inDefaults("Drawdown", (each) => {
      Reflect.deleteProperty(each["custom"] as object, "thresholdsStyle");
    }),
  },
  {
    trait: "no-value",
    without: "words for no data",
    change: inDefaults("Cash", (each) => Reflect.deleteProperty(each, "noValue")),
  },
  {
    trait: "panel-datasource",
    without: "the chosen data source",
    change: inPanel("Cash", (panel) => (panel.datasource = { type: "prometheus", uid: "P1809" })),
  },
  {
    trait: "panel-datasource",
    without: "the chosen data source in a query",
    change: inTargets("Cash", (target) => ({ ...target, datasource: { uid: "P1809" } })),
  },
  {
    trait: "targets",
    without: "queries",
    change: inPanel("Cash", (panel) => (panel.targets = [])),
  },
  {
    trait: "ref-ids",
    without: "names of queries",
    change: inTargets("Drawdown", (target) => ({ ...target, refId: "A" })),
  },
  {
    trait: "legend",
    without: "legend",
    change: inTargets("Drawdown", (target) => ({ ...target, legendFormat: "" })),
  },
  {
    trait: "step-lines",
    without: "steps",
    change: inDefaults("Drawdown", (each) => {
      (each["custom"] as Record<string, unknown>)["lineInterpolation"] = "smooth";
    }),
  },
  {
    trait: "known-series",
    without: "a name that exists",
    change: asking("Cash", (expr) => expr.replace("portfolio_cash", "portfolio_money")),
  },
  {
    trait: "known-series",
    without: "a histogram's suffix",
    uid: "closing-bell-health",
    change: asking("Feature Store Latency", () => "feature_store_query_latency_seconds"),
  },
  {
    trait: "mode-selected",
    without: "mode",
    change: asking("Cash", (expr) => expr.replace('mode="$mode",', "")),
  },
  {
    trait: "mode-selected",
    without: "the chosen mode",
    change: asking("Cash", (expr) => expr.replace('mode="$mode"', 'mode="live"')),
  },
  {
    trait: "raw-counter",
    without: "increase",
    uid: "closing-bell-ai",
    change: asking("Total AI Cost", () => "sum(ai_api_cost_usd_total)"),
  },
  {
    trait: "raw-counter",
    without: "increase, in one place of two",
    uid: "closing-bell-ai",
    change: asking("Total AI Cost", (expr) => `${expr} + sum(ai_api_cost_usd_total)`),
  },
  {
    trait: "raw-buckets",
    without: "rate",
    uid: "closing-bell-ai",
    change: asking(
      "p95 API Latency",
      () => "histogram_quantile(0.95, ai_api_latency_seconds_bucket)",
    ),
  },
  {
    trait: "quantile-by-le",
    without: "le",
    uid: "closing-bell-ai",
    change: asking("p95 API Latency", (expr) => expr.replace("by (le)", "by (model_name)")),
  },
  {
    trait: "rate-window",
    without: "a window that follows the zoom",
    uid: "closing-bell-ai",
    change: asking("AI Requests/min", (expr) => expr.replace("$__rate_interval", "1m")),
  },
  {
    trait: "rate-window",
    without: "what falls between steps",
    uid: "closing-bell-ai",
    change: asking("AI Requests/min", (expr) => expr.replace("$__rate_interval", "$__interval")),
  },
  {
    trait: "today",
    without: "the day so far",
    change: inPanel("Trades Today", (panel) => Reflect.deleteProperty(panel, "timeFrom")),
  },
  {
    trait: "today",
    without: "the day's window",
    change: asking("Trades Today", (expr) => expr.replace("$__range", "$__rate_interval")),
  },
  {
    trait: "instant-now",
    without: "now",
    change: inTargets("Cash", (target) => ({ ...target, instant: false })),
  },
  {
    trait: "honest-average",
    without: "a mean",
    uid: "closing-bell-ai",
    change: inPanel("p95 API Latency", (panel) => (panel.title = "Avg API Latency")),
  },
  {
    trait: "honest-average",
    without: "the name of a quantile",
    uid: "closing-bell-ai",
    change: inPanel("p95 API Latency", (panel) => {
      panel.title = "API Latency";
      panel.description = "How long the calls of this day so far took. Slow: look at the provider.";
    }),
  },
];

describe("a dashboard without", () => {
  test.each(rows)("$without lacks $trait", ({ trait, uid = "closing-bell-portfolio", change }) => {
    const draft = board(uid);
    change(draft);

    const traits = lintDashboard(draft, options).map((finding) => finding.trait);

    expect(traits).toContain(trait);
  });

  test("every trait is looked for here", () => {
    const looked = new Set(rows.map(({ trait }) => trait));

    expect(Object.keys(TRAITS).filter((trait) => !looked.has(trait as Trait))).toEqual([]);
  });
});

test("a finding says which dashboard, which panel, and why", () => {
  const draft = board("closing-bell-portfolio");
  inDefaults("Cash", (each) => Reflect.deleteProperty(each, "unit"))(draft);

  expect(lintDashboard(draft, options)).toEqual([
    {
      trait: "unit",
      where: "Portfolio Performance: panel 9 Cash",
      message: "has no unit (a number without one is a guess)",
    },
  ]);
});
