import Anthropic from "@anthropic-ai/sdk";
import { recordDecision } from "closing-bell";
import { instrumentAnthropic } from "closing-bell/ai";

/** One line: every request of this client is counted, with its tokens and what they cost. */
export function countedClient(options: ConstructorParameters<typeof Anthropic>[0]): Anthropic {
  return instrumentAnthropic(new Anthropic(options));
}

export async function decide(client: Anthropic, ticker: string): Promise<"BUY" | "HOLD"> {
  const stream = client.messages.stream({
    model: "claude-haiku-4-5",
    max_tokens: 16,
    messages: [{ role: "user", content: `${ticker}: BUY or HOLD?` }],
  });
  const action = (await stream.finalText()).includes("BUY") ? "BUY" : "HOLD";
  recordDecision({ ticker, action });
  return action;
}
