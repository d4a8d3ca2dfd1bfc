import type { Agent, Decision, Question } from "./agent.ts";
import type { DayFeatures } from "./features.ts";

/** Name of the rules, where a model's name would be. */
export const RULES_MODEL = "rules-sma-20-50";

/**
 * Decides by rules, without any model: with the trend while the 20-day average is on one side of the
 * 50-day average and momentum agrees, else not at all. The same question has the same answer.
 *
 * It asks no API, so no AI request is counted for it.
 */
export function createRuleAgent(): Agent {
  return {
    model: RULES_MODEL,
    decide: async (question) => decideByRules(question),
  };
}

/**
 * Conviction is the distance d between the averages, as a share, held against a day's volatility v:
 * d / (d + v). It is 0 at the crossing, 0.5 a day's volatility away from it and near 1 far out, and
 * reaches the 0.7 that a purchase takes at 2.3 days' volatility. What holds with it is the rest to 1.
 */
export function decideByRules({ recent }: Pick<Question, "recent">): Decision {
  const today = recent.at(-1);
  if (today === undefined) throw new RangeError("a question without features has no answer");
  const trend = trendOf(today);
  const distance = Math.abs(trend);
  const conviction = distance === 0 ? 0 : distance / (distance + today.vol_60d);
  const reason = reasonOf(recent, today);
  const agrees = Math.sign(trend) === Math.sign(today.mom_20d);
  if (trend > 0 && agrees) return { action: "BUY", conviction, reason };
  if (trend < 0 && agrees) return { action: "SELL", conviction, reason };
  return { action: "HOLD", conviction: 1 - conviction, reason };
}

/** How far the short average is above the long one, as a share. */
function trendOf({ sma_20, sma_50 }: DayFeatures): number {
  return sma_20 / sma_50 - 1;
}

function reasonOf(recent: readonly DayFeatures[], today: DayFeatures): string {
  const crossed = recent.findLast((each, index) => {
    const before = recent[index - 1];
    return before !== undefined && Math.sign(trendOf(each)) !== Math.sign(trendOf(before));
  });
  const crossing = crossed === undefined ? "" : `, crossed on ${crossed.day}`;
  return `sma_20 is ${percent(trendOf(today))} from sma_50${crossing}; mom_20d is ${percent(today.mom_20d)}`;
}

function percent(share: number): string {
  return `${share < 0 ? "" : "+"}${(share * 100).toFixed(2)} %`;
}
