import type Anthropic from "@anthropic-ai/sdk";

/**
 * Token counts and what else the API bills by: the fields of `Usage` and of the beta API's, in
 * tokens, all cumulative over one message. A field may be null; `undefined` leaves it out.
 * Source: `resources/messages/messages.ts` and `resources/beta/messages/messages.ts` of the SDK.
 */
export type UsageFields = {
  readonly [Key in keyof Anthropic.Beta.BetaUsage]?:
    | Anthropic.Beta.BetaUsage[Key]
    | null
    | undefined;
};

export type Content =
  | { readonly type: "text"; readonly text: string }
  | {
      readonly type: "tool_use";
      readonly name: string;
      readonly input: object;
      /** Default: made from the id of the message and the place in its content. */
      readonly id?: string;
    };

/** What a message holds; all the rest of its JSON is as the API sends it when nothing special happened. */
export type MessageFields = {
  /** Default: a new one for each message. */
  readonly id?: string;
  /** Default: the model of the request. */
  readonly model?: string;
  /** A string is one text block. Default "Hello!". */
  readonly content?: string | readonly Content[];
  /** Default: `tool_use` when the content has one, else `end_turn`. */
  readonly stopReason?: Anthropic.Beta.BetaStopReason;
  /** Laid over the usage of a small message that used no cache: 10 tokens in, 5 out. */
  readonly usage?: UsageFields;
};

export type StreamEventType = Anthropic.MessageStreamEvent["type"] | "ping" | "error";

/** After so many events, the ping included, or after the first one of a type. */
export type StreamPosition = number | StreamEventType;

export type StreamFields = MessageFields & {
  /** Laid over `usage` in `message_start`. Default: one output token so far. */
  readonly startUsage?: UsageFields;
  /**
   * The usage of each `message_delta`, sent as it is. Default: one, with the input, cache and output
   * counts of `usage`. Only the last one has the stop reason.
   */
  readonly deltaUsages?: readonly UsageFields[];
  /** Sends no more until the promise settles. Position 0: after the head of the answer. */
  readonly pause?: { readonly after: StreamPosition; readonly until: Promise<unknown> };
  /**
   * Instead of all events up to `message_stop`: the socket is cut, an `error` event ends the answer, or
   * it ends as if that had been all.
   */
  readonly end?:
    | { readonly type: "cut"; readonly after: StreamPosition }
    | {
        readonly type: "error";
        readonly after: StreamPosition;
        /** Default `overloaded_error`. */
        readonly error?: string;
      }
    | { readonly type: "early"; readonly after: StreamPosition };
};

export type BatchResult = { readonly customId: string } & (
  | { readonly type: "succeeded"; readonly message?: MessageFields }
  | { readonly type: "errored"; readonly error?: string }
  | { readonly type: "canceled" | "expired" }
);

/** One event of a stream, as its `data` says it. */
export type StreamEvent = { readonly type: StreamEventType; readonly [field: string]: unknown };

type Defaults = { readonly id: string; readonly model: string };

const SMALL_USAGE: UsageFields = {
  input_tokens: 10,
  cache_creation_input_tokens: 0,
  cache_read_input_tokens: 0,
  cache_creation: { ephemeral_5m_input_tokens: 0, ephemeral_1h_input_tokens: 0 },
  output_tokens: 5,
  output_tokens_details: null,
  server_tool_use: null,
  service_tier: "standard",
  inference_geo: "not_available",
  speed: null,
};

/** The counts that the default `message_delta` repeats. */
const DELTA_COUNTS = [
  "input_tokens",
  "cache_creation_input_tokens",
  "cache_read_input_tokens",
  "output_tokens",
] as const;

/** A whole `Message`. */
export function messageJson(fields: MessageFields, defaults: Defaults) {
  const { id = defaults.id, model = defaults.model, content = "Hello!", usage } = fields;
  const blocks: readonly Content[] =
    typeof content === "string" ? [{ type: "text", text: content }] : content;
  const usesTool = blocks.some(({ type }) => type === "tool_use");
  return {
    id,
    type: "message",
    role: "assistant",
    model,
    content: blocks.map((block, index) => blockJson(block, `toolu_${index}_${id}`)),
    stop_reason: fields.stopReason ?? (usesTool ? "tool_use" : "end_turn"),
    stop_sequence: null,
    stop_details: null,
    container: null,
    diagnostics: null,
    usage: { ...SMALL_USAGE, ...usage },
  };
}

/**
 * The events of a whole stream in the order of the documentation: the start, each block with its
 * deltas (a ping after the first block has started), the `message_delta` events, the stop.
 */
export function streamEvents(fields: StreamFields, defaults: Defaults): readonly StreamEvent[] {
  const message = messageJson(fields, defaults);
  const { usage } = message;
  const {
    startUsage = { output_tokens: 1 },
    deltaUsages = [Object.fromEntries(DELTA_COUNTS.map((key) => [key, usage[key]]))],
  } = fields;
  const start = {
    ...message,
    content: [],
    stop_reason: null,
    usage: { ...usage, ...startUsage },
  };
  const [first = [], ...others] = message.content.map(blockEvents);
  return [
    { type: "message_start", message: start },
    ...first.slice(0, 1),
    { type: "ping" },
    ...first.slice(1),
    ...others.flat(),
    ...deltaUsages.map((deltaUsage, index): StreamEvent => {
      const stopReason = index === deltaUsages.length - 1 ? message.stop_reason : null;
      return {
        type: "message_delta",
        delta: {
          stop_reason: stopReason,
          stop_sequence: null,
          stop_details: null,
          container: null,
        },
        usage: deltaUsage,
      };
    }),
    { type: "message_stop" },
  ];
}

/** How many events come up to a position. Throws for one that the stream does not have. */
export function eventCount(events: readonly StreamEvent[], position: StreamPosition): number {
  const count =
    typeof position === "number"
      ? position
      : events.findIndex(({ type }) => type === position) + 1 || Number.NaN;
  if (Number.isInteger(count) && count >= 0 && count <= events.length) return count;
  throw new Error(`no position ${JSON.stringify(position)} in a stream of ${events.length} events`);
}

/** One line of the results of a batch. Its messages are of the service tier `batch`. */
export function batchResultJson(result: BatchResult, defaults: Defaults) {
  const { customId: custom_id, type } = result;
  switch (result.type) {
    case "succeeded": {
      const usage = { service_tier: "batch", ...result.message?.usage } as const;
      return {
        custom_id,
        result: { type, message: messageJson({ ...result.message, usage }, defaults) },
      };
    }
    case "errored": {
      const error = errorJson(result.error ?? "invalid_request_error", "Scripted.", null);
      return { custom_id, result: { type, error } };
    }
    case "canceled":
    case "expired":
      return { custom_id, result: { type } };
    default:
      return result satisfies never;
  }
}

/** The body of every error, of an HTTP status, in a stream and in a batch. */
export function errorJson(
  type: string,
  message: string,
  requestId: string | null,
  details?: Readonly<Record<string, unknown>>,
) {
  return {
    type: "error",
    error: { type, message, ...(details && { details }) },
    request_id: requestId,
  } as const;
}

function blockJson(block: Content, id: string) {
  return block.type === "text"
    ? { ...block, citations: null }
    : { id, caller: { type: "direct" }, ...block };
}

function blockEvents(block: ReturnType<typeof blockJson>, index: number): readonly StreamEvent[] {
  const [empty, deltas] =
    block.type === "text"
      ? [{ text: "" }, halves(block.text).map((text) => ({ type: "text_delta", text }))]
      : [
          { input: {} },
          // The first one is empty in the documentation too.
          ["", ...halves(JSON.stringify(block.input))].map((partial_json) => ({
            type: "input_json_delta",
            partial_json,
          })),
        ];
  return [
    { type: "content_block_start", index, content_block: { ...block, ...empty } },
    ...deltas.map((delta): StreamEvent => ({ type: "content_block_delta", index, delta })),
    { type: "content_block_stop", index },
  ];
}

function halves(text: string): readonly string[] {
  const middle = Math.ceil(text.length / 2);
  return [text.slice(0, middle), text.slice(middle)];
}
