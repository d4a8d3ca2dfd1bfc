import { PanelBuilder as BarGauge } from "@grafana/grafana-foundation-sdk/bargauge";
import type { Builder } from "@grafana/grafana-foundation-sdk/cog";
import {
  BarGaugeDisplayMode,
  BarGaugeNamePlacement,
  BigValueColorMode,
  BigValueGraphMode,
  BigValueTextMode,
  type DataSourceRef,
  GraphDrawStyle,
  GraphThresholdsStyleConfigBuilder,
  GraphThresholdsStyleMode,
  LegendDisplayMode,
  LegendPlacement,
  LineInterpolation,
  ReduceDataOptionsBuilder,
  SortOrder,
  StackingConfigBuilder,
  StackingMode,
  TooltipDisplayMode,
  VisibilityMode,
  VizLegendOptionsBuilder,
  VizOrientation,
  VizTextDisplayOptionsBuilder,
  VizTooltipOptionsBuilder,
} from "@grafana/grafana-foundation-sdk/common";
import {
  DashboardLinkBuilder,
  type DataTransformerConfig,
  type DynamicConfigValue,
  type Panel,
} from "@grafana/grafana-foundation-sdk/dashboard";
import { DataqueryBuilder, PromQueryFormat } from "@grafana/grafana-foundation-sdk/prometheus";
import { PanelBuilder as Stat } from "@grafana/grafana-foundation-sdk/stat";
import { PanelBuilder as Table } from "@grafana/grafana-foundation-sdk/table";
import { PanelBuilder as Timeseries } from "@grafana/grafana-foundation-sdk/timeseries";
import { type DataLink, variable } from "./links.ts";
import { NONE, type Steps, thresholds } from "./palette.ts";
import { mappings, type States } from "./states.ts";

export const DATASOURCE: DataSourceRef = { type: "prometheus", uid: variable("datasource") };

export type Query = { readonly expr: string; readonly legend: string };

/** What every panel says. */
export type Face = {
  readonly title: string;
  /** What it shows, and what to do when it looks bad. */
  readonly description: string;
  /** Columns of 24, and rows of 38 pixels. */
  readonly size: readonly [width: number, height: number];
  /** What stands there instead of a number nobody knows. */
  readonly noValue: string;
  readonly links?: readonly DataLink[];
};

type Measured = Face & {
  /** A unit of Grafana's. */
  readonly unit: string;
  readonly decimals?: number;
  readonly steps?: Steps;
  readonly queries: readonly Query[];
  readonly overrides?: readonly Override[];
};

/** For the series of one name, or of those that a pattern matches: `/pattern/`. */
export type Override = {
  readonly name: string;
  readonly properties: readonly DynamicConfigValue[];
};

export type StatPanel = Measured & {
  readonly states?: States;
  /** Of this day so far, in the time zone of the dashboard: `$__range` is then that long. */
  readonly isToday?: boolean;
  /** Names above the values: where there are several, or the name tells something. */
  readonly isNamed?: boolean;
  /** Pixels of the value: what fits by itself would differ from tile to tile. */
  readonly textSize?: number;
  /**
   * `tile`: the colour is that of the tile, which is seen first. `text`: of the number, for what is
   * good or bad and nobody's alarm.
   */
  readonly colored?: "tile" | "text";
};

/** Pixels of a tile's value and of its name. */
const TEXT_SIZE = 34;
const NAME_SIZE = 13;

/**
 * What is so now. Asked for at this moment only: the last value of a range would be shown as that of
 * now long after it has gone.
 */
export function stat(panel: StatPanel): Builder<Panel> {
  const { queries, states, isToday = false, isNamed = false, textSize = TEXT_SIZE } = panel;
  const builder = measured(new Stat(), panel)
    .targets(queries.map((query, index) => target(query, index).instant()))
    .reduceOptions(new ReduceDataOptionsBuilder().calcs(["lastNotNull"]))
    .colorMode(
      panel.colored === "text" ? BigValueColorMode.Value : BigValueColorMode.BackgroundSolid,
    )
    .graphMode(BigValueGraphMode.None)
    .textMode(isNamed ? BigValueTextMode.ValueAndName : BigValueTextMode.Value)
    .text(new VizTextDisplayOptionsBuilder().valueSize(textSize).titleSize(NAME_SIZE))
    .wideLayout(false)
    .orientation(VizOrientation.Auto);
  if (states !== undefined) builder.mappings(mappings(states));
  // The words that Grafana puts beside the title leave a tile no room for it: the name says "today".
  if (isToday) builder.timeFrom("now/d").hideTimeOverride(true);
  return builder;
}

export type BarsPanel = Measured & { readonly isToday?: boolean };

/** Shares of something now, or of the day. */
export function bars(panel: BarsPanel): Builder<Panel> {
  const builder = measured(new BarGauge(), panel)
    .targets(panel.queries.map((query, index) => target(query, index).instant()))
    .reduceOptions(new ReduceDataOptionsBuilder().calcs(["lastNotNull"]))
    .displayMode(BarGaugeDisplayMode.Basic)
    .orientation(VizOrientation.Horizontal)
    .namePlacement(BarGaugeNamePlacement.Left)
    .text(new VizTextDisplayOptionsBuilder().valueSize(20).titleSize(NAME_SIZE))
    .min(0);
  if (panel.isToday === true) builder.timeFrom("now/d");
  return builder;
}

export type SeriesPanel = Measured & {
  /**
   * `held`: a gauge that stays what it was pushed as, until the next push. `counted`: what counters
   * rose by, which is told when a run is published.
   */
  readonly of: "held" | "counted";
  readonly drawn?: "lines" | "bars" | "points";
  readonly isStacked?: boolean;
  readonly min?: number;
  readonly max?: number;
  /** Ends of the axis that it does not go below or above without need. */
  readonly softMin?: number;
  readonly softMax?: number;
  /** Shortest step, e.g. `5m`: wide enough to see what happened within moments. */
  readonly interval?: string;
};

/** How it went. Of `steps`, all but the first are drawn in. */
export function series(panel: SeriesPanel): Builder<Panel> {
  const { queries, of, drawn = "lines", steps, min, max, softMin, softMax, interval } = panel;
  const hasLimit = steps !== undefined && steps.length > 1;
  const builder = measured(new Timeseries(), panel)
    .targets(queries.map((query, index) => target(query, index).range()))
    .drawStyle(DRAWN[drawn])
    .lineWidth(drawn === "bars" ? 0 : 2)
    .fillOpacity(drawn === "bars" ? 80 : hasLimit ? 0 : 8)
    .pointSize(drawn === "points" ? 8 : 5)
    .showPoints(of === "held" ? VisibilityMode.Never : VisibilityMode.Auto)
    .spanNulls(false)
    .lineInterpolation(of === "held" ? LineInterpolation.StepAfter : LineInterpolation.Linear)
    .legend(
      new VizLegendOptionsBuilder()
        .showLegend(true)
        .displayMode(LegendDisplayMode.List)
        .placement(LegendPlacement.Bottom)
        .calcs([]),
    )
    .tooltip(
      new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi).sort(SortOrder.Descending),
    );
  if (hasLimit) {
    builder.thresholdsStyle(
      new GraphThresholdsStyleConfigBuilder().mode(GraphThresholdsStyleMode.LineAndArea),
    );
  }
  if (panel.isStacked === true) {
    builder.stacking(new StackingConfigBuilder().mode(StackingMode.Normal).group("A"));
  }
  if (min !== undefined) builder.min(min);
  if (max !== undefined) builder.max(max);
  if (softMin !== undefined) builder.axisSoftMin(softMin);
  if (softMax !== undefined) builder.axisSoftMax(softMax);
  if (interval !== undefined) builder.interval(interval);
  return builder;
}

const DRAWN = {
  lines: GraphDrawStyle.Line,
  bars: GraphDrawStyle.Bars,
  points: GraphDrawStyle.Points,
} as const;

export type TablePanel = Face & {
  readonly queries: readonly string[];
  readonly transformations: readonly DataTransformerConfig[];
  readonly columns: readonly Override[];
  readonly isToday?: boolean;
};

/** What is so now, in rows: each query a column, merged by their labels. */
export function table(panel: TablePanel): Builder<Panel> {
  const builder = faced(new Table(), panel)
    .targets(
      panel.queries.map((expr, index) =>
        target({ expr, legend: "" }, index).instant().format(PromQueryFormat.Table),
      ),
    )
    .transformations([...panel.transformations])
    .showHeader(true);
  if (panel.isToday === true) builder.timeFrom("now/d");
  for (const { name, properties } of panel.columns) builder.overrideByName(name, [...properties]);
  return builder;
}

function measured<T extends Stat | BarGauge | Timeseries>(builder: T, panel: Measured): T {
  const { unit, decimals, steps = [NONE], overrides = [] } = panel;
  faced(builder, panel);
  builder.unit(unit).thresholds({ build: () => thresholds(steps) });
  if (decimals !== undefined) builder.decimals(decimals);
  for (const { name, properties } of overrides) {
    if (name.startsWith("/")) builder.overrideByRegexp(name, [...properties]);
    else builder.overrideByName(name, [...properties]);
  }
  return builder;
}

function faced<T extends Stat | BarGauge | Timeseries | Table>(builder: T, face: Face): T {
  const { title, description, size, noValue, links = [] } = face;
  builder
    .title(title)
    .description(description)
    .datasource(DATASOURCE)
    .span(size[0])
    .height(size[1])
    .noValue(noValue);
  if (links.length > 0) {
    builder.dataLinks(links.map((link) => new DashboardLinkBuilder(link.title).url(link.url)));
  }
  return builder;
}

function target({ expr, legend }: Query, index: number): DataqueryBuilder {
  return new DataqueryBuilder()
    .datasource(DATASOURCE)
    .expr(expr)
    .legendFormat(legend)
    .refId(String.fromCharCode("A".charCodeAt(0) + index));
}
