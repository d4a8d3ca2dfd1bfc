import { type Known, lintExpression } from "./expression.ts";
import type { PanelJson } from "./json.ts";
import type { Say } from "./traits.ts";

/** Least columns that can be read at 1280 pixels, by type. */
const LEAST_WIDTH: Readonly<Record<string, number>> = { timeseries: 8, table: 12, bargauge: 6 };
const LEAST_TILE = 4;
const LEAST_HEIGHT = 3;

/** Two sentences, or one long one: less says what the title says. */
const LEAST_DESCRIPTION = 60;

const MEASURED = new Set(["stat", "timeseries", "gauge", "bargauge"]);

/** Functions of gauges that were pushed: a chart of them is a staircase. */
const COUNTED = /\b(?:rate|irate|increase)\(|:increase\d|ratio_increase|histogram_quantile\(/;

export function lintPanel(panel: PanelJson, known: Known, say: Say): void {
  const { type = "", targets = [], gridPos, timeFrom } = panel;
  if (panel.title === undefined || panel.title === "") say("title", "has no title");
  const { description = "" } = panel;
  if (description.length < LEAST_DESCRIPTION || !/[.:;] /.test(description)) {
    say("panel-description", `${JSON.stringify(description)} does not say what to do`);
  }
  if (gridPos !== undefined) {
    const least = LEAST_WIDTH[type] ?? LEAST_TILE;
    if (gridPos.w < least) say("legible", `${gridPos.w} columns; a ${type} needs ${least}`);
    if (gridPos.h < LEAST_HEIGHT) say("legible", `${gridPos.h} rows; it needs ${LEAST_HEIGHT}`);
  }
  if (type === "text") return;

  lintField(panel, say);
  const sources = [panel.datasource?.uid, ...targets.map(({ datasource }) => datasource?.uid)];
  for (const uid of new Set(sources)) {
    if (uid !== `\${datasource}`) say("panel-datasource", `asks ${uid}`);
  }
  if (targets.length === 0) say("targets", "asks for nothing");
  if (new Set(targets.map(({ refId }) => refId)).size < targets.length) {
    say("ref-ids", targets.map(({ refId }) => refId).join(", "));
  }
  for (const target of targets) {
    const { expr = "", legendFormat = "", instant = false, refId } = target;
    if (expr === "") say("targets", `query ${refId} is empty`);
    if (type !== "table" && legendFormat === "") say("legend", `query ${refId} names no series`);
    if (type !== "timeseries" && !instant) say("instant-now", `query ${refId} asks for a range`);
    lintExpression(panel, target, known, say);
  }
  if (/today/i.test(panel.title ?? "") && timeFrom !== "now/d")
    say("today", "timeFrom is not now/d");
  const isQuantile = targets.some(({ expr = "" }) => expr.includes("histogram_quantile("));
  if (isQuantile && !/\bp\d\d|quantile/i.test(`${panel.title} ${panel.description}`)) {
    say("honest-average", "shows a quantile and does not say so");
  }
  if (isQuantile && /^(?:avg|average|mean)\b/i.test(panel.title ?? "")) {
    say("honest-average", "is called an average and shows a quantile");
  }
}

function lintField({ type = "", targets = [], fieldConfig }: PanelJson, say: Say): void {
  const { unit, noValue, thresholds, custom } = fieldConfig?.defaults ?? {};
  const steps = thresholds?.steps ?? [];
  if (noValue === undefined || noValue === "")
    say("no-value", "says nothing when there is no data");
  if (!MEASURED.has(type)) return;
  if (unit === undefined || unit === "") say("unit", "has no unit");
  if (steps.length === 0 || steps[0]?.value !== null) {
    say("thresholds", "has none, or none for the lowest values");
  }
  if (type !== "timeseries") return;
  const { mode = "off" } = custom?.thresholdsStyle ?? {};
  if (steps.length > 1 && mode === "off")
    say("limit-drawn", "has a limit, and does not draw it in");
  const isHeld = targets.some(({ expr = "" }) => !COUNTED.test(expr));
  if (isHeld && custom?.lineInterpolation !== "stepAfter") {
    say("step-lines", `lines are ${custom?.lineInterpolation}`);
  }
}
