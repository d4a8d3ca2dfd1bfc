import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { InvalidOptionError } from "../../../src/errors.ts";
import type { Decision, Question } from "../../../src/jobs/analysis/agent.ts";
import {
  chooseAgent,
  createMessagesAgent,
  type MessagesAgentOptions,
} from "../../../src/jobs/analysis/messages-agent.ts";
import { workOut } from "../../ai-pricing/arithmetic.ts";
import { type Figures, metered } from "../../ai-pricing/metered.ts";
import { freePort } from "../../support/free-port.ts";
import { serve } from "../../support/http-server.ts";
import { type MessagesApi, startMessagesApi } from "../../support/messages-api.ts";
import { answerOf, trackAiRequest } from "./analysis-runs.ts";

const KEY = "sk-ant-hunter2";

const BUY: Decision = { action: "BUY", conviction: 0.82, reason: "The trend is up." };

/** What came with {@link BUY}. */
const USAGE = { in: 1000, out: 100 };

/** 1 USD per million tokens in, 5 out. */
const USD = workOut("1000×1/1e6 + 100×5/1e6");

const ONE_GOOD: Figures = {
  requests: 1,
  succeeded: 1,
  latencies: 1,
  usd: USD,
  tokens: { input: 1000, output: 100 },
};

const ONE_FAILED: Figures = { requests: 1, failed: 1, latencies: 1 };

const QUESTION: Question = {
  ticker: "AAPL",
  day: "2020-04-17",
  close: 282.799988,
  recent: [
    { day: "2020-04-17", sma_20: 261.123456789, sma_50: 280, mom_20d: 0.1234567891, vol_60d: 0.04 },
  ],
  positionUsd: 1500,
};

let api: MessagesApi;

beforeEach(async () => {
  api = await startMessagesApi();
});

afterEach(() => api.close());

function agentAt(baseUrl: string, options: Partial<MessagesAgentOptions> = {}) {
  return createMessagesAgent({
    apiKey: KEY,
    baseUrl,
    trackAiRequest,
    retryDelayMs: 0,
    ...options,
  });
}

/** Asks, and tells the decision or the error, and what was counted. */
async function ask(agent = agentAt(api.url), signal = new AbortController().signal) {
  const { result, figures } = await metered(async () => {
    try {
      return { decision: await agent.decide(QUESTION, { signal }) };
    } catch (error) {
      return { error: error as Error & { status?: number } };
    }
  });
  return { ...result, figures };
}

describe("a decision", () => {
  test("is asked for in one request, and its usage is priced", async () => {
    api.script(answerOf(BUY, USAGE));
    const { decision, figures } = await ask();
    expect(decision).toEqual(BUY);
    expect(USD).toBe(0.0015);
    expect(figures).toEqual(ONE_GOOD);

    const [request, ...others] = api.requests;
    expect(others).toEqual([]);
    expect(request).toMatchObject({
      method: "POST",
      path: "/v1/messages",
      headers: {
        "x-api-key": KEY,
        "anthropic-version": "2026-10-21",
        "content-type": "application/json",
      },
      body: {
        model: "claude-haiku-4-5",
        max_tokens: 1024,
        output_config: {
          format: {
            type: "json_schema",
            schema: { required: ["action", "conviction", "reason"], additionalProperties: false },
          },
        },
      },
    });
    // The newest version of the API refuses what would make answers less random.
    expect(Object.keys(request?.body ?? {}).sort()).toEqual(
      ["max_tokens", "messages", "model", "output_config", "system"].sort(),
    );
    const messages = (request?.body?.["messages"] ?? []) as { role: string; content: string }[];
    expect(messages.map(({ role }) => role)).toEqual(["user"]);
    expect(JSON.parse(messages[0]?.content ?? "")).toEqual({
      ticker: "AAPL",
      day: "2020-04-17",
      close: 282.8,
      recent: [
        { day: "2020-04-17", sma_20: 261.123, sma_50: 280, mom_20d: 0.123457, vol_60d: 0.04 },
      ],
      position_usd: 1500,
    });
  });

  test("is asked of the model, below the path and with the tokens that it is told", async () => {
    const proxy = await serve((_, response) => response.writeHead(404).end());
    try {
      const agent = agentAt(`${proxy.url.href}llm/`, { model: "claude-opus-5", maxTokens: 50 });
      expect(agent.model).toBe("claude-opus-5");
      const { error } = await ask(agent);
      expect(error?.message).toBe(
        `POST ${proxy.url.href}llm/v1/messages was refused (404); check the model's name and the base URL`,
      );
      expect(proxy.requests[0]?.path).toBe("/llm/v1/messages");
      const body = JSON.parse(String(proxy.requests[0]?.body));
      expect(body).toMatchObject({ model: "claude-opus-5", max_tokens: 50 });
    } finally {
      await proxy.close();
    }
  });
});

describe("a second attempt", () => {
  test.each([429, 500, 502, 503, 529])("is made after a %d, as one request", async (status) => {
    api.script({ type: "error", status, headers: { "retry-after": "0" } }, answerOf(BUY, USAGE));
    const { decision, figures } = await ask();
    expect(decision).toEqual(BUY);
    expect(figures).toEqual(ONE_GOOD);
    expect(api.requests).toHaveLength(2);
    expect(api.requests[1]?.body).toEqual(api.requests[0]?.body);
  });

  test("is the last one", async () => {
    const overloaded = { type: "error", status: 529, message: "Overloaded" } as const;
    api.script(overloaded, overloaded, answerOf(BUY, USAGE));
    const { error, figures } = await ask();
    expect(error).toMatchObject({ name: "AgentError", status: 529 });
    expect(error?.message).toBe(
      `POST ${api.url}/v1/messages was refused 2 times (529: overloaded_error, Overloaded) ` +
        "(request req_000000000000000000000001)",
    );
    expect(figures).toEqual(ONE_FAILED);
    expect(api.left()).toBe(1);
  });

  test("waits as long as it is asked to", async () => {
    api.script(
      { type: "error", status: 429, headers: { "retry-after": "0.15" } },
      answerOf(BUY, USAGE),
    );
    const asked = performance.now();
    // Without the header it would come ten seconds later.
    const { decision } = await ask(agentAt(api.url, { retryDelayMs: 10_000 }));
    expect(decision).toEqual(BUY);
    expect(performance.now() - asked).toBeGreaterThanOrEqual(145);
    expect(performance.now() - asked).toBeLessThan(5000);
  });

  test("takes a date too, and one that has passed as at once", async () => {
    api.script(
      {
        type: "error",
        status: 529,
        headers: { "retry-after": "Wed, 21 Oct 2015 07:28:00 GMT" },
      },
      answerOf(BUY, USAGE),
    );
    const { decision } = await ask(agentAt(api.url, { retryDelayMs: 10_000 }));
    expect(decision).toEqual(BUY);
  });

  test.each<{ name: string; status: number; headers: Record<string, string> }>([
    { name: "that would be too long in coming", status: 429, headers: { "retry-after": "21" } },
    { name: "that the API does not want", status: 500, headers: { "x-should-retry": "false" } },
    { name: "of a request that is wrong", status: 400, headers: {} },
    { name: "of a request that is too large", status: 413, headers: { "retry-after": "0" } },
  ])("is not made $name", async ({ status, headers }) => {
    api.script({ type: "error", status, headers }, answerOf(BUY, USAGE));
    const { error, figures } = await ask();
    expect(error).toMatchObject({ name: "AgentError", status });
    expect(figures).toEqual(ONE_FAILED);
    expect(api.requests).toHaveLength(1);
  });

  test("is made when nobody answers", async () => {
    const port = await freePort();
    const { error, figures } = await ask(agentAt(`http://127.0.0.1:${port}`));
    expect(error?.message).toMatch(
      new RegExp(`^POST http://127\\.0\\.0\\.1:${port}/v1/messages failed 2 times: .*ECONNREFUSED`),
    );
    expect(figures).toEqual(ONE_FAILED);
  });

  test("is made when the connection breaks before an answer", async () => {
    let requests = 0;
    const server = await serve((_, response) => {
      if (requests++ === 0) response.socket?.destroy();
      else response.end(JSON.stringify({ content: [{ type: "text", text: JSON.stringify(BUY) }] }));
    });
    try {
      const { decision } = await ask(agentAt(server.url.href));
      expect(decision).toEqual(BUY);
      expect(requests).toBe(2);
    } finally {
      await server.close();
    }
  });
});

describe("an answer that is none", () => {
  test("is charged all the same: its usage came back", async () => {
    api.script({
      type: "message",
      content: "Buy low, sell high.",
      usage: { input_tokens: 1000, output_tokens: 100 },
    });
    const { error, figures } = await ask();
    expect(error).toMatchObject({
      name: "AgentError",
      message: 'the answer is no decision but "Buy low, sell high."',
    });
    expect(figures).toEqual(ONE_GOOD);
    expect(api.requests).toHaveLength(1);
  });

  test.each<{ name: string; answer: (end: () => void, cut: () => void) => void }>([
    { name: "half a body that ended", answer: (end) => end() },
    { name: "half a body that was cut off", answer: (_, cut) => cut() },
  ])("is an unpriced request: $name", async ({ answer }) => {
    const server = await serve((_, response) => {
      response.writeHead(200, { "content-type": "application/json" });
      response.write('{"content":[{"type":"te', () =>
        answer(
          () => response.end(),
          () => response.destroy(),
        ),
      );
    });
    try {
      const { error, figures } = await ask(agentAt(server.url.href));
      expect(error?.message).toBe(
        "the answer is no message, or not a whole one; check the base URL",
      );
      // It was a 200, so it is charged: to ask again would be to pay twice.
      expect(figures).toEqual({ requests: 1, succeeded: 1, latencies: 1, unpriced: 1 });
      expect(server.requests).toHaveLength(1);
    } finally {
      await server.close();
    }
  });

  test("is given up when it has no end", async () => {
    const server = await serve((_, response) => {
      const blanks = Buffer.alloc(64 * 1024, 0x20);
      const more = () => {
        while (!response.destroyed && response.write(blanks));
      };
      response.on("drain", more).on("error", () => {});
      more();
    });
    try {
      const { error } = await ask(agentAt(server.url.href));
      expect(error?.message).toMatch(/^the answer is no message, or not a whole one/);
    } finally {
      await server.close();
    }
  });
});

describe("a refusal", () => {
  test.each([401, 403])("of the key says what to do, and not the key: %d", async (status) => {
    api.script({ type: "error", status, message: `invalid x-api-key: ${KEY}\u001b[1m` });
    const { error, figures } = await ask();
    const type = status === 401 ? "authentication_error" : "permission_error";
    expect(error?.message).toBe(
      `POST ${api.url}/v1/messages was refused (${status}: ${type}, invalid x-api-key: *** [1m) ` +
        "(request req_000000000000000000000000); check the API key, and that it may use the model",
    );
    expect(`${error?.stack} ${JSON.stringify(error)}`).not.toContain("hunter2");
    expect(figures).toEqual(ONE_FAILED);
    expect(api.requests).toHaveLength(1);
  });

  test("is quoted shortly, whatever it is", async () => {
    const server = await serve((_, response) => {
      response.writeHead(400, { "request-id": "r".repeat(900) });
      response.end(`<html>${KEY}\n${"x".repeat(9000)}`);
    });
    try {
      const { error } = await ask(agentAt(server.url.href));
      expect(error?.message).toContain("(400: <html>*** xxx");
      expect(error?.message.length).toBeLessThan(220);
    } finally {
      await server.close();
    }
  });

  test("by a redirect is none to follow: the key stays here", async () => {
    const server = await serve((_, response) => {
      response.writeHead(307, { location: `${api.url}/v1/messages` }).end();
    });
    try {
      const { error } = await ask(agentAt(server.url.href));
      expect(error?.message).toMatch(/\(307\); redirects are not followed, check the base URL$/);
      expect(api.requests).toEqual([]);
    } finally {
      await server.close();
    }
  });
});

describe("an abort", () => {
  const reason = new Error("deadline");

  test("ends a request that nobody answers, and counts it as aborted", async () => {
    api.script({ type: "hang" });
    const abort = new AbortController();
    const asked = ask(agentAt(api.url), abort.signal);
    const request = await api.arrival(0);
    abort.abort(reason);
    const { error, figures } = await asked;
    expect(error).toMatchObject({ name: "AbortError", cause: reason });
    expect(figures).toEqual({ requests: 1, aborted: 1, latencies: 1 });
    await expect(request.ended).resolves.toBe("client-left");
    expect(api.requests).toHaveLength(1);
  });

  test("ends a request in the middle of its answer", async () => {
    const abort = new AbortController();
    const server = await serve((_, response) => {
      // By then the head is there: it comes in the next turns of the loop.
      response.write('{"content":[', () => afterTurns(20, () => abort.abort(reason)));
    });
    try {
      const { error, figures } = await ask(agentAt(server.url.href), abort.signal);
      expect(error).toMatchObject({ name: "AbortError", cause: reason });
      expect(figures).toEqual({ requests: 1, aborted: 1, latencies: 1 });
    } finally {
      await server.close();
    }
  });

  test("ends the wait for the second attempt", async () => {
    const abort = new AbortController();
    const server = await serve((request, response) => {
      // The client hangs up once it has read the answer, and then it waits.
      request.socket.on("close", () => afterTurns(20, () => abort.abort(reason)));
      response.writeHead(529, { "retry-after": "20" }).end();
    });
    try {
      const { error, figures } = await ask(agentAt(server.url.href), abort.signal);
      expect(error).toMatchObject({ name: "AbortError" });
      expect(figures).toEqual({ requests: 1, aborted: 1, latencies: 1 });
      expect(server.requests).toHaveLength(1);
    } finally {
      await server.close();
    }
  }, 10_000);

  test("before the request leaves it unsent", async () => {
    const { error } = await ask(agentAt(api.url), AbortSignal.abort(reason));
    expect(error).toMatchObject({ name: "AbortError" });
    expect(api.requests).toEqual([]);
  });
});

describe("options", () => {
  test.each<{ name: string; options: object; reason: RegExp }>([
    { name: "a key with a line end", options: { apiKey: `${KEY}\n` }, reason: /the API key holds/ },
    { name: "a key with a blank", options: { apiKey: "a b" }, reason: /blank or a line end in it/ },
    { name: "an empty key", options: { apiKey: "" }, reason: /the API key holds/ },
    { name: "no model", options: { model: "" }, reason: /model must be a name/ },
    { name: "no tokens", options: { maxTokens: 0 }, reason: /maxTokens must be/ },
    { name: "half a token", options: { maxTokens: 1.5 }, reason: /maxTokens must be/ },
    { name: "a wait without end", options: { retryDelayMs: Infinity }, reason: /retryDelayMs/ },
    { name: "an unknown one", options: { baseURL: "x" }, reason: /did you mean "baseUrl"/ },
    ...[
      "api.anthropic.com",
      "ftp://hunter2/",
      "https://u:hunter2@h/",
      "https://h/?k=hunter2",
      "https://h/#hunter2",
    ].map((baseUrl) => ({ name: baseUrl, options: { baseUrl }, reason: /^baseUrl must/ })),
  ])("are refused: $name", ({ options, reason }) => {
    const create = () => createMessagesAgent({ apiKey: KEY, trackAiRequest, ...options });
    expect(create).toThrow(InvalidOptionError);
    expect(create).toThrow(reason);
    expect(create).toThrow(
      expect.objectContaining({ message: expect.not.stringMatching("hunter2") }),
    );
  });

  test("decide who decides: a model when there is a key, else the rules", () => {
    expect(chooseAgent({ apiKey: KEY, trackAiRequest }).model).toBe("claude-haiku-4-5");
    expect(chooseAgent({ apiKey: "", trackAiRequest }).model).toBe("rules-sma-20-50");
    expect(chooseAgent({ trackAiRequest, model: "claude-opus-5" }).model).toBe("rules-sma-20-50");
  });
});

/** Calls back so many turns of the event loop later. */
function afterTurns(turns: number, then: () => void): void {
  if (turns === 0) then();
  else setImmediate(() => afterTurns(turns - 1, then));
}
