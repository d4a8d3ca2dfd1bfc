import { setImmediate as turn } from "node:timers/promises";
import Anthropic from "@anthropic-ai/sdk";
import { instrumentAnthropic, trackAiRequest } from "../../src/ai.ts";

/** Makes requests that are rejected, handles that or not, and prints what nobody handled. */
const [baseURL = "", kind] = process.argv.slice(2);

const unhandled: unknown[] = [];
process.on("unhandledRejection", (error) => {
  const isKnown = error instanceof Anthropic.APIError;
  unhandled.push(isKnown ? `${error.name}: ${error.apiMessage}` : String(error));
});
process.on("exit", () => process.stdout.write(JSON.stringify(unhandled)));

const bare = new Anthropic({ apiKey: "test", baseURL, maxRetries: 0, logLevel: "off" });
const { messages } = kind === "bare" ? bare : instrumentAnthropic(bare);
const track: typeof trackAiRequest =
  kind === "bare" ? async (_model, call) => call(() => undefined) : trackAiRequest;

const quietly = () => undefined;

type Params = Anthropic.MessageCreateParamsNonStreaming;

const ways: Readonly<Record<string, (params: Params) => unknown>> = {
  handled: (params) => messages.create(params).catch(quietly),
  "handled-late": async (params) => {
    const promise = messages.create(params).withResponse();
    await turn();
    await promise.catch(quietly);
  },
  "handled-response": (params) => messages.create(params).asResponse().catch(quietly),
  "handled-stream": (params) => messages.stream(params).done().catch(quietly),
  unhandled: (params) => void messages.create(params),
  "unhandled-then": (params) => void messages.create(params).then(quietly),
  "unhandled-stream": (params) => void messages.stream(params),
  "unhandled-body": (params) =>
    void messages.create({ ...params, stream: true }).then(async (stream) => {
      for await (const _ of stream);
    }),
  "unhandled-tracked": (params) => void track(params.model, () => messages.create(params)),
};

for (const [model, make] of Object.entries(ways)) {
  void make({ model, max_tokens: 100, messages: [{ role: "user", content: "Buy?" }] });
}
