import type { PortfolioReading } from "../../../src/sources/portfolio/portfolio.ts";

/*
 * What happens on the simulated day, as plain data: the truth that panels are held to is added up from
 * it, and the programs that report are told to do it. Times are Unix seconds.
 */

export type DayKind = "good" | "bad";

export const HOUR = 3600;
export const MINUTE = 60;

/** A Monday, 23:00 UTC. One hour of the day is yesterday's, for what says "today". */
export const BEGIN = unix("2026-11-23T23:00Z");
export const MIDNIGHT = unix("2026-11-24T00:00Z");
/** Half an hour after the backtest of the day. */
export const END = unix("2026-11-24T23:00Z");

export const SCRAPE_SECONDS = 60;
/** Scrapes and looks of the reporter lie between the minutes, as everybody's clocks do. */
export const SCRAPE_OFFSET = 15;
export const LOOK_OFFSET = 40;
/** Less often than the catalogue has it, and still within what it allows: a look takes a while. */
export const LOOK_SECONDS = 180;

export type Model = "claude-haiku-4-5" | "claude-sonnet-4-5" | "claude-next-1";

/** USD per million tokens, as the system's owner has configured them. One model has no price. */
export const PRICES: Readonly<
  Partial<Record<Model, { readonly input: number; readonly output: number }>>
> = {
  "claude-haiku-4-5": { input: 1, output: 5 },
  "claude-sonnet-4-5": { input: 3, output: 15 },
};

export type Call = {
  readonly model: Model;
  readonly outcome: "succeeded" | "failed";
  readonly seconds: number;
  readonly input: number;
  readonly output: number;
};

export type Action = "BUY" | "SELL" | "HOLD";
export type Decision = {
  readonly ticker: string;
  readonly action: Action;
  readonly conviction: number;
};
export type Trade = { readonly ticker: string; readonly side: "BUY" | "SELL" };
export type Check = { readonly rule: string; readonly passed: boolean };

/** What a program does in one go. */
export type Work = {
  readonly calls: readonly Call[];
  readonly decisions: readonly Decision[];
  readonly hits: { readonly L1_Redis: number; readonly L2_TimescaleDB: number };
  readonly misses: number;
  /** Seconds of each query of the feature store. */
  readonly queries: readonly number[];
  readonly calculations: readonly { readonly feature: string; readonly seconds: number }[];
  readonly trades: readonly Trade[];
  readonly checks: readonly Check[];
};

export const IDLE: Work = {
  calls: [],
  decisions: [],
  hits: { L1_Redis: 0, L2_TimescaleDB: 0 },
  misses: 0,
  queries: [],
  calculations: [],
  trades: [],
  checks: [],
};

export type Run = {
  readonly job: string;
  readonly labels: Readonly<Record<string, string>> & { readonly mode: string };
  readonly startsAt: number;
  readonly endsAt: number;
  readonly outcome: "succeeded" | "failed";
  readonly work: Work;
};

/** What the long-running trading system does at a moment; Prometheus scrapes it itself. */
export type Moment = { readonly at: number; readonly work: Work };

export type Plan = {
  readonly kind: DayKind;
  readonly runs: readonly Run[];
  readonly moments: readonly Moment[];
  readonly accountAt: (time: number) => PortfolioReading;
  readonly isHaltedAt: (time: number) => boolean;
  /** Sources of the reporter that answer. */
  readonly isUpAt: (source: Source, time: number) => boolean;
  readonly isLookingAt: (time: number) => boolean;
  readonly isGatewayUpAt: (time: number) => boolean;
};

export const SOURCES = ["portfolio", "timescale", "redis", "kill_switch", "app_start"] as const;
export type Source = (typeof SOURCES)[number];

/** When the trading application was started. */
export const APP_STARTED_AT = unix("2026-11-22T08:00Z");

export const TRACKING = { timeZone: "UTC", startCapital: 80_000 } as const;

const BACKTEST = { mode: "backtest", strategy: "momentum-20d" } as const;
const REVERSION = { mode: "backtest", strategy: "reversion-5d" } as const;

export function planOf(kind: DayKind): Plan {
  const isBad = kind === "bad";
  const runs: Run[] = [
    // Friday's: Monday's did not come.
    backtest(BACKTEST, "2026-11-20T22:30:00Z", 1),
    backtest(REVERSION, "2026-11-23T12:00:00Z", 2),
    analysis("2026-11-23T14:45:00Z", 3),
    // Yesterday's, within the day's range.
    backtest(REVERSION, "2026-11-23T23:25:00Z", 4),
  ];
  if (isBad) {
    // Hangs for longer than its 15 minutes, and fails.
    runs.push(analysis("2026-11-24T14:45:00Z", 5, { outcome: "failed", seconds: 1520 }));
  } else {
    // Monday's, late: Tuesday, 03:10.
    runs.push(backtest(BACKTEST, "2026-11-24T03:10:00Z", 6));
    runs.push(analysis("2026-11-24T14:45:00Z", 5, { outcome: "failed", seconds: 65 }));
    runs.push(analysis("2026-11-24T14:50:00Z", 7));
    runs.push(backtest(BACKTEST, "2026-11-24T22:30:00Z", 8));
  }
  for (let at = BEGIN - 40 * MINUTE; at < END; at += 2 * HOUR) {
    // 22:20, 00:20, 02:20 and so on.
    const isWorse = isBad && at >= unix("2026-11-24T20:00Z");
    runs.push(research(at, isWorse));
  }
  for (let at = BEGIN - 25 * MINUTE; at < END; at += HOUR) runs.push(execution(at));
  return {
    kind,
    runs: runs.sort((a, b) => a.startsAt - b.startsAt),
    moments: momentsOf(),
    accountAt: (time) => accountAt(kind, time),
    isHaltedAt: (time) => isBad && time >= HALTED_AT,
    isUpAt: (source, time) =>
      !isBad || OUTAGES.every((outage) => outage.source !== source || !isWithin(time, outage)),
    isLookingAt: (time) => !isBad || !isWithin(time, SILENCE),
    isGatewayUpAt: (time) => !isBad || !isWithin(time, GATEWAY_OUTAGE),
  };
}

type Span = { readonly from: number; readonly to: number };

export function isWithin(time: number, { from, to }: Span): boolean {
  return time >= from && time < to;
}

/** Of the bad day. */
export const HALTED_AT = unix("2026-11-24T21:30Z");
export const OUTAGES: readonly (Span & { readonly source: Source })[] = [
  { source: "kill_switch", from: unix("2026-11-24T04:00Z"), to: unix("2026-11-24T04:10Z") },
  { source: "redis", from: unix("2026-11-24T21:00Z"), to: Number.POSITIVE_INFINITY },
  { source: "app_start", from: unix("2026-11-24T22:30Z"), to: Number.POSITIVE_INFINITY },
];
/**
 * Somebody pushes a family of the reporter's with another type while the reporter does not have it, so
 * that the gateway refuses the reporter from when it can read the switch again until that is removed.
 */
export const ROGUE = { from: unix("2026-11-24T04:05Z"), to: unix("2026-11-24T04:30Z") };
export const REFUSED: Span = { from: unix("2026-11-24T04:10Z"), to: ROGUE.to };
/** The reporter does not look. */
export const SILENCE: Span = { from: unix("2026-11-24T08:00Z"), to: unix("2026-11-24T08:20Z") };
/** Prometheus cannot scrape the gateway. */
export const GATEWAY_OUTAGE: Span = {
  from: unix("2026-11-24T10:00Z"),
  to: unix("2026-11-24T10:08Z"),
};

/** From each time on: equity, and deposits less withdrawals. Exact in two decimals. */
export const ACCOUNT: Readonly<
  Record<DayKind, readonly (readonly [at: number, equity: number, flows: number])[]>
> = {
  good: [
    [0, 100_000, 0],
    // +4 %
    [unix("2026-11-24T02:00Z"), 104_000, 0],
    // -2.5 %
    [unix("2026-11-24T07:00Z"), 101_400, 0],
    // A deposit of 10,000, no profit.
    [unix("2026-11-24T11:00Z"), 111_400, 10_000],
    // +5 %
    [unix("2026-11-24T15:00Z"), 116_970, 10_000],
    // -1 %
    [unix("2026-11-24T19:00Z"), 115_800.3, 10_000],
  ],
  bad: [
    [0, 100_000, 0],
    [unix("2026-11-24T02:00Z"), 104_000, 0],
    [unix("2026-11-24T11:00Z"), 114_000, 10_000],
    // -5 %
    [unix("2026-11-24T15:00Z"), 108_300, 10_000],
    // -8 %, which makes -12.6 % from the peak.
    [unix("2026-11-24T18:00Z"), 99_636, 10_000],
  ],
};

function accountAt(kind: DayKind, time: number): PortfolioReading {
  const [, equity, cashFlowTotal] = ACCOUNT[kind].findLast(([at]) => at <= time) ?? [0, 0, 0];
  return { equity, cash: equity / 10, positions: 6, cashFlowTotal, currency: "USD" };
}

function backtest(labels: Run["labels"], start: string, seed: number): Run {
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
function analysis(
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

const FEATURES = ["rsi_14", "momentum_20d", "volatility_60d"] as const;

/** A job that no catalogue knows. */
function research(startsAt: number, isWorse: boolean): Run {
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
function execution(startsAt: number): Run {
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
function momentsOf(): readonly Moment[] {
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

/** Unix seconds of a time such as `2026-11-24T02:00Z`. */
export function unix(time: string): number {
  return Date.parse(time) / 1000;
}
