import Anthropic, { type ClientOptions } from "@anthropic-ai/sdk";
import { createInstrumentAnthropic } from "../../src/ai-pricing/anthropic.ts";
import { createSpendingOf } from "../../src/ai-pricing/spending.ts";
import { createTrackAiRequest } from "../../src/ai-pricing/track.ts";
import { withMetricSet } from "../../src/metrics/current.ts";
import { createMetricSet, type MetricSet } from "../../src/metrics/metric-set.ts";
import { exposedCounts } from "../metrics/exposed.ts";
import type { MessagesApi } from "../support/messages-api.ts";

export const spendingOf = createSpendingOf(() => ({}));

export const instrumentAnthropic = createInstrumentAnthropic(spendingOf);

export const trackAiRequest = createTrackAiRequest(spendingOf);

/** 1 USD per million tokens in, 5 out; a token from its cache 0.1, one written to it 1.25. */
export const MODEL = "claude-haiku-4-5";

export const params = {
  model: MODEL,
  max_tokens: 100,
  messages: [{ role: "user" as const, content: "Buy?" }],
};

/** What 1,000 tokens in and 200 out cost. */
export const USAGE = { input_tokens: 1000, output_tokens: 200 };

export const USD = 0.002;

/** The figures of a request that had {@link USAGE} and went well. */
export const ONE = {
  requests: 1,
  succeeded: 1,
  latencies: 1,
  usd: USD,
  tokens: { input: 1000, output: 200 },
};

/** An SDK client as it comes, which neither retries nor logs. */
export function bareClient({ url }: MessagesApi, options: ClientOptions = {}): Anthropic {
  const quiet = { maxRetries: 0, logLevel: "off" } as const;
  return new Anthropic({ apiKey: "test", baseURL: url, ...quiet, ...options });
}

export function meteredClient(api: MessagesApi, options: ClientOptions = {}): Anthropic {
  return instrumentAnthropic(bareClient(api, options));
}

/** What a run reports about one model. What it does not report is absent, and so are types without tokens. */
export type Figures = {
  readonly requests?: number;
  readonly succeeded?: number;
  readonly failed?: number;
  readonly aborted?: number;
  readonly latencies?: number;
  readonly usd?: number;
  readonly unpriced?: number;
  readonly refused?: number;
  readonly tokens?: Readonly<Record<string, number>>;
};

const FIGURES: Readonly<Record<string, keyof Figures>> = {
  ai_api_requests_total: "requests",
  ai_api_latency_seconds_count: "latencies",
  ai_api_cost_usd_total: "usd",
  ai_api_unpriced_requests_total: "unpriced",
};

export function figuresOf(set: Pick<MetricSet, "families">, model: string = MODEL): Figures {
  const figures: Record<string, unknown> = {};
  const tokens: Record<string, number> = {};
  for (const line of exposedCounts(set)) {
    const [, name = "", labels = "", value] = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
    if (name === "closing_bell_refused_updates_total") figures["refused"] = Number(value);
    if (!labels.includes(`model_name="${model}"`)) continue;
    const [, what] = /(?:outcome|token_type)="(\w+)"/.exec(labels) ?? [];
    const figure = FIGURES[name] ?? what ?? name;
    if (name !== "ai_api_tokens_total") figures[figure] = Number(value);
    else if (value !== "0") tokens[figure] = Number(value);
  }
  return Object.keys(tokens).length === 0 ? figures : { ...figures, tokens };
}

/** Runs `body` in a run of its own and gives what that came to when all was settled. */
export async function metered<T>(
  body: (set: MetricSet) => T | Promise<T>,
): Promise<{ readonly result: T; readonly set: MetricSet; readonly figures: Figures }> {
  const set = createMetricSet();
  const result = await withMetricSet(set, async () => body(set));
  await set.settled();
  return { result, set, figures: figuresOf(set) };
}

export async function collect<T>(items: AsyncIterable<T>): Promise<readonly T[]> {
  const collected: T[] = [];
  for await (const item of items) collected.push(item);
  return collected;
}
