import type { Decision } from "./agent.ts";
import { AgentError } from "./errors.ts";
import { quote } from "./quote.ts";

const ACTIONS: readonly unknown[] = ["BUY", "SELL", "HOLD"] satisfies Decision["action"][];

/** How long a reason is kept, in characters. */
const REASON_LENGTH = 500;

type Fields = Readonly<Record<string, unknown>>;

/** The JSON schema that a decision is asked for in. Bounds are not part of what it can say. */
export const DECISION_SCHEMA = {
  type: "object",
  properties: {
    action: { type: "string", enum: ["BUY", "SELL", "HOLD"] },
    conviction: { type: "number", description: "How sure you are, from 0 to 1." },
    reason: { type: "string", description: "One or two sentences." },
  },
  required: ["action", "conviction", "reason"],
  additionalProperties: false,
} as const;

/**
 * The decision in an answer of the Messages API.
 *
 * @param answer the JSON of a message; undefined for what was no JSON.
 * @throws {AgentError} for an answer that holds no decision. It quotes a line of it at most.
 */
export function parseDecision(answer: unknown): Decision {
  const message = fields(answer);
  const content = message?.["content"];
  if (message === undefined || !Array.isArray(content)) {
    throw new AgentError("the answer is no message, or not a whole one; check the base URL");
  }
  switch (message["stop_reason"]) {
    case "max_tokens":
      throw new AgentError("the answer was cut at max_tokens; raise maxTokens");
    case "refusal":
      throw new AgentError("the model refused to answer");
  }
  const text = content
    .map(fields)
    .map((block) => (block?.["type"] === "text" ? block["text"] : ""))
    .filter((part) => typeof part === "string")
    .join("");
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // biome-ignore lint/style/useErrorCause: it quotes the text, and not as little of it
    throw new AgentError(`the answer is no decision but ${shown(text)}`);
  }
  return decisionOf(value);
}

function decisionOf(value: unknown): Decision {
  const { action, conviction, reason } = fields(value) ?? {};
  if (!ACTIONS.includes(action)) {
    throw new AgentError(`the decision's action is ${shown(action)}; expected BUY, SELL or HOLD`);
  }
  if (typeof conviction !== "number" || !(conviction >= 0 && conviction <= 1)) {
    throw new AgentError(`the decision's conviction is ${shown(conviction)}; expected 0 to 1`);
  }
  const words = typeof reason === "string" ? quote(reason, undefined, REASON_LENGTH) : "";
  if (words === "") throw new AgentError("the decision has no reason");
  return { action: action as Decision["action"], conviction, reason: words };
}

/** What stands there instead, shortly. */
function shown(value: unknown): string {
  return value === undefined ? "missing" : quote(JSON.stringify(value));
}

function fields(value: unknown): Fields | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Fields)
    : undefined;
}
