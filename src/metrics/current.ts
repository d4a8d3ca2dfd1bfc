import { AsyncLocalStorage } from "node:async_hooks";
import { createMetricSet, type MetricSet } from "./metric-set.ts";

/**
 * Where a helper writes: to the run that it is called in, else to the process's own set (the one
 * that `/metrics` serves). So code is instrumented once and serves a live server and a backtest.
 */
const storage = new AsyncLocalStorage<MetricSet>();

/** What is written outside of any run. One per process. */
export const processMetricSet: MetricSet = createMetricSet();

let served = false;

export function currentMetricSet(): MetricSet {
  return storage.getStore() ?? processMetricSet;
}

/** Runs `body`, and everything it starts, with `set` as the current one. */
export function withMetricSet<T>(set: MetricSet, body: () => T): T {
  return storage.run(set, body);
}

/** From now on the process's own set belongs to a scraper: no run may take what it holds. */
export function serveProcessMetricSet(): MetricSet {
  served = true;
  return processMetricSet;
}

export function isProcessMetricSetServed(): boolean {
  return served;
}
