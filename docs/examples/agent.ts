import { recordAnalysis, recordConviction, recordDecision, trackAiRequest } from "closing-bell";

export type Decision = { readonly action: "BUY" | "SELL" | "HOLD"; readonly conviction: number };

export type Agent = {
  readonly model: string;
  analyze(ticker: string): Promise<{ readonly decision: Decision; readonly costUsd: number }>;
};

/** The same agent, counted: analyses, requests, their cost and latency, decisions, conviction. */
export function monitored({ model, analyze }: Agent): (ticker: string) => Promise<Decision> {
  return async (ticker) => {
    recordAnalysis();
    const { decision } = await trackAiRequest(model, () => analyze(ticker), {
      costUsd: (answer) => answer.costUsd,
    });
    recordDecision({ ticker, action: decision.action });
    recordConviction(decision.action, decision.conviction);
    return decision;
  };
}
