import {
  Counter as PromCounter,
  Gauge as PromGauge,
  Histogram as PromHistogram,
  Registry,
} from "prom-client";
import { Counter } from "../../../src/metrics/instruments/counter.ts";
import { Gauge } from "../../../src/metrics/instruments/gauge.ts";
import { Histogram } from "../../../src/metrics/instruments/histogram.ts";

type Method = (...args: unknown[]) => void;

/** An instrument as JavaScript sees it, with whatever arguments. */
export type Untyped = {
  readonly inc: Method;
  readonly dec: Method;
  readonly set: Method;
  readonly observe: Method;
  readonly labels: (...args: unknown[]) => Untyped;
};

export type Kind = "counter" | "gauge" | "histogram";

/** The same instrument of ours and of prom-client, fresh. */
export function pair(
  kind: Kind,
  labelNames: readonly string[],
): { readonly ours: Untyped; readonly theirs: Untyped } {
  const config = { name: "m", help: "A metric.", labelNames: [...labelNames] };
  const theirConfig = { ...config, registers: [new Registry()] };
  const buckets = [1, 2, 5];
  const made = {
    counter: () => [new Counter(config), new PromCounter(theirConfig)],
    gauge: () => [new Gauge(config), new PromGauge(theirConfig)],
    histogram: () => [
      new Histogram({ ...config, buckets }),
      new PromHistogram({ ...theirConfig, buckets: [...buckets] }),
    ],
  }[kind]();
  const [ours, theirs] = made as unknown as [Untyped, Untyped];
  return { ours, theirs };
}

/** What a call threw, or that it did not. */
export function outcome(call: () => void): string {
  try {
    call();
    return "no error";
  } catch (error) {
    const { name, message } = error as Error;
    return `${name}: ${message}`;
  }
}
