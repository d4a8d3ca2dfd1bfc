import { catalogue } from "./catalogue.ts";
import { report } from "./report.ts";

export type Action = (typeof catalogue.agentDecisionsTotal.labels.action)[number];

/** Counts one analysis of a stock. */
export function recordAnalysis(): void {
  report((set) => set.get(catalogue.agentAnalysesTotal).inc());
}

/** Counts one decision of an agent. */
export function recordDecision(decision: {
  readonly ticker: string;
  readonly action: Action;
}): void {
  report((set) => {
    const { ticker, action } = decision;
    set.get(catalogue.agentDecisionsTotal).inc({ ticker, action });
  });
}

/** Records the conviction, 0 to 1, behind a decision. */
export function recordConviction(action: Action, score: number): void {
  report((set) => set.get(catalogue.agentConvictionScore).observe({ action }, score));
}
