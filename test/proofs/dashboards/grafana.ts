import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type {
  AnnotationJson,
  BoardJson,
  PanelJson,
} from "../../../src/mixin/dashboards/lint/json.ts";
import { shipped } from "../../prometheus/shipped.ts";
import type { Asked, Range } from "./store.ts";

/** What Grafana asks for one query of a panel, or for one annotation. */
export type PanelQuery = {
  /** By which tables name it: `ai | Total AI Cost | A`. */
  readonly key: string;
  /** As Prometheus gets it. */
  readonly expr: string;
  /** Absent: at one moment. */
  readonly range?: Range;
  readonly time: number;
};

export type Viewer = {
  /** Unix seconds: the dashboard's now. */
  readonly now: number;
  /** The data source's scrape interval, in seconds. */
  readonly scrapeSeconds: number;
  /** Shortest time that is looked at, where a dashboard would show more of the past than there is. */
  readonly atMost?: number;
};

/** Pixels of a dashboard, all 24 columns. */
const WIDTH = 1280;

/** Steps that Grafana rounds to, in seconds, up to those that a day needs. */
const STEPS = [1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1200, 1800, 3600];

export function shippedBoards(folder = shipped("prometheus/dashboards")): readonly BoardJson[] {
  return readdirSync(folder)
    .sort()
    .map((name) => JSON.parse(readFileSync(join(folder, name), "utf8")) as BoardJson);
}

export function panelsOf(board: BoardJson): readonly PanelJson[] {
  return (board.panels ?? []).filter(({ type }) => type !== "row");
}

function keyOf({ uid = "" }: BoardJson, title = "", refId = ""): string {
  return `${uid.replace(/^closing-bell-/, "")} | ${title} | ${refId}`;
}

/** Of all that a dashboard asks, the keys. */
export function keysOf(board: BoardJson): readonly string[] {
  const queries = panelsOf(board).flatMap(({ title, targets = [] }) =>
    targets.map(({ refId }) => keyOf(board, title, refId)),
  );
  const annotations = (board.annotations?.list ?? []).filter(({ expr }) => expr !== undefined);
  return [...queries, ...annotations.map((each) => keyOf(board, `annotation ${nameOf(each)}`))];
}

function nameOf(annotation: AnnotationJson): string {
  return (annotation as { readonly name?: string }).name ?? "";
}

/** All that a dashboard asks when it is opened as it ships: its panels, and its annotations. */
export async function queriesOf(
  board: BoardJson,
  asked: Asked,
  viewer: Viewer,
): Promise<readonly PanelQuery[]> {
  const { now, scrapeSeconds, atMost = Number.POSITIVE_INFINITY } = viewer;
  const seconds = Math.min(atMost, secondsOf(board.time?.from?.replace(/^now-/, "") ?? "1h"));
  const start = now - seconds;
  const values = await variablesOf(board, asked, { start, end: now });
  const panels = panelsOf(board).flatMap((panel) =>
    (panel.targets ?? []).map(({ refId = "", expr = "", instant = false }): PanelQuery => {
      const { gridPos, timeFrom } = panel;
      const { interval = "0s" } = panel as { readonly interval?: string };
      const width = Math.floor((WIDTH * (gridPos?.w ?? 24)) / 24);
      const ownSeconds = timeFrom === "now/d" ? Math.min(atMost, now % 86_400) : seconds;
      const step = Math.max(rounded(ownSeconds / width), secondsOf(interval), scrapeSeconds);
      const own: Readonly<Record<string, string>> = {
        ...values,
        __range: `${ownSeconds}s`,
        __interval: `${step}s`,
        __interval_ms: `${step * 1000}`,
        __rate_interval: `${Math.max(step + scrapeSeconds, 4 * scrapeSeconds)}s`,
      };
      const common = {
        key: keyOf(board, panel.title, refId),
        expr: substituted(expr, own),
        time: now,
      };
      if (instant) return common;
      return { ...common, range: { start: Math.floor(start / step) * step, end: now, step } };
    }),
  );
  const annotations = (board.annotations?.list ?? []).flatMap((annotation): PanelQuery[] => {
    const { expr } = annotation;
    if (expr === undefined) return [];
    const range = { start, end: now, step: 60 };
    const key = keyOf(board, `annotation ${nameOf(annotation)}`);
    return [{ key, expr: substituted(expr, values), time: now, range }];
  });
  return [...panels, ...annotations];
}

export async function answerTo({ expr, range, time }: PanelQuery, asked: Asked) {
  return range === undefined ? asked.instant(expr, time) : asked.range(expr, range);
}

type Variable = {
  readonly name?: string;
  readonly type?: string;
  readonly query?: unknown;
  readonly allValue?: string | null;
  readonly current?: { readonly value?: unknown };
};

/** Values of a dashboard's variables, as it opens. */
async function variablesOf(
  board: BoardJson,
  asked: Asked,
  range: Omit<Range, "step">,
): Promise<Readonly<Record<string, string>>> {
  const values: Record<string, string> = {};
  for (const variable of (board.templating?.list ?? []) as readonly Variable[]) {
    const { name = "", type, query, allValue, current } = variable;
    if (type === "datasource") continue;
    const chosen = [current?.value].flat().map(String);
    if (!chosen.includes("$__all")) {
      values[name] = chosen.map(escaped).join("|");
    } else if (typeof allValue === "string") {
      values[name] = allValue;
    } else {
      const text =
        typeof query === "string" ? query : String((query as { readonly query?: string }).query);
      const [, selector = "", label = ""] = /^label_values\((.*), *(\w+)\)$/s.exec(text) ?? [];
      const found = await asked.labelValues(selector, label, range);
      values[name] = `(${found.map(escaped).join("|")})`;
    }
  }
  return values;
}

function substituted(expr: string, values: Readonly<Record<string, string>>): string {
  return expr.replace(/\$([a-zA-Z_]\w*)/g, (whole, name: string) => {
    const value = values[name];
    if (value === undefined) throw new Error(`${whole} in ${expr}`);
    return value;
  });
}

/** Into a regular expression within a string of PromQL. */
function escaped(value: string): string {
  return value.replace(/[\\^$.*+?()[\]{}|]/g, "\\\\$&");
}

function rounded(seconds: number): number {
  return STEPS.find((step) => step >= seconds) ?? 3600;
}

function secondsOf(duration: string): number {
  const [, count = "0", unit = "s"] = /^(\d+)([smhd])$/.exec(duration) ?? [];
  return Number(count) * ({ s: 1, m: 60, h: 3600, d: 86_400 }[unit] ?? 1);
}
