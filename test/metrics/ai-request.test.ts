import { describe, expect, test } from "@jest/globals";
import {
  type AiCost,
  type AiRequest,
  type AiSpending,
  openAiRequest,
  recordSpending,
} from "../../src/metrics/ai-request.ts";
import { withMetricSet } from "../../src/metrics/current.ts";
import { createMetricSet, type MetricSet } from "../../src/metrics/metric-set.ts";
import { exposedCounts } from "./exposed.ts";

const REQUEST = 'ai_api_requests_total{model_name="haiku"} 1';
const LATENCY = 'ai_api_latency_seconds_count{model_name="haiku"} 1';
const UNPRICED = 'ai_api_unpriced_requests_total{model_name="haiku"} 1';
const REFUSED = "closing_bell_refused_updates_total 1";
const LIST = 'closing_bell_ai_pricing_info{package="list",version="1"} 1';

function outcome(value: string): string {
  return `ai_api_request_outcomes_total{model_name="haiku",outcome="${value}"} 1`;
}

function cost(usd: number): string {
  return `ai_api_cost_usd_total{model_name="haiku"} ${usd}`;
}

function tokens(type: string, count: number): string {
  return `ai_api_tokens_total{model_name="haiku",token_type="${type}"} ${count}`;
}

function spending(given: AiCost | Error, count = 5): AiSpending {
  const known = given instanceof Error ? Promise.reject(given) : Promise.resolve(given);
  known.catch(() => undefined);
  return { tokens: { input: count, output: 0 }, cost: known };
}

const TOKENS = [tokens("input", 5), tokens("output", 0)];
const WHOLE: AiCost = { usd: 0.25, isWhole: true, priceList: { name: "list", version: "1" } };

/** What a set holds after `act` was done to a request in it, and all costs were worked out. */
async function after(
  act: (request: AiRequest, set: MetricSet) => void,
): Promise<readonly string[]> {
  const set = createMetricSet();
  act(
    withMetricSet(set, () => openAiRequest("haiku")),
    set,
  );
  await set.settled();
  return exposedCounts(set);
}

describe("a request to a model", () => {
  test("counts nothing before it ends", async () => {
    expect(await after((request) => request.spend(spending(WHOLE)))).toEqual([]);
  });

  test.each(["succeeded", "failed", "aborted"] as const)("that has %s counts once", async (how) => {
    const lines = await after((request) => {
      expect(request.hasEnded()).toBe(false);
      request.spend(spending(WHOLE));
      request.end(how);
      request.end("failed");
      request.end("succeeded");
      expect(request.hasEnded()).toBe(true);
    });
    expect(lines).toEqual([REQUEST, outcome(how), LATENCY, ...TOKENS, cost(0.25), LIST]);
  });

  test("whose answer arrived is counted then, and once", async () => {
    const lines = await after((request, set) => {
      request.arrived();
      request.arrived();
      expect(exposedCounts(set)).toEqual([REQUEST]);
      request.end("aborted");
      request.arrived();
    });
    expect(lines.filter((line) => line.startsWith("ai_api_requests_total"))).toEqual([REQUEST]);
    expect(lines).toContain(outcome("aborted"));
  });

  test.each<{ name: string; costs: readonly (AiCost | Error)[]; lines: readonly string[] }>([
    {
      name: "at the prices of the user's own names no list",
      costs: [{ usd: 0.25, isWhole: true }],
      lines: [...TOKENS, cost(0.25)],
    },
    {
      name: "that was free cost 0",
      costs: [{ usd: 0, isWhole: true }],
      lines: [...TOKENS, cost(0)],
    },
    {
      name: "without a price costs nothing, not even 0, and is an unpriced one",
      costs: [{ isWhole: false }],
      lines: [...TOKENS, UNPRICED],
    },
    {
      name: "with a price of a part costs that, and is an unpriced one",
      costs: [{ usd: 0.25, isWhole: false }],
      lines: [...TOKENS, cost(0.25), UNPRICED],
    },
    {
      name: "whose cost cannot be worked out is refused and unpriced, and its tokens are counted",
      costs: [new Error("no list")],
      lines: [...TOKENS, REFUSED, UNPRICED],
    },
    {
      name: "of several calls costs all of them",
      costs: [WHOLE, { usd: 0.5, isWhole: true }],
      lines: [tokens("input", 10), tokens("output", 0), cost(0.75), LIST],
    },
    {
      name: "of several calls, of which some have no price, is unpriced once",
      costs: [{ isWhole: false }, WHOLE, new Error("no list"), { isWhole: false }],
      lines: [tokens("input", 20), tokens("output", 0), cost(0.25), LIST, REFUSED, UNPRICED],
    },
  ])("$name", async ({ costs, lines }) => {
    const told = await after((request) => {
      for (const given of costs) request.spend(spending(given));
      expect(request.hasSpent()).toBe(true);
      request.end("succeeded");
    });
    expect(told).toEqual([REQUEST, outcome("succeeded"), LATENCY, ...lines]);
  });

  test("whose cost is no number is refused, and its tokens are counted", async () => {
    const lines = await after((request) => {
      request.spend(spending({ usd: Number.NaN, isWhole: true }));
      request.end("succeeded");
    });
    expect(lines).toEqual(
      expect.arrayContaining([REQUEST, outcome("succeeded"), ...TOKENS, REFUSED]),
    );
    expect(lines.join()).not.toContain("ai_api_cost_usd_total");
  });

  test("that the caller billed costs that and not its usage, whose tokens are counted", async () => {
    const lines = await after((request) => {
      expect(request.isBilled()).toBe(false);
      request.bill(1);
      request.bill(2);
      expect(request.isBilled()).toBe(true);
      request.spend(spending(WHOLE));
      request.end("succeeded");
    });
    expect(lines).toEqual([cost(3), REQUEST, outcome("succeeded"), LATENCY, ...TOKENS]);
  });

  test("pays for usage that comes after its end", async () => {
    const lines = await after((request) => {
      request.spend(spending(WHOLE));
      request.end("succeeded");
      request.spend(spending(WHOLE));
    });
    expect(lines).toContain(cost(0.5));
    expect(lines).not.toContain(UNPRICED);
  });

  test("whose bill is refused costs what its usage comes to", async () => {
    const lines = await after((request) => {
      request.bill(Number.NaN);
      expect(request.isBilled()).toBe(false);
      request.spend(spending(WHOLE));
      request.end("succeeded");
    });
    expect(lines).toContain(cost(0.25));
    expect(lines).toContain(REFUSED);
  });

  test.each<{ name: string; act: (request: AiRequest) => void; unpriced: boolean }>([
    {
      name: "that succeeded without usage is unpriced",
      act: (r) => r.end("succeeded"),
      unpriced: true,
    },
    {
      name: "that failed without usage cost nothing",
      act: (r) => r.end("failed"),
      unpriced: false,
    },
    {
      name: "that failed with usage that was refused is unpriced",
      act: (r) => {
        r.refuseUsage(new Error("no count"));
        r.end("failed");
      },
      unpriced: true,
    },
    {
      name: "that failed, whose bill alone was refused, cost nothing",
      act: (r) => {
        r.refuse(new Error("no number"));
        r.end("failed");
      },
      unpriced: false,
    },
    {
      name: "that was answered and then lost is unpriced",
      act: (r) => {
        r.arrived();
        r.end("failed");
      },
      unpriced: true,
    },
    {
      name: "of which a part has a price and a part was refused is unpriced",
      act: (r) => {
        r.spend(spending(WHOLE));
        r.refuseUsage(new Error("no count"));
        r.end("succeeded");
      },
      unpriced: true,
    },
  ])("$name", async ({ act, unpriced }) => {
    expect((await after(act)).includes(UNPRICED)).toBe(unpriced);
  });

  test("is paid by the run that it was opened in", async () => {
    const [payer, other] = [createMetricSet(), createMetricSet()];
    const request = withMetricSet(payer, () => openAiRequest("haiku"));
    withMetricSet(other, () => {
      request.spend(spending(WHOLE));
      request.end("succeeded");
      request.refuse(new Error("no"));
    });
    await Promise.all([payer.settled(), other.settled()]);
    expect(exposedCounts(payer)).toContain(cost(0.25));
    expect(payer.refusals()).toEqual(["no"]);
    expect(other.families()).toEqual([]);
  });

  test("with a cost that takes long is expected in the run until it is known", async () => {
    const set = createMetricSet();
    const request = withMetricSet(set, () => openAiRequest("haiku"));
    let tell: (cost: AiCost) => void = () => undefined;
    request.spend({ tokens: {}, cost: new Promise((resolve) => (tell = resolve)) });
    expect(set.isSettled()).toBe(true);
    request.end("succeeded");
    expect(set.isSettled()).toBe(false);
    tell(WHOLE);
    await set.settled();
    expect(set.isSettled()).toBe(true);
    expect(exposedCounts(set)).toContain(cost(0.25));
  });
});

describe("usage that has no call of its own", () => {
  async function recorded(given: AiCost | Error): Promise<readonly string[]> {
    const set = createMetricSet();
    withMetricSet(set, () => recordSpending("haiku", spending(given)));
    await set.settled();
    return exposedCounts(set);
  }

  test("is a request with its tokens and its cost, and no latency", async () => {
    const lines = [REQUEST, outcome("succeeded"), ...TOKENS, cost(0.25), LIST];
    expect(await recorded(WHOLE)).toEqual(lines);
  });

  test.each<{ name: string; given: AiCost | Error; lines: readonly string[] }>([
    { name: "without a price is unpriced", given: { isWhole: false }, lines: [UNPRICED] },
    {
      name: "whose cost cannot be worked out is refused and unpriced",
      given: new Error("no list"),
      lines: [REFUSED, UNPRICED],
    },
  ])("$name", async ({ given, lines }) => {
    expect(await recorded(given)).toEqual([REQUEST, outcome("succeeded"), ...TOKENS, ...lines]);
  });
});
