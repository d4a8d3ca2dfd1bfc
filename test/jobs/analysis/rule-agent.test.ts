import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { DayFeatures } from "../../../src/jobs/analysis/features.ts";
import { createRuleAgent, decideByRules } from "../../../src/jobs/analysis/rule-agent.ts";

function day(sma_20: number, mom_20d: number, vol_60d = 0.01, on = "2020-01-02"): DayFeatures {
  return { day: on, sma_20, sma_50: 100, mom_20d, vol_60d };
}

describe("the rules", () => {
  test.each<{ name: string; today: DayFeatures; action: string; conviction: number }>([
    { name: "buy above, going up", today: day(103, 0.05), action: "BUY", conviction: 0.75 },
    { name: "sell below, going down", today: day(97, -0.05), action: "SELL", conviction: 0.75 },
    { name: "hold above, going down", today: day(103, -0.05), action: "HOLD", conviction: 0.25 },
    { name: "hold below, going up", today: day(97, 0.05), action: "HOLD", conviction: 0.25 },
    { name: "hold at the crossing", today: day(100, 0.05), action: "HOLD", conviction: 1 },
    { name: "hold where nothing moves", today: day(100, 0, 0), action: "HOLD", conviction: 1 },
    {
      name: "are sure where nothing sways",
      today: day(103, 0.05, 0),
      action: "BUY",
      conviction: 1,
    },
  ])("$name", ({ today, action, conviction }) => {
    const decision = decideByRules({ recent: [today] });
    expect(decision.action).toBe(action);
    expect(decision.conviction).toBeCloseTo(conviction, 12);
  });

  test.each<{ name: string; recent: DayFeatures[]; reason: string }>([
    {
      name: "where the averages stand",
      recent: [day(103, 0.0512), day(103, 0.0512)],
      reason: "sma_20 is +3.00 % from sma_50; mom_20d is +5.12 %",
    },
    {
      name: "when they crossed, the last time",
      recent: [
        day(99, 0, 0.01, "2020-01-02"),
        day(101, 0, 0.01, "2020-01-03"),
        day(99, 0, 0.01, "2020-01-06"),
        day(98, -0.01, 0.01, "2020-01-07"),
      ],
      reason: "sma_20 is -2.00 % from sma_50, crossed on 2020-01-06; mom_20d is -1.00 %",
    },
  ])("say $name", ({ recent, reason }) => {
    expect(decideByRules({ recent }).reason).toBe(reason);
  });

  test("have no answer to a question without figures", async () => {
    const question = { ticker: "A", day: "2020-01-02", close: 1, recent: [] };
    const { signal } = new AbortController();
    await expect(createRuleAgent().decide(question, { signal })).rejects.toThrow(RangeError);
  });

  test("decide with a conviction from 0 to 1, more of it the farther the averages are apart", () => {
    const positive = fc.double({ min: 1e-3, max: 1e6, noNaN: true });
    const change = fc.double({ min: -1, max: 1, noNaN: true });
    const vol = fc.double({ min: 0, max: 2, noNaN: true });
    fc.assert(
      fc.property(positive, change, vol, positive, (sma, momentum, vol_60d, further) => {
        const one = decideByRules({ recent: [day(sma, momentum, vol_60d)] });
        expect(one.conviction >= 0 && one.conviction <= 1).toBe(true);
        expect(one).toEqual(decideByRules({ recent: [day(sma, momentum, vol_60d)] }));
        if (one.action !== "BUY") return;
        const other = decideByRules({ recent: [day(sma + further, momentum, vol_60d)] });
        expect(other.action).toBe("BUY");
        expect(other.conviction).toBeGreaterThanOrEqual(one.conviction);
      }),
    );
  });
});
