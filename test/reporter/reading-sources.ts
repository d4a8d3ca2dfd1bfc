import type { PortfolioReading } from "../../src/sources/portfolio/portfolio.ts";
import type { Reading, Source } from "../../src/sources/source.ts";

/** A source that answers at once. */
export function answering<T>(name: string, value: T): Source<T> {
  return { name, read: async () => value };
}

export function failing<T>(name: string, problem = "refused"): Source<T> {
  return {
    name,
    async read() {
      throw new Error(problem);
    },
  };
}

/** A source that pays no heed to its signal and never answers. */
export function hanging<T>(name: string, timeoutMs = 60_000): Source<T> {
  return { name, timeoutMs, read: () => new Promise(() => {}) };
}

/** A source that answers when it is told to. */
export function held<T>(name: string, value: T) {
  let release: () => void = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const source: Source<T> = {
    name,
    async read() {
      await released;
      return value;
    },
  };
  return { source, release };
}

export function read<T>(source: string, value: T): Reading<T> {
  return { source, seconds: 0.25, status: "read", value };
}

export function failed<T>(source: string): Reading<T> {
  return { source, seconds: 0.5, status: "failed", error: new Error("refused") };
}

export const PORTFOLIO: PortfolioReading = {
  equity: 10_500,
  cash: 500,
  positions: 3,
  currency: "EUR",
  isTradingBlocked: true,
};
