import type { Action } from "../../metrics/ai.ts";
import type { DayFeatures } from "./features.ts";

/** What an agent is asked about one stock. */
export type Question = {
  readonly ticker: string;
  /** The last trading day that is known, an ISO date. */
  readonly day: string;
  /** Its closing price, in the currency of the prices. */
  readonly close: number;
  /** Features of the last days, oldest first; the last one is `day`. */
  readonly recent: readonly DayFeatures[];
  /** Market value of what is held of it, USD. Absent when the portfolio is not known. */
  readonly positionUsd?: number;
};

export type Decision = {
  readonly action: Action;
  /** 0 to 1. */
  readonly conviction: number;
  /** For people: one or two sentences. */
  readonly reason: string;
};

/** Who decides: a model behind an API, or rules. */
export type Agent = {
  /** Its name: the model, or what the rules are called. */
  readonly model: string;
  /**
   * @param context.signal aborts when nobody waits for the decision any more.
   * @throws when there is no decision; the ticker then counts as failed.
   */
  decide(question: Question, context: { readonly signal: AbortSignal }): Promise<Decision>;
};

/**
 * Counts one request to a model, its latency, and from the usage in its answer its tokens and cost:
 * the part of closing-bell's `trackAiRequest` that an agent needs. Passed in, because prices are a
 * matter of configuration.
 */
export type TrackAiRequest = <T>(
  model: string,
  call: () => Promise<T>,
  options?: { readonly answer?: (answer: T) => unknown },
) => Promise<T>;
