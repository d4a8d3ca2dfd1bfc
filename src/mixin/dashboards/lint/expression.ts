import type { PanelJson, TargetJson } from "./json.ts";
import type { Say } from "./traits.ts";

/** What expressions can be about. */
export type Known = {
  /** Names of series: of histograms, those with a suffix. */
  readonly series: ReadonlySet<string>;
  /** Of these, the ones that a backtest and a live account both have. */
  readonly trading: ReadonlySet<string>;
};

/** Words of PromQL that look like names of series. */
const WORDS = new Set("and or unless bool offset inf nan by without on ignoring".split(" "));

const CLAUSE = /\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)/g;

/** Functions that make a counter's increase out of it. */
const INCREASE = /\b(?:rate|irate|increase|delta|changes|resets)\(/;

const WINDOW = /\b(?:rate|irate|increase)\(\s*[^[]*\[([^\]]*)\]/g;

export function lintExpression(panel: PanelJson, target: TargetJson, known: Known, say: Say): void {
  const { expr = "" } = target;
  for (const { name, matchers } of selectorsOf(expr)) {
    if (!known.series.has(name)) say("known-series", `${name} in ${expr}`);
    if (known.trading.has(name) && !/\bmode=~?"\$mode"/.test(matchers)) {
      say("mode-selected", `${name}{${matchers}} does not select mode by $mode`);
    }
  }
  for (const call of selectorsInContext(expr)) {
    if (/_(?:total|bucket|sum|count)$/.test(call.name) && !isGauge(call.name) && !call.isIncrease) {
      const trait = call.name.endsWith("_bucket") ? "raw-buckets" : "raw-counter";
      say(trait, `${call.name} without rate or increase in ${expr}`);
    }
  }
  for (const [, within = ""] of expr.matchAll(/histogram_quantile\([^,]*,([\s\S]*)/g)) {
    if (!/\bby\s*\([^)]*\ble\b/.test(within)) say("quantile-by-le", expr);
  }
  const windows = [...expr.matchAll(WINDOW)].map(([, window = ""]) => window);
  const isToday = panel.timeFrom === "now/d";
  for (const window of windows) {
    if (window !== "$__rate_interval" && window !== "$__range") say("rate-window", `[${window}]`);
    if (window === "$__range" && !(isToday && target.instant === true)) {
      say("today", `[$__range] in a panel that is not of today: ${expr}`);
    }
  }
  if (isToday && panel.type !== "table" && !windows.includes("$__range")) {
    say("today", `is of today, and does not ask for [$__range]: ${expr}`);
  }
}

/** The one gauge of the original names that looks like part of a histogram. */
function isGauge(name: string): boolean {
  return name === "current_positions_count";
}

type Selector = { readonly name: string; readonly matchers: string };

/** Series that an expression asks for, with their label matchers. */
export function selectorsOf(expr: string): readonly Selector[] {
  return namesIn(expr).map(({ name, end }) => {
    const [, matchers = ""] = /^\s*\{((?:[^}"]|"(?:[^"\\]|\\.)*")*)\}/.exec(expr.slice(end)) ?? [];
    return { name, matchers };
  });
}

/** The same, and whether each stands within a function that makes an increase of it. */
function selectorsInContext(expr: string) {
  return namesIn(expr).map(({ name, start }) => {
    const before = expr.slice(0, start);
    const opened = /(\w+)\(\s*$/.exec(before);
    return { name, isIncrease: opened !== null && INCREASE.test(`${opened[1]}(`) };
  });
}

function namesIn(expr: string) {
  // Same length, so that places stay.
  const blank = (text: string) => " ".repeat(text.length);
  const bare = expr
    .replace(/"(?:[^"\\]|\\.)*"/g, blank)
    .replace(CLAUSE, blank)
    .replace(/\{[^}]*\}/g, blank)
    .replace(/\[[^\]]*\]/g, blank);
  return [...bare.matchAll(/(?<![\w:$])[a-zA-Z_:][\w:]*(?!\s*\(|[\w:])/g)]
    .filter(([name]) => !WORDS.has(name.toLowerCase()))
    .map(({ 0: name, index }) => ({ name, start: index, end: index + name.length }));
}
