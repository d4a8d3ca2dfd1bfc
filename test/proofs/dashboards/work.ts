export type Model = "claude-haiku-4-5" | "claude-sonnet-4-5" | "claude-next-1";

/** USD per million tokens, as the system's owner has configured them. One model has no price. */
export const PRICES: Readonly<Record<string, { readonly input: number; readonly output: number }>> =
  {
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
