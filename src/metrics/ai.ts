import { refuseUnknownKeys } from "../options.ts";
import { catalogue } from "./catalogue.ts";
import { currentMetricSet } from "./current.ts";
import { finite } from "./instruments/value.ts";
import { report, stopwatch } from "./report.ts";

export type Action = (typeof catalogue.agentDecisionsTotal.labels.action)[number];

/** Tells what a call cost in USD, as soon as its usage is known; may be called before it fails. */
export type Bill = (costUsd: number) => void;

export type TrackAiRequestOptions<T> = {
  /**
   * Cost of the call in USD, or how to read it from the answer. Counts only when the call succeeds
   * and did not bill anything itself.
   */
  readonly costUsd?: number | ((answer: T) => number | undefined);
};

/**
 * Counts one request to a model, its latency and its cost, and returns what `call` returns.
 *
 * The cost is taken after the call: a call that fails costs nothing, unless its usage came back and
 * `call` billed it. An unknown cost is left out, never 0.
 */
export async function trackAiRequest<T>(
  model: string,
  call: (bill: Bill) => T | Promise<T>,
  options: TrackAiRequestOptions<T> = {},
): Promise<T> {
  // The run that started the call pays for it, wherever its answer arrives.
  const metrics = currentMetricSet();
  const elapsed = stopwatch();
  const labels = { model_name: model };
  let billed = false;
  const bill: Bill = (usd) => {
    billed = true;
    report((set) => set.get(catalogue.aiApiCostUsdTotal).inc(labels, finite(usd)), metrics);
  };
  try {
    const answer = await call(bill);
    report((set) => {
      refuseUnknownKeys(options, ["costUsd"], "trackAiRequest");
      const { costUsd } = options;
      if (billed) return;
      const usd = typeof costUsd === "function" ? costUsd(answer) : costUsd;
      if (usd !== undefined) set.get(catalogue.aiApiCostUsdTotal).inc(labels, finite(usd));
    }, metrics);
    return answer;
  } finally {
    report((set) => {
      set.get(catalogue.aiApiRequestsTotal).inc(labels);
      set.get(catalogue.aiApiLatencySeconds).observe(labels, elapsed());
    }, metrics);
  }
}

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
