import type { Builder } from "@grafana/grafana-foundation-sdk/cog";
import {
  AnnotationQueryBuilder,
  CustomVariableBuilder,
  DashboardBuilder,
  DashboardCursorSync,
  type Dashboard as DashboardJson,
  DashboardLinkBuilder,
  DashboardLinkType,
  DatasourceVariableBuilder,
  type Panel,
  QueryVariableBuilder,
  RowBuilder,
  VariableRefresh,
  VariableSort,
} from "@grafana/grafana-foundation-sdk/dashboard";
import type { Expectation } from "../expectations.ts";
import type { Dashboard, Links, RuleFile } from "../rule.ts";
import { runsAfter } from "../schedule.ts";
import { TAG, titleOf, uidOf } from "./links.ts";
import { DATASOURCE } from "./panels.ts";

/** What dashboards are made from. */
export type Plan = {
  readonly expectations: readonly Expectation[];
  readonly rules: readonly RuleFile[];
  readonly links: Links;
};

export type Section = {
  /** Absent at the top, which has no row of its own. */
  readonly title?: string;
  /** Side by side, in lines of 24 columns; those of a list stand on each other. */
  readonly panels: readonly (Builder<Panel> | readonly Builder<Panel>[])[];
};

export type Board = {
  readonly dashboard: Dashboard;
  readonly description: string;
  /** Families whose jobs can be chosen. */
  readonly jobsOf: readonly string[];
  /**
   * `one`: figures of an account, which never mix with those of another mode; live at first.
   * `any`: also what has no mode at all.
   */
  readonly modes: "one" | "any";
  /** What it opens with: `now-24h`. */
  readonly since: string;
  readonly sections: readonly Section[];
};

/** Of Grafana's grid. */
const COLUMNS = 24;

/** Runs that come more often than this would be a wall of marks. Seconds. */
const FREQUENT = 600;

/** Where schedules are looked at: a fixed week, so that a catalogue gives the same files on any day. */
const MONDAY = Date.UTC(2026, 8, 7) / 1000;
const SOME_RUNS = 20;

const ALL = { selected: true, text: "All", value: "$__all" };

/** What a group's `mode` can be. */
const MODES = "live,paper,backtest";

/** Matches also what lacks the label, which a list of values cannot. */
const ANY = ".*";

export function boardJson(board: Board, plan: Plan): DashboardJson {
  const { dashboard, description, since, sections } = board;
  const builder = new DashboardBuilder(titleOf(dashboard))
    .uid(uidOf(dashboard))
    .description(description)
    .tags([TAG, "trading"])
    .readonly()
    .timezone("browser")
    .refresh("1m")
    .time({ from: since, to: "now" })
    .tooltip(DashboardCursorSync.Crosshair)
    .link(
      // Without the variables: each dashboard lists other jobs, and what is chosen on one may be
      // nothing on the next.
      new DashboardLinkBuilder("Trading dashboards")
        .type(DashboardLinkType.Dashboards)
        .tags([TAG])
        .asDropdown(true)
        .keepTime(true),
    );
  for (const variable of variables(board)) builder.withVariable(variable);
  for (const annotation of annotations(plan)) builder.annotation(annotation);
  let y = 0;
  for (const { title, panels } of sections) {
    if (title !== undefined) {
      builder.withRow(new RowBuilder(title).gridPos({ x: 0, y, w: COLUMNS, h: 1 }));
      y++;
    }
    const { placed, height } = layout(panels, y);
    for (const panel of placed) builder.withPanel({ build: () => panel });
    y += height;
  }
  return tidy(builder.build());
}

/** Places panels, line after line, from a height on. */
function layout(panels: Section["panels"], top: number) {
  const placed: Panel[] = [];
  let x = 0;
  let y = top;
  let lineHeight = 0;
  for (const stack of panels) {
    let [width, height] = [0, 0];
    for (const builder of [stack].flat()) {
      const panel = builder.build();
      const { w, h } = panel.gridPos ?? { w: 0, h: 0 };
      placed.push({ ...panel, gridPos: { x, y: y + height, w, h } });
      width = Math.max(width, w);
      height += h;
    }
    x += width;
    lineHeight = Math.max(lineHeight, height);
    if (x < COLUMNS) continue;
    [x, y, lineHeight] = [0, y + lineHeight, 0];
  }
  return { placed, height: y + lineHeight - top };
}

function variables({ jobsOf, modes }: Board) {
  const mode = new CustomVariableBuilder("mode")
    .label("Mode")
    .description("Whose figures: of a live account, a paper account, or backtests.");
  const family = jobsOf.length === 1 ? jobsOf[0] : `{__name__=~"${jobsOf.join("|")}"}`;
  return [
    new DatasourceVariableBuilder("datasource").label("Data source").type("prometheus"),
    new QueryVariableBuilder("job")
      .label("Job")
      .description("Jobs that report what this page shows.")
      .datasource(DATASOURCE)
      .query({ query: `label_values(${family}, job)`, refId: "job" })
      .refresh(VariableRefresh.OnTimeRangeChanged)
      .sort(VariableSort.AlphabeticalAsc)
      .multi(true)
      .includeAll(true)
      .current(ALL),
    modes === "one"
      ? mode.values(MODES).current({ selected: true, text: "live", value: "live" })
      : mode.values(MODES).multi(true).includeAll(true).allValue(ANY).current(ALL),
    new QueryVariableBuilder("strategy")
      .label("Strategy")
      .description("Of jobs that have one. All: also those that have none.")
      .datasource(DATASOURCE)
      .query({
        query: 'label_values(batch_job_last_completion_timestamp_seconds{strategy!=""}, strategy)',
        refId: "strategy",
      })
      .refresh(VariableRefresh.OnTimeRangeChanged)
      .sort(VariableSort.AlphabeticalAsc)
      .multi(true)
      .includeAll(true)
      .allValue(ANY)
      .current(ALL),
  ];
}

function annotations({ expectations, rules }: Plan) {
  const others = frequentJobs(expectations)
    .map((job) => `job!=${JSON.stringify(job)}`)
    .join(",");
  return [
    new AnnotationQueryBuilder()
      .name("Runs")
      .datasource(DATASOURCE)
      .enable(true)
      .iconColor("blue")
      // The value is the moment: one exact mark a run, whatever the scrape interval.
      .expr(`batch_job_last_completion_timestamp_seconds{${others}} * 1000`)
      .useValueForTime(true)
      .step("1m")
      .titleFormat("{{job}} {{strategy}}")
      .textFormat("a run ended")
      .tagKeys("job,mode"),
    new AnnotationQueryBuilder()
      .name("Critical alerts")
      .datasource(DATASOURCE)
      .enable(true)
      .iconColor("red")
      .expr(
        `ALERTS{alertname=~"${alertNames(rules).join("|")}",alertstate="firing",severity="critical"}`,
      )
      .step("1m")
      .titleFormat("{{alertname}} {{job}}")
      .textFormat("{{severity}}")
      .tagKeys("severity"),
  ];
}

/** Jobs that run so often that marks of their runs would hide everything else. */
export function frequentJobs(expectations: readonly Expectation[]): readonly string[] {
  const frequent = expectations.filter(({ schedule }) => {
    if (schedule === undefined) return false;
    const runs = runsAfter(schedule, MONDAY, SOME_RUNS);
    return runs.some((run, index) => run - (runs[index - 1] ?? -Infinity) <= FREQUENT);
  });
  return [...new Set(frequent.map(({ job }) => job))];
}

/** Names of the alerts that complain. */
export function alertNames(rules: readonly RuleFile[]): readonly string[] {
  const names = rules.flatMap((file) =>
    file.rules.flatMap((rule) => ("alert" in rule && rule.severity !== "none" ? [rule.alert] : [])),
  );
  return [...new Set(names)].sort();
}

/**
 * Numbers the panels, which the builders leave to Grafana: links and diffs need them. Takes away what
 * the builders add to variables and links of other kinds.
 */
function tidy(json: DashboardJson): DashboardJson {
  const plain = JSON.parse(JSON.stringify(json)) as DashboardJson;
  for (const [index, panel] of (plain.panels ?? []).entries()) {
    panel.id = index + 1;
    if (!("fieldConfig" in panel) || panel.fieldConfig === undefined) continue;
    const { defaults } = panel.fieldConfig;
    if (defaults.links === undefined) continue;
    const { links } = defaults;
    defaults.links = links.map(({ title, url }) => ({ title, url })) as typeof links;
  }
  for (const variable of plain.templating?.list ?? []) {
    for (const key of Object.keys(variable)) {
      if (key === "auto" || key.startsWith("auto_")) Reflect.deleteProperty(variable, key);
    }
  }
  return plain;
}
