import type Anthropic from "@anthropic-ai/sdk";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { type MessagesApi, startMessagesApi } from "../support/messages-api.ts";
import { bareClient, collect, metered, meteredClient, ONE, params, USAGE } from "./metered.ts";

let api: MessagesApi;

beforeEach(async () => {
  api = await startMessagesApi();
});

afterEach(() => api.close());

const message = { type: "message", id: "msg_1", usage: USAGE } as const;

const stream = { type: "stream", id: "msg_1", usage: USAGE } as const;

test.each<{
  name: string;
  answer: typeof message | typeof stream;
  read: (client: Anthropic) => PromiseLike<unknown>;
}>([
  { name: "create", answer: message, read: (client) => client.messages.create(params) },
  { name: "parse", answer: message, read: (client) => client.messages.parse(params) },
  {
    name: "a stream",
    answer: stream,
    read: async (client) => collect(await client.messages.create({ ...params, stream: true })),
  },
  {
    name: "a message stream",
    answer: stream,
    read: (client) => client.messages.stream(params).finalMessage(),
  },
  {
    name: "a thread's stream",
    answer: stream,
    read: (client) => {
      const { messages, ...fields } = params;
      return client.beta.messages.thread(fields).stream(messages).finalMessage();
    },
  },
])(
  "$name is counted once and traced as without us, where the SDK traces its calls",
  async ({ answer, read }) => {
    api.script(answer, answer);
    const [bareSpans, spans] = [recordedSpans(), recordedSpans()];
    const bare = await read(bareClient(api, bareSpans.options));

    const { result, figures } = await metered(() => read(meteredClient(api, spans.options)));

    expect(result).toEqual(bare);
    expect(figures).toEqual(ONE);
    expect(spans.ended).toEqual(bareSpans.ended);
    expect(spans.ended).toMatchObject([{ "gen_ai.usage.output_tokens": 200 }]);
  },
);

/** As much of OpenTelemetry as the SDK uses: collects the attributes of each span that has ended. */
function recordedSpans() {
  const ended: Record<string, unknown>[] = [];
  function startSpan(name: string, { attributes }: { readonly attributes?: object } = {}) {
    const told: Record<string, unknown> = { name, ...attributes };
    const span = {
      spanContext: () => ({ traceId: "1".repeat(32), spanId: "2".repeat(16), traceFlags: 1 }),
      isRecording: () => true,
      setAttribute: (key: string, value: unknown) => span.setAttributes({ [key]: value }),
      setAttributes: (more: object) => {
        for (const [key, value] of Object.entries(more)) {
          // Differs from one request to the next.
          if (!/time|request|port|address|url/.test(key)) told[key] = value;
        }
        return span;
      },
      setStatus: () => span,
      updateName: () => span,
      addEvent: () => span,
      recordException: () => span,
      end: () => void ended.push(told),
    };
    return span;
  }
  const tracerProvider = { getTracer: () => ({ startSpan, startActiveSpan: startSpan }) };
  return { ended, options: { openTelemetry: { tracerProvider: tracerProvider as never } } };
}
