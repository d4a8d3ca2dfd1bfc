import type { BoardJson, PanelJson, VariableJson } from "./json.ts";
import type { Say } from "./traits.ts";

/** Variables that Grafana has by itself, or makes of a value. */
const BUILT_IN = /^__/;

/** The oldest whose JSON Grafana 10 and later take as it is. */
const LEAST_SCHEMA = 39;

/** Labels that groups may lack. */
const OPTIONAL = ["mode", "strategy"];

export function lintBoard(board: BoardJson, uids: ReadonlySet<string>, say: Say): void {
  const { panels = [], links = [] } = board;
  if (!/^[a-z][a-z0-9-]{2,39}$/.test(board.uid ?? "")) say("uid", `${board.uid}`);
  if (board.id !== undefined && board.id !== null) say("no-id", `${board.id}`);
  if ("__inputs" in board || "__requires" in board) say("no-inputs", "is an export, not a source");
  if (board.editable !== false) say("read-only", "editable is not false");
  if ((board.tags ?? []).length === 0) say("tags", "has none");
  if ((board.description ?? "") === "") say("description", "has none");
  if (!/^\d+[smh]$/.test(board.refresh ?? "")) say("refresh", `${board.refresh}`);
  if (board.time?.from === undefined || board.time.to !== "now")
    say("time-range", "does not end now");
  if ((board.schemaVersion ?? 0) < LEAST_SCHEMA) say("schema-version", `${board.schemaVersion}`);

  const [link, ...more] = links;
  const isDropdown = link?.type === "dashboards" && link.asDropdown === true;
  const isOurs = link?.tags?.some((tag) => board.tags?.includes(tag)) === true;
  if (!isDropdown || !isOurs || link.keepTime !== true || more.length > 0) {
    say("dropdown-link", "needs one dropdown of the dashboards with its tag, which keeps the time");
  }
  lintVariables(board, say);
  lintAnnotations(board, say);
  lintLinks(board, uids, say);
  if (!panels.some(({ type }) => type === "row")) say("rows", "has none");
  const first = panels.find(({ type }) => type !== "row");
  if (first?.title !== "Data age") say("data-age-first", `begins with ${first?.title}`);
  lintLayout(panels, say);
}

function lintVariables(board: BoardJson, say: Say): void {
  const list = board.templating?.list ?? [];
  const names = new Map(list.map((variable) => [variable.name ?? "", variable]));
  const [first] = list;
  if (first?.name !== "datasource" || first.type !== "datasource" || first.query !== "prometheus") {
    say("datasource-variable", "does not come first, or is not of Prometheus");
  }
  for (const name of ["job", "mode", "strategy"]) {
    if (!names.has(name)) say("variables", `${name} cannot be chosen`);
  }
  const mode = names.get("mode");
  if (mode !== undefined && mode.includeAll !== true && mode.current?.value !== "live") {
    say("mode-live", `begins with ${JSON.stringify(mode.current?.value)}`);
  }
  for (const variable of list) lintAllValue(variable, say);
  const text = JSON.stringify(board);
  for (const [, braced, plain] of text.matchAll(/\$\{(\w+)[^}]*\}|\$([a-zA-Z_]\w*)/g)) {
    const name = braced ?? plain ?? "";
    if (!names.has(name) && !BUILT_IN.test(name)) say("unknown-variable", `$${name}`);
  }
}

function lintAllValue({ name = "", includeAll = false, allValue }: VariableJson, say: Say): void {
  if (!includeAll) return;
  const isOptional = OPTIONAL.includes(name);
  if (isOptional && allValue !== ".*") {
    say("all-value", `All of ${name} hides what has no ${name}: allValue must be .*`);
  }
  if (!isOptional && typeof allValue === "string") {
    say("all-value", `All of ${name} is ${allValue}, which matches what the list does not have`);
  }
}

function lintAnnotations(board: BoardJson, say: Say): void {
  const list = (board.annotations?.list ?? []).filter(({ enable }) => enable === true);
  const runs = list.some(
    ({ expr = "", useValueForTime }) =>
      /^batch_job_last_completion_timestamp_seconds\{[^}]*\} \* 1000$/.test(expr) &&
      useValueForTime === true,
  );
  if (!runs) say("run-annotation", "runs are not marked at the moment that their gauge says");
  const alerts = list.some(({ expr = "" }) => /^ALERTS\{.*alertstate="firing"/.test(expr));
  if (!alerts) say("alert-annotation", "alerts are not marked");
}

function lintLinks(board: BoardJson, uids: ReadonlySet<string>, say: Say): void {
  const urls = [...JSON.stringify(board).matchAll(/"url":"([^"]*)"/g)].map(([, url = ""]) => url);
  const targets = urls.flatMap((url) => /^\/d\/([\w-]+)/.exec(url)?.slice(1) ?? []);
  if (!targets.some((uid) => uid !== board.uid))
    say("board-links", "no panel leads to another one");
  for (const uid of new Set(targets)) if (!uids.has(uid)) say("known-links", `/d/${uid}`);
  if (!urls.some((url) => /^https?:.*\.md$/.test(url))) say("runbook-links", "has none");
}

function lintLayout(panels: readonly PanelJson[], say: Say): void {
  const taken = new Map<string, string>();
  const ids = new Set<number>();
  for (const panel of panels) {
    const name = JSON.stringify(panel.title);
    const { id = 0, gridPos: place } = panel;
    if (!Number.isInteger(id) || id < 1 || ids.has(id)) say("panel-id", `${name} has ${panel.id}`);
    ids.add(id);
    if (place === undefined || place.x < 0 || place.x + place.w > 24) {
      say("columns", `${name} is not within the 24`);
      continue;
    }
    const cells = Array.from({ length: place.w * place.h }, (_, index) => {
      return `${place.x + (index % place.w)},${place.y + Math.floor(index / place.w)}`;
    });
    const other = cells.map((cell) => taken.get(cell)).find((title) => title !== undefined);
    if (other !== undefined) say("overlap", `${name} lies over ${other}`);
    for (const cell of cells) taken.set(cell, name);
  }
}
