import { InvalidOptionError } from "../../errors.ts";
import { refuseUnknownKeys } from "../../options.ts";
import type { Agent, Question, TrackAiRequest } from "./agent.ts";
import { createMessagesPost } from "./messages-post.ts";
import { DECISION_SCHEMA, parseDecision } from "./parse-decision.ts";
import { createRuleAgent } from "./rule-agent.ts";

export type MessagesAgentOptions = {
  /** Key of the API. Sent as `x-api-key`, never part of a message. */
  readonly apiKey: string;
  /** Counts what the agent asks and spends. */
  readonly trackAiRequest: TrackAiRequest;
  /** Default {@link DEFAULT_MODEL}. It must know structured outputs, as Claude 4.5 and later do. */
  readonly model?: string;
  /** What `/v1/messages` is appended to, `http:` or `https:`. Default `https://api.anthropic.com`. */
  readonly baseUrl?: string | URL;
  /** Most tokens of an answer, thinking included. Default 1024: a decision takes about 100. */
  readonly maxTokens?: number;
  /** Wait before the second attempt when the API names none, milliseconds. Default 500, as its SDK. */
  readonly retryDelayMs?: number;
};

export const DEFAULT_MODEL = "claude-haiku-4-5";

const DEFAULT_BASE_URL = "https://api.anthropic.com";

const OPTIONS: readonly (keyof MessagesAgentOptions)[] = [
  "apiKey",
  "trackAiRequest",
  "model",
  "baseUrl",
  "maxTokens",
  "retryDelayMs",
];

const SYSTEM =
  "You analyse one stock for a trading system and decide BUY, SELL or HOLD from the figures you are " +
  "given, and from nothing else. sma_20 and sma_50 are mean closes of so many days, mom_20d is the " +
  "change of the close over 20 days as a share, vol_60d the standard deviation of the daily change " +
  "over 60 days as a share; the oldest day comes first. position_usd is what is held, if that is " +
  "known. Conviction is how sure you are of the decision, from 0 to 1: be as ready to say 0.3 as 0.9.";

/**
 * An agent behind Anthropic's Messages API. Each decision is one request to `/v1/messages`, tried
 * twice at most, and counted as one: its latency, tokens and cost go to the run it is made in.
 *
 * It sends no `temperature`: API version 2026-10-21 refuses it. So answers to one question may differ.
 *
 * @throws {InvalidOptionError} for options that are unknown or malformed. No message shows the key.
 */
export function createMessagesAgent(options: MessagesAgentOptions): Agent {
  refuseUnknownKeys(options, OPTIONS, "createMessagesAgent");
  const { trackAiRequest, model = DEFAULT_MODEL, maxTokens = 1024 } = options;
  if (typeof model !== "string" || model === "") {
    throw new InvalidOptionError("createMessagesAgent: model must be a name that is not empty");
  }
  if (!(Number.isSafeInteger(maxTokens) && maxTokens > 0)) {
    throw new InvalidOptionError(
      `createMessagesAgent: maxTokens must be a number of tokens, got ${maxTokens}`,
    );
  }
  const { apiKey, baseUrl = DEFAULT_BASE_URL, retryDelayMs = 500 } = options;
  const post = createMessagesPost({ apiKey, baseUrl, retryDelayMs });
  return {
    model,
    async decide(question, { signal }) {
      const body = requestOf(question, { model, maxTokens });
      // Read outside: an answer that is no decision was given and is charged all the same.
      return parseDecision(await trackAiRequest(model, () => post(body, signal)));
    },
  };
}

/** The Messages API's agent when there is a key, else the one that decides by rules. */
export function chooseAgent({
  apiKey = "",
  ...options
}: Omit<MessagesAgentOptions, "apiKey"> & { readonly apiKey?: string | undefined }): Agent {
  return apiKey === "" ? createRuleAgent() : createMessagesAgent({ apiKey, ...options });
}

type Request = { readonly model: string; readonly maxTokens: number };

/**
 * The answer is asked for as JSON of a schema and not as a forced tool call, which models that think
 * do not take.
 */
function requestOf(question: Question, { model, maxTokens }: Request): object {
  const { ticker, day, close, recent, positionUsd } = question;
  const figures = {
    ticker,
    day,
    close: rounded(close),
    recent: recent.map(({ day: on, ...features }) => ({
      day: on,
      ...Object.fromEntries(
        Object.entries(features).map(([name, value]) => [name, rounded(value)]),
      ),
    })),
    ...(positionUsd === undefined ? {} : { position_usd: rounded(positionUsd) }),
  };
  return {
    model,
    max_tokens: maxTokens,
    system: SYSTEM,
    messages: [{ role: "user", content: JSON.stringify(figures) }],
    output_config: { format: { type: "json_schema", schema: DECISION_SCHEMA } },
  };
}

/** Six digits tell all that there is to tell, and cost a third of what a double does. */
function rounded(value: number): number {
  return Number(value.toPrecision(6));
}
