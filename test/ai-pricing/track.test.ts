import { setImmediate as turn } from "node:timers/promises";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { createSpendingOf } from "../../src/ai-pricing/spending.ts";
import { type Bill, createTrackAiRequest } from "../../src/ai-pricing/track.ts";
import { withMetricSet } from "../../src/metrics/current.ts";
import { createMetricSet } from "../../src/metrics/metric-set.ts";
import { exposedCounts } from "../metrics/exposed.ts";

const trackAiRequest = createTrackAiRequest(createSpendingOf(() => ({})));

const REQUEST = 'ai_api_requests_total{model_name="haiku"} 1';
const LATENCY = 'ai_api_latency_seconds_count{model_name="haiku"} 1';
const SUCCEEDED = 'ai_api_request_outcomes_total{model_name="haiku",outcome="succeeded"} 1';
const FAILED = 'ai_api_request_outcomes_total{model_name="haiku",outcome="failed"} 1';
const UNPRICED = 'ai_api_unpriced_requests_total{model_name="haiku"} 1';
const REFUSED = "closing_bell_refused_updates_total 1";

function cost(usd: number): string {
  return `ai_api_cost_usd_total{model_name="haiku"} ${usd}`;
}

describe("a request to a model", () => {
  test("is counted with its latency, and its answer is the call's own", async () => {
    const set = createMetricSet();
    const answer = { decision: "BUY" };
    const given = await withMetricSet(set, () => trackAiRequest("haiku", async () => answer));
    expect(given).toBe(answer);
    expect(exposedCounts(set)).toEqual([REQUEST, SUCCEEDED, LATENCY, UNPRICED]);
  });

  test("costs what its answer says, which is known only after the call", async () => {
    const set = createMetricSet();
    let usd = 0;
    const call = async () => {
      await turn();
      usd = 0.25;
      return "answer";
    };
    await withMetricSet(set, () => trackAiRequest("haiku", call, { costUsd: () => usd }));
    expect(exposedCounts(set)).toEqual([cost(0.25), REQUEST, SUCCEEDED, LATENCY]);
  });

  test.each<{ name: string; options: { costUsd?: number | (() => number | undefined) } }>([
    { name: "is not given", options: {} },
    { name: "cannot be read from the answer", options: { costUsd: () => undefined } },
  ])("has no cost, not even 0, when it $name", async ({ options }) => {
    const set = createMetricSet();
    await withMetricSet(set, () => trackAiRequest("haiku", () => "a", options));
    expect(exposedCounts(set)).toEqual([REQUEST, SUCCEEDED, LATENCY, UNPRICED]);
  });

  test("that was free cost 0", async () => {
    const set = createMetricSet();
    await withMetricSet(set, () => trackAiRequest("haiku", () => "a", { costUsd: 0 }));
    expect(exposedCounts(set)).toContain(cost(0));
  });

  test("may be synchronous", async () => {
    const set = createMetricSet();
    await expect(withMetricSet(set, () => trackAiRequest("haiku", () => 7))).resolves.toBe(7);
    expect(exposedCounts(set)).toEqual([REQUEST, SUCCEEDED, LATENCY, UNPRICED]);
  });

  test.each<{ name: string; call: (error: Error) => () => Promise<never> }>([
    {
      name: "rejects",
      call: (error) => async () => {
        await turn();
        throw error;
      },
    },
    {
      name: "throws at once",
      call: (error) => () => {
        throw error;
      },
    },
  ])("that $name is counted and not billed, and its error is its own", async ({ call }) => {
    const set = createMetricSet();
    const broken = new Error("overloaded");
    const tracked = withMetricSet(set, () =>
      trackAiRequest("haiku", call(broken), { costUsd: 0.5 }),
    );
    await expect(tracked).rejects.toBe(broken);
    expect(exposedCounts(set)).toEqual([REQUEST, FAILED, LATENCY]);
  });

  test("that fails after its usage came back is billed what it says", async () => {
    const set = createMetricSet();
    const cut = new Error("stream cut");
    const call = async (bill: Bill) => {
      bill(0.125);
      bill(0.25);
      throw cut;
    };
    const tracked = withMetricSet(set, () => trackAiRequest("haiku", call));
    await expect(tracked).rejects.toBe(cut);
    expect(exposedCounts(set)).toEqual([cost(0.375), REQUEST, FAILED, LATENCY]);
  });

  test("is paid by the run that made it, wherever its bill is written", async () => {
    const [payer, other] = [createMetricSet(), createMetricSet()];
    const call = (bill: Bill) => withMetricSet(other, () => bill(0.5));
    await withMetricSet(payer, () => trackAiRequest("haiku", call));
    expect(exposedCounts(payer)).toEqual([cost(0.5), REQUEST, SUCCEEDED, LATENCY]);
    expect(other.families()).toEqual([]);
  });

  test("is paid by the run that made it, wherever its answer is awaited", async () => {
    const [payer, other] = [createMetricSet(), createMetricSet()];
    let answer: (usd: number) => void = () => undefined;
    const pending = withMetricSet(payer, () =>
      trackAiRequest("haiku", () => new Promise<number>((resolve) => (answer = resolve)), {
        costUsd: (usd) => usd,
      }),
    );
    await withMetricSet(other, async () => {
      answer(0.5);
      await pending;
    });
    expect(exposedCounts(payer)).toEqual([cost(0.5), REQUEST, SUCCEEDED, LATENCY]);
    expect(other.families()).toEqual([]);
  });

  test.each<{ name: string; options: unknown; refusal: RegExp }>([
    {
      name: "whose cost is read by a function that throws",
      options: {
        costUsd: () => {
          throw new Error("no usage");
        },
      },
      refusal: /^no usage$/,
    },
    { name: "that cost NaN", options: { costUsd: Number.NaN }, refusal: /not a valid number: NaN/ },
    { name: "that cost text", options: { costUsd: () => "1" }, refusal: /not a valid number: 1/ },
    {
      name: "that cost less than nothing",
      options: { costUsd: -1 },
      refusal: /decrease a counter/,
    },
    {
      name: "with a misspelt option",
      options: { cost: 1 },
      refusal: /trackAiRequest: unknown key/,
    },
    { name: "with options that are none", options: null, refusal: /null/ },
  ])("$name keeps its answer; only the cost is refused", async ({ options, refusal }) => {
    const set = createMetricSet();
    const tracked = withMetricSet(set, () => trackAiRequest("haiku", () => 7, options as object));
    await expect(tracked).resolves.toBe(7);
    expect(exposedCounts(set)).toEqual([REFUSED, REQUEST, SUCCEEDED, LATENCY, UNPRICED]);
    expect(set.refusals()).toEqual([expect.stringMatching(refusal)]);
  });

  test("keeps its answer or its error, whatever its accounting does", async () => {
    const anything = fc.anything({ withNullPrototype: true, withBigInt: true });
    await fc.assert(
      fc.asyncProperty(
        anything,
        anything,
        fc.boolean(),
        fc.boolean(),
        async (answer, nonsense, accountingThrows, callThrows) => {
          const costUsd = () => {
            if (accountingThrows) throw nonsense;
            return nonsense as number;
          };
          const settled = withMetricSet(createMetricSet(), () =>
            trackAiRequest(
              "haiku",
              (bill) => {
                bill(nonsense as number);
                if (callThrows) throw answer;
                return { answer };
              },
              { costUsd },
            ),
          );
          const [outcome] = await Promise.allSettled([settled]);
          const expected = callThrows
            ? { status: "rejected", reason: answer }
            : { status: "fulfilled", value: { answer } };
          expect(outcome).toEqual(expected);
        },
      ),
      { numRuns: 1000 },
    );
  });
});
