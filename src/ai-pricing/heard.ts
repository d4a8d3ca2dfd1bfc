type Fields = Record<string, unknown>;

/** What the events of a stream have said so far. */
export type Heard = {
  readonly answer: Fields;
  /** The event that ends an answer was seen. */
  isWhole: boolean;
  /** The stream is of a kind that says when it is whole. */
  saysWhole: boolean;
  /** An event said that the answer failed. */
  isBroken: boolean;
};

export function nothingHeard(): Heard {
  return { answer: {}, isWhole: false, saysWhole: false, isBroken: false };
}

/**
 * Takes in one event. Usage in a stream is cumulative: each count overwrites the one before, and
 * one that is missing or null leaves it (@anthropic-ai/sdk 1.12.0, `MessageStream`; OpenAI tells it
 * once, in the last chunk).
 */
export function hear(heard: Heard, event: unknown): void {
  if (!isFields(event)) return;
  const { answer } = heard;
  switch (event["type"]) {
    case "message_start":
      heard.saysWhole = true;
      if (isFields(event["message"])) {
        const { model, usage } = event["message"];
        Object.assign(answer, { model, usage: isFields(usage) ? { ...usage } : undefined });
      }
      return;
    case "message_delta":
      if (isFields(event["usage"])) overwrite(answer, event["usage"]);
      return;
    case "content_block_start":
      hearFallback(answer, event["content_block"]);
      return;
    case "message_stop":
      heard.isWhole = true;
      return;
    case "error":
      heard.isBroken = true;
      return;
    default:
      hearOpenAi(heard, event);
  }
}

/** Where another model takes over, a block names it; the last one is the model that answered. */
function hearFallback(answer: Fields, block: unknown): void {
  if (!isFields(block) || block["type"] !== "fallback" || !isFields(block["to"])) return;
  answer["model"] = block["to"]["model"] ?? answer["model"];
}

/** Incomplete is an answer that came to its limit of tokens, which is an answer elsewhere too. */
const WHOLE_RESPONSE: ReadonlySet<string> = new Set(["response.completed", "response.incomplete"]);

function hearOpenAi(heard: Heard, event: Fields): void {
  const { answer } = heard;
  const response = event["response"];
  if (typeof event["type"] === "string" && isFields(response)) {
    heard.saysWhole = true;
    if (isFields(response["usage"])) Object.assign(answer, response);
    if (WHOLE_RESPONSE.has(event["type"])) heard.isWhole = true;
    return;
  }
  if (isFields(event["usage"])) {
    const { model, usage, service_tier } = event;
    Object.assign(answer, { model, usage, service_tier });
  }
}

function overwrite(answer: Fields, usage: Fields): void {
  const known = isFields(answer["usage"]) ? answer["usage"] : {};
  const told = Object.entries(usage).filter(([, value]) => value !== null && value !== undefined);
  answer["usage"] = { ...known, ...Object.fromEntries(told) };
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
