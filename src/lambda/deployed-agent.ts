import type { ParameterStore } from "../config/ssm/parameter-store.ts";
import { ConfigError } from "../errors.ts";
import type { Agent, TrackAiRequest } from "../jobs/analysis/agent.ts";
import {
  chooseAgent,
  createMessagesAgent,
  DEFAULT_MODEL,
} from "../jobs/analysis/messages-agent.ts";

export type DeployedAgentOptions = {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly store: Pick<ParameterStore, "read">;
  readonly trackAiRequest: TrackAiRequest;
};

/** An agent whose key may be fetched, and how to begin with that before it is asked. */
export type DeployedAgent = Agent & { readonly prepare: () => void };

/**
 * The agent that the environment names: behind Anthropic's Messages API with `ANTHROPIC_API_KEY`, or
 * with the key in the SSM parameter `ANTHROPIC_API_KEY_PARAMETER`; without either the one that decides
 * by rules. `ANTHROPIC_MODEL` and `ANTHROPIC_BASE_URL` as its SDK has them.
 *
 * A key that cannot be fetched makes the decisions fail, with the reason.
 */
export function deployedAgent({ env, store, trackAiRequest }: DeployedAgentOptions): DeployedAgent {
  const { ANTHROPIC_MODEL, ANTHROPIC_BASE_URL } = env;
  const model = ANTHROPIC_MODEL || DEFAULT_MODEL;
  const options = {
    trackAiRequest,
    model,
    ...(ANTHROPIC_BASE_URL ? { baseUrl: ANTHROPIC_BASE_URL } : {}),
  };
  const { ANTHROPIC_API_KEY: apiKey, ANTHROPIC_API_KEY_PARAMETER: parameter } = env;
  if (apiKey || !parameter) {
    return { ...chooseAgent({ ...options, apiKey }), prepare: () => {} };
  }

  let known: { readonly key: string; readonly agent: Agent } | undefined;
  /** The store keeps the key for a while, so that one that was rotated is seen. */
  async function current(signal?: AbortSignal): Promise<Agent> {
    const values = await store.read([parameter ?? ""], signal === undefined ? {} : { signal });
    const key = values.get(parameter ?? "");
    if (!key) throw new ConfigError([`the SSM parameter ${parameter} is empty: it has no API key`]);
    if (known?.key !== key)
      known = { key, agent: createMessagesAgent({ ...options, apiKey: key }) };
    return known.agent;
  }
  return {
    model,
    decide: async (question, context) => (await current(context.signal)).decide(question, context),
    prepare: () => {
      // Whoever asks hears of what is wrong.
      current().catch(() => {});
    },
  };
}
