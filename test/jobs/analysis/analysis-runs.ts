import { createSpendingOf } from "../../../src/ai-pricing/spending.ts";
import { createTrackAiRequest } from "../../../src/ai-pricing/track.ts";
import type { Agent, Decision, Question } from "../../../src/jobs/analysis/agent.ts";
import type { Bar } from "../../../src/jobs/backtest/prices.ts";
import type { CompletionReport } from "../../../src/publish/delivery.ts";
import { createRunJob } from "../../../src/run/run-job.ts";
import { exposedCounts } from "../../metrics/exposed.ts";
import type { Answer } from "../../support/messages-api-send.ts";

/** At list price. */
export const trackAiRequest = createTrackAiRequest(createSpendingOf(() => ({})));

/** Runs whose reports are kept. */
export function keptRuns() {
  const reports: CompletionReport[] = [];
  const runs = createRunJob({
    delivery: async (report) => {
      if (report.type === "completion") reports.push(report);
      return { status: "disabled", reason: "kept" };
    },
  });
  return { runs, reports };
}

/**
 * What a run reported, without buckets and seconds, and without the zeros that are born beside a
 * value; sorted.
 */
export function linesOf({ results }: Pick<CompletionReport, "results">): readonly string[] {
  const lines = exposedCounts({ families: () => results });
  return lines.filter((line) => !/_bucket\{| 0$/.test(line)).sort();
}

/** Bars of a price that moves by these factors, on the days from 2020-01-01 on. */
export function barsOf(moves: readonly number[]): Bar[] {
  let price = 100;
  return moves.map((move, index) => {
    const open = price;
    price *= move;
    const date = new Date(Date.UTC(2020, 0, 1 + index)).toISOString().slice(0, 10);
    return { date, open, close: price };
  });
}

/** Seventy days that rise a little, then stand, in turn. */
export const RISING: readonly Bar[] = barsOf(
  Array.from({ length: 70 }, (_, day) => (day % 2 === 0 ? 1.01 : 1)),
);

/** An agent that decides as it is told. */
export function agentOf(
  decide: (question: Question, signal: AbortSignal) => Decision | Promise<Decision>,
): Agent {
  return { model: "told", decide: async (question, { signal }) => decide(question, signal) };
}

/** An answer of the Messages API that holds a decision. */
export function answerOf(decision: object, usage: { in: number; out: number }): Answer {
  return {
    type: "message",
    content: JSON.stringify(decision),
    usage: { input_tokens: usage.in, output_tokens: usage.out },
  };
}
