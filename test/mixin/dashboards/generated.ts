import type { Plan } from "../../../src/mixin/dashboards/board.ts";
import { dashboardFiles } from "../../../src/mixin/dashboards/dashboards.ts";
import { knownSeries } from "../../../src/mixin/dashboards/known.ts";
import type { BoardJson, PanelJson } from "../../../src/mixin/dashboards/lint/json.ts";
import type { LintOptions } from "../../../src/mixin/dashboards/lint.ts";
import { expectationsOf, type JobCatalogue } from "../../../src/mixin/expectations.ts";
import { ruleFiles } from "../../../src/mixin/mixin.ts";
import type { Links } from "../../../src/mixin/rule.ts";
import { CATALOGUE } from "../shipped.ts";

const LINKS: Links = {
  runbooks: "https://closing-bell.example/runbooks",
  grafana: "http://127.0.0.1:3001",
};

/** Schedules take a while to be walked through: once for each catalogue. */
const plans = new Map<JobCatalogue, Plan>();

function planOf(catalogue: JobCatalogue): Plan {
  const known = plans.get(catalogue);
  if (known !== undefined) return known;
  const expectations = expectationsOf(catalogue);
  const plan = { expectations, rules: ruleFiles(catalogue), links: LINKS };
  plans.set(catalogue, plan);
  return plan;
}

/** Dashboards of a catalogue, of the one that ships if none is given, as files. */
export function filesOf(catalogue: JobCatalogue = CATALOGUE) {
  return dashboardFiles(planOf(catalogue));
}

export function boardsOf(catalogue: JobCatalogue = CATALOGUE): readonly BoardJson[] {
  return filesOf(catalogue).map(({ content }) => JSON.parse(content) as BoardJson);
}

export function lintOptions(boards: readonly BoardJson[]): LintOptions {
  return {
    ...knownSeries(planOf(CATALOGUE).rules),
    uids: new Set(boards.map(({ uid }) => uid ?? "")),
  };
}

export function panelOf(boards: readonly BoardJson[], uid: string, title: string): PanelJson {
  const board = boards.find((each) => each.uid === uid);
  const panel = board?.panels?.find((each) => each.title === title);
  if (panel === undefined) throw new Error(`${uid} has no panel ${title}`);
  return panel;
}

/** An expression as Grafana sends it. */
export function substituted(expr: string, values: Readonly<Record<string, string>> = {}): string {
  const all: Readonly<Record<string, string>> = {
    __rate_interval: "5m15s",
    __range: "30600s",
    job: "(analysis|backtest)",
    mode: "live",
    strategy: ".*",
    ...values,
  };
  return expr.replace(/\$(\w+)/g, (whole, name: string) => all[name] ?? whole);
}
