import { lintBoard } from "./lint/board.ts";
import type { Known } from "./lint/expression.ts";
import type { BoardJson } from "./lint/json.ts";
import { lintPanel } from "./lint/panel.ts";
import { type Finding, TRAITS, type Trait } from "./lint/traits.ts";

export type LintOptions = Known & {
  /** Dashboards that links may lead to. */
  readonly uids: ReadonlySet<string>;
};

/** What a dashboard lacks before it ships. Pure: looks at its JSON and asks nobody. */
export function lintDashboard(board: BoardJson, options: LintOptions): readonly Finding[] {
  const findings: Finding[] = [];
  const saying = (where: string) => (trait: Trait, message: string) =>
    findings.push({ trait, where, message: `${message} (${TRAITS[trait]})` });

  lintBoard(board, options.uids, saying(board.title ?? "dashboard"));
  for (const panel of board.panels ?? []) {
    if (panel.type === "row") continue;
    lintPanel(panel, options, saying(`${board.title}: panel ${panel.id} ${panel.title}`));
  }
  return findings;
}
