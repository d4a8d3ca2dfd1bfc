import type Anthropic from "@anthropic-ai/sdk";
import { betaTool } from "@anthropic-ai/sdk/helpers/beta/json-schema";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { type MessagesApi, startMessagesApi } from "../support/messages-api.ts";
import {
  bareClient,
  collect,
  metered,
  meteredClient,
  params,
  trackAiRequest,
  USAGE,
} from "./metered.ts";

let api: MessagesApi;
let client: Anthropic;

beforeEach(async () => {
  api = await startMessagesApi();
  client = meteredClient(api);
});

afterEach(() => api.close());

const priceOf = betaTool({
  name: "price",
  description: "The price of a stock.",
  inputSchema: { type: "object", properties: { ticker: { type: "string" } } },
  run: () => "187.15",
});

const withTools = { ...params, tools: [priceOf] };

const asks = { content: [{ type: "tool_use", name: "price", input: { ticker: "AAPL" } }] } as const;

const answers = { content: "Hold.", usage: { input_tokens: 3000, output_tokens: 100 } } as const;

/** 0.002 for the first turn and 0.0035 for the second. */
const BOTH = { usd: 0.0055, tokens: { input: 4000, output: 300 } };

const TURNS = { requests: 2, succeeded: 2, latencies: 2, ...BOTH };

function scriptTurns(type: "message" | "stream"): void {
  api.script({ type, ...asks, usage: USAGE }, { type, ...answers });
}

const runners: readonly {
  readonly name: string;
  readonly type: "message" | "stream";
  readonly run: (using: Anthropic) => Promise<unknown>;
}[] = [
  {
    name: "until it is done",
    type: "message",
    run: (using) => using.beta.messages.toolRunner(withTools).runUntilDone(),
  },
  {
    name: "turn by turn",
    type: "message",
    run: async (using) => (await collect(using.beta.messages.toolRunner(withTools))).at(-1),
  },
  {
    name: "without a thread",
    type: "message",
    run: async (using) => using.beta.messages.toolRunner({ ...withTools, thread: false }),
  },
  {
    name: "streaming",
    type: "stream",
    run: async (using) => using.beta.messages.toolRunner({ ...withTools, stream: true }),
  },
  {
    name: "streaming, with tools that start early",
    type: "stream",
    run: async (using) =>
      using.beta.messages.toolRunner({ ...withTools, stream: true, runToolsEagerly: true }),
  },
  {
    name: "on a thread of the job's",
    type: "message",
    run: async (using) => {
      const { messages, ...fields } = withTools;
      const thread = using.beta.messages.thread(fields);
      thread.append(...messages);
      return thread.toolRunner();
    },
  },
];

describe("a tool runner", () => {
  test.each(runners)("run $name is a request per turn", async ({ run, type }) => {
    scriptTurns(type);

    const { result, figures } = await metered(() => run(client));

    expect(result).toMatchObject({ content: [{ text: "Hold." }] });
    expect(figures).toEqual(TURNS);
  });

  test.each(runners)("run $name in trackAiRequest is one request", async ({ run, type }) => {
    scriptTurns(type);

    const { result, figures } = await metered(() =>
      trackAiRequest(params.model, () => run(client)),
    );

    expect(result).toMatchObject({ content: [{ text: "Hold." }] });
    expect(figures).toEqual({ requests: 1, succeeded: 1, latencies: 1, ...BOTH });
  });

  test("that is handed over unstarted is still one request", async () => {
    scriptTurns("message");

    const { result, figures } = await metered(() =>
      trackAiRequest(params.model, () => client.beta.messages.toolRunner(withTools) as object),
    );

    expect(result).toMatchObject({ content: [{ text: "Hold." }] });
    expect(figures).toEqual({ requests: 1, succeeded: 1, latencies: 1, ...BOTH });
  });

  test("whose second turn fails has paid for the first", async () => {
    api.script({ type: "message", ...asks, usage: USAGE }, { type: "error", status: 529 });

    const { figures } = await metered(() =>
      expect(client.beta.messages.toolRunner(withTools).runUntilDone()).rejects.toThrow("529"),
    );

    expect(figures).toEqual({
      requests: 2,
      succeeded: 1,
      failed: 1,
      latencies: 2,
      usd: 0.002,
      tokens: { input: 1000, output: 200 },
    });
  });

  test("sends and gets the same as without us", async () => {
    scriptTurns("stream");
    scriptTurns("stream");
    const read = async (using: Anthropic) => {
      const events: unknown[] = [];
      for await (const stream of using.beta.messages.toolRunner({ ...withTools, stream: true })) {
        for await (const event of stream) events.push(event);
      }
      return JSON.stringify(events).replaceAll(/"(msg|toolu)_\w+"/g, '"$1"');
    };
    const bare = await read(bareClient(api));

    const { result } = await metered(() => read(client));

    expect(result).toEqual(bare);
    const sent = api.requests.map(({ body }) =>
      JSON.stringify(body).replaceAll(/"(msg|toolu)_\w+"/g, '"$1"'),
    );
    expect(sent.slice(2)).toEqual(sent.slice(0, 2));
  });
});

describe("a thread", () => {
  test("whose turn is sent again, with other messages, has made one more request", async () => {
    const lost = { error_code: "thread_not_found" };
    api.script(
      { type: "message", usage: USAGE },
      { type: "error", status: 404, details: lost },
      { type: "message", ...answers },
    );
    const { messages, ...fields } = params;
    const thread = client.beta.messages.thread(fields);

    const { figures } = await metered(async () => {
      await thread.send(messages);
      await thread.send([{ role: "user", content: "Sure?" }]);
    });

    expect(figures).toEqual({ requests: 3, succeeded: 2, failed: 1, latencies: 3, ...BOTH });
  });
});
