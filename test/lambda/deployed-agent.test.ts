import { expect, test } from "@jest/globals";
import type { ParameterStore } from "../../src/config/ssm/parameter-store.ts";
import type { TrackAiRequest } from "../../src/jobs/analysis/agent.ts";
import { deployedAgent } from "../../src/lambda/deployed-agent.ts";
import { serve, type TestServer } from "../support/http-server.ts";

const trackAiRequest: TrackAiRequest = (_model, call) => call();

const QUESTION = { ticker: "AAPL", day: "2026-11-20", close: 7, recent: [] };
const GOES_ON = { signal: new AbortController().signal };

/** A Messages API that tells who asked, as the decision's reason. */
function startApi(): Promise<TestServer> {
  return serve((request, response) => {
    const reason = `${request.headers["x-api-key"]}`;
    const text = JSON.stringify({ action: "HOLD", conviction: 0.5, reason });
    response.writeHead(200, { "content-type": "application/json" }).end(
      JSON.stringify({
        type: "message",
        role: "assistant",
        model: "claude-haiku-4-5",
        stop_reason: "end_turn",
        content: [{ type: "text", text }],
        usage: { input_tokens: 1, output_tokens: 1 },
      }),
    );
  });
}

/** Parameters, and how often they were read. */
function storeOf(parameters: Map<string, string>) {
  const reads: string[][] = [];
  const store: Pick<ParameterStore, "read"> = {
    async read(names) {
      reads.push([...names]);
      return new Map(names.map((name) => [name, parameters.get(name) ?? ""]));
    },
  };
  return { store, reads };
}

test("without a key rules decide, and nothing is fetched", async () => {
  const { store, reads } = storeOf(new Map());
  const agent = deployedAgent({ env: {}, store, trackAiRequest });
  agent.prepare();

  expect([agent.model, reads]).toEqual(["rules-sma-20-50", []]);
});

test("a key in the environment is used as it is", () => {
  const { store, reads } = storeOf(new Map());
  const env = { ANTHROPIC_API_KEY: "k", ANTHROPIC_MODEL: "claude-opus-5" };

  expect(deployedAgent({ env, store, trackAiRequest }).model).toBe("claude-opus-5");
  expect(reads).toEqual([]);
});

test("a key in SSM is read when it is prepared, and the newest is sent", async () => {
  const api = await startApi();
  try {
    const parameters = new Map([["/cb/key", "first"]]);
    const { store, reads } = storeOf(parameters);
    const env = { ANTHROPIC_API_KEY_PARAMETER: "/cb/key", ANTHROPIC_BASE_URL: api.url.href };
    const agent = deployedAgent({ env, store, trackAiRequest });

    expect(agent.model).toBe("claude-haiku-4-5");
    expect(reads).toEqual([]);
    agent.prepare();
    expect(reads).toEqual([["/cb/key"]]);
    expect(await agent.decide(QUESTION, GOES_ON)).toMatchObject({ reason: "first" });
    parameters.set("/cb/key", "second");
    expect(await agent.decide(QUESTION, GOES_ON)).toMatchObject({ reason: "second" });
  } finally {
    await api.close();
  }
});

test("a parameter without a key makes each decision fail, and says which it is", async () => {
  const { store } = storeOf(new Map());
  const env = { ANTHROPIC_API_KEY_PARAMETER: "/cb/key" };
  const agent = deployedAgent({ env, store, trackAiRequest });
  agent.prepare();

  await expect(agent.decide(QUESTION, GOES_ON)).rejects.toThrow(
    "the SSM parameter /cb/key is empty",
  );
});
