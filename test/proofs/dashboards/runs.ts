import { BEGIN, END, MINUTE, unix } from "./times.ts";
import {
  type Call,
  type Check,
  type Decision,
  IDLE,
  type Model,
  type Moment,
  type Run,
  type Trade,
} from "./work.ts";

/*
 * What each program does on the day, made up of numbers that look random and are the same each time.
 */

export const BACKTEST = { mode: "backtest", strategy: "momentum-20d" } as const;
export const REVERSION = { mode: "backtest", strategy: "reversion-5d" } as const;

const FEATURES = ["rsi_14", "momentum_20d", "volatility_60d"] as const;

export function backtest(labels: Run["labels"], start: string, seed: number): Run {
  const random = numbers(seed);
  const startsAt = unix(start);
  return {
    job: "backtest",
    labels,
    startsAt,
    endsAt: startsAt + 95,
    outcome: "succeeded",
    work: {
      ...IDLE,
      hits: { L1_Redis: 300, L2_TimescaleDB: 40 },
      misses: 20,
      queries: times(40, () => 0.0005 + 0.004 * random()),
      trades: tradesOf(random, 30),
    },
  };
}

/** One call after the other, of both models. */
export function analysis(
  start: string,
  seed: number,
  {
    outcome = "succeeded",
    seconds = 140,
  }: { readonly outcome?: Run["outcome"]; readonly seconds?: number } = {},
): Run {
  const random = numbers(seed);
  const startsAt = unix(start);
  const calls = times(
    24,
    (index): Call => call(random, index % 3 === 0 ? "claude-sonnet-4-5" : "claude-haiku-4-5"),
  );
  return {
    job: "analysis",
    labels: { mode: "paper" },
    startsAt,
    endsAt: startsAt + seconds,
    outcome,
    work: {
      ...IDLE,
      calls,
      decisions: outcome === "succeeded" ? decisionsOf(random, 12) : [],
      hits: { L1_Redis: 180, L2_TimescaleDB: 25 },
      misses: 15,
      queries: times(30, () => 0.001 + 0.03 * random()),
      checks: checksOf(random, 20),
    },
  };
}

/** A job that no catalogue knows. */
export function research(startsAt: number, isWorse: boolean): Run {
  const random = numbers(startsAt);
  const calls = times(18, (index): Call => {
    const made = call(random, index % 2 === 0 ? "claude-sonnet-4-5" : "claude-haiku-4-5");
    // Ten times the tokens: somebody has put whole filings into the prompt.
    return isWorse ? { ...made, seconds: made.seconds * 3, input: made.input * 10 } : made;
  });
  const unpriced = { ...call(random, "claude-next-1"), outcome: "succeeded" } as const;
  return {
    job: "research",
    labels: { mode: "paper" },
    startsAt,
    endsAt: startsAt + 75,
    outcome: "succeeded",
    work: {
      ...IDLE,
      calls: isWorse ? [...calls, unpriced, unpriced] : calls,
      decisions: decisionsOf(random, 9),
      hits: { L1_Redis: isWorse ? 20 : 90, L2_TimescaleDB: 20 },
      misses: isWorse ? 60 : 8,
      queries: times(20, () => (isWorse ? 0.04 : 0.001) + 0.02 * random()),
      checks: checksOf(random, 9),
    },
  };
}

/** Live orders, each hour: a short job that no catalogue knows either. */
export function execution(startsAt: number): Run {
  const random = numbers(startsAt);
  const trades = tradesOf(random, 2 + Math.floor(random() * 4));
  return {
    job: "execution",
    labels: { mode: "live" },
    startsAt,
    endsAt: startsAt + 20,
    outcome: "succeeded",
    work: {
      ...IDLE,
      trades,
      checks: checksOf(random, 12),
      queries: times(10, () => 0.001 + 0.02 * random()),
      calculations: times(6, (index) => ({
        feature: FEATURES[index % FEATURES.length] ?? "",
        seconds: 0.02 + 0.3 * random(),
      })),
      hits: { L1_Redis: 40, L2_TimescaleDB: 5 },
      misses: 3,
    },
  };
}

/** The trading system itself, every ten minutes; once before the day, so that its counters are there. */
export function momentsOf(): readonly Moment[] {
  const moments: Moment[] = [];
  for (let at = BEGIN - 9 * MINUTE; at < END; at += 10 * MINUTE) {
    const random = numbers(at);
    moments.push({
      at,
      work: {
        ...IDLE,
        trades: [
          { ticker: "AAPL", side: "BUY" },
          { ticker: "MSFT", side: "SELL" },
        ],
        hits: { L1_Redis: 6, L2_TimescaleDB: 1 },
        misses: 0,
        queries: times(5, () => 0.001 + 0.01 * random()),
        checks: [{ rule: "max_position_size", passed: true }],
      },
    });
  }
  return moments;
}

function call(random: () => number, model: Model): Call {
  const isFailed = random() < 0.06;
  return {
    model,
    outcome: isFailed ? "failed" : "succeeded",
    // Mostly a second or three, some of them long.
    seconds: round(
      model === "claude-haiku-4-5" ? 0.3 + 1.5 * random() ** 2 : 1.2 + 7 * random() ** 3,
    ),
    input: 800 + Math.floor(2400 * random()),
    output: 120 + Math.floor(480 * random()),
  };
}

const TICKERS = ["AAPL", "MSFT", "NVDA"] as const;

function decisionsOf(random: () => number, count: number): readonly Decision[] {
  return times(count, (index) => {
    const action = (["BUY", "HOLD", "SELL", "HOLD"] as const)[Math.floor(random() * 4)] ?? "HOLD";
    // Between the bounds of buckets, where nobody can be unsure.
    const conviction = 0.35 + 0.1 * Math.floor(random() * 6) + 0.02 * random();
    return { ticker: TICKERS[index % TICKERS.length] ?? "", action, conviction: round(conviction) };
  });
}

function tradesOf(random: () => number, count: number): readonly Trade[] {
  return times(count, (index) => ({
    ticker: TICKERS[index % TICKERS.length] ?? "",
    side: random() < 0.6 ? "BUY" : "SELL",
  }));
}

const RULES = ["max_position_size", "max_positions", "conviction_threshold"] as const;

function checksOf(random: () => number, count: number): readonly Check[] {
  return times(count, (index) => ({
    rule: RULES[index % RULES.length] ?? "",
    passed: random() > 0.12,
  }));
}

function times<T>(count: number, make: (index: number) => T): readonly T[] {
  return Array.from({ length: count }, (_, index) => make(index));
}

/** Whole thousandths: sums of them are what they look like. */
function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
function numbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
