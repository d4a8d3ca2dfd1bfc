import { AsyncLocalStorage } from "node:async_hooks";
import { type AiRequest, openAiRequest } from "../metrics/ai-request.ts";
import { refuseUnknownKeys } from "../options.ts";
import { outcomeOfError } from "./outcome.ts";
import type { SpendingOf } from "./spending.ts";
import { type StreamEnd, watchStream } from "./stream.ts";
import { readUsage } from "./usage.ts";

/** Tells what a call cost in USD, as soon as its usage is known; may be called before it fails. */
export type Bill = (costUsd: number) => void;

export type TrackAiRequestOptions<T> = {
  /**
   * Cost of the call in USD, or how to read it from the answer. Counts only when the call succeeds
   * and did not bill anything itself, and wins over what the answer's usage comes to.
   */
  readonly costUsd?: number | ((answer: T) => number | undefined);
  /** Where in the answer its usage is. Default: the answer itself, as the provider gave it. */
  readonly answer?: (answer: T) => unknown;
  /** Where the model was called, in the price list's words. Default: found by the model's name. */
  readonly provider?: string;
};

/**
 * Counts one request to a model (`ai_api_requests_total`, `ai_api_request_outcomes_total`), its
 * latency, its tokens and its cost, and returns what `call` returns.
 *
 * The cost is taken after the call, from the usage in its answer (Anthropic's Messages API,
 * OpenAI's Chat Completions and Responses APIs), and is an estimate at list price. An answer that
 * is a stream is counted when it was read to its end, left or aborted. A call that fails costs
 * nothing, unless its usage came back or `call` billed it. An unknown cost is left out, never 0,
 * and counted in `ai_api_unpriced_requests_total`.
 */
export type TrackAiRequest = <T>(
  model: string,
  call: (bill: Bill) => T | Promise<T>,
  options?: TrackAiRequestOptions<T>,
) => Promise<T>;

const OPTIONS = ["costUsd", "answer", "provider"];

/** The request around the current call: what instrumented clients spend in it is its own. */
const enclosing = new AsyncLocalStorage<AiRequest>();

/** The request that `trackAiRequest` counts around the current call, while it is open. */
export function enclosingRequest(): AiRequest | undefined {
  const request = enclosing.getStore();
  return request?.hasEnded() ? undefined : request;
}

/** @param spendingOf prices usage; what it needs for that is loaded when there is usage to price. */
export function createTrackAiRequest(spendingOf: SpendingOf): TrackAiRequest {
  return async function trackAiRequest<T>(
    model: string,
    call: (bill: Bill) => T | Promise<T>,
    options: TrackAiRequestOptions<T> = {},
  ): Promise<T> {
    // The run that started the call pays for it, wherever its answer arrives.
    const request = openAiRequest(model);
    let answer: T;
    try {
      // Awaited inside: what is lazy, such as a tool runner, starts only then.
      answer = await enclosing.run(request, async () => call(request.bill));
    } catch (error) {
      request.end(outcomeOfError(error));
      throw error;
    }
    let asked: TrackAiRequestOptions<T> = {};
    try {
      refuseUnknownKeys(options, OPTIONS, "trackAiRequest");
      asked = options;
      billGiven(request, asked, answer);
    } catch (error) {
      request.refuse(error);
    }
    const spend = (whole: unknown) => {
      // Clients that are instrumented have told already what the answer says once more.
      if (request.hasSpent()) return;
      try {
        const usage = readUsage(whole);
        if (usage !== undefined) request.spend(spendingOf(model, usage, asked));
      } catch (error) {
        request.refuseUsage(error);
      }
    };
    try {
      const within = <R>(step: () => R) => enclosing.run(request, step);
      const ended = ({ outcome, answer: heard }: StreamEnd) => {
        spend(heard);
        request.end(outcome);
      };
      if (watchStream(answer, ended, within)) {
        request.arrived();
        return answer;
      }
      spend(asked.answer === undefined ? answer : asked.answer(answer));
    } catch (error) {
      request.refuse(error);
    }
    request.end("succeeded");
    return answer;
  };
}

function billGiven<T>(request: AiRequest, { costUsd }: TrackAiRequestOptions<T>, answer: T): void {
  if (request.isBilled()) return;
  const usd = typeof costUsd === "function" ? costUsd(answer) : costUsd;
  if (usd !== undefined) request.bill(usd);
}
