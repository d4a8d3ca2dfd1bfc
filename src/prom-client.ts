/**
 * prom-client with our instruments in the place of its own: the same interface, the same text, in
 * its own unmodified registries. `import { Counter, register } from "closing-bell/prom-client"`.
 */
import promClient from "prom-client";
import { Counter as BaseCounter, type CounterConfig } from "./metrics/instruments/counter.ts";
import { Gauge as BaseGauge, type GaugeConfig } from "./metrics/instruments/gauge.ts";
import {
  Histogram as BaseHistogram,
  type HistogramConfig,
} from "./metrics/instruments/histogram.ts";

export const {
  register,
  Registry,
  Summary,
  AggregatorRegistry,
  collectDefaultMetrics,
  linearBuckets,
  exponentialBuckets,
} = promClient;

/** As prom-client's: without `registers` it lives in the global registry. */
export class Counter extends BaseCounter {
  constructor(config: CounterConfig) {
    super({ registers: [register], startsAtZero: true, ...config });
  }
}

/** As prom-client's: without `registers` it lives in the global registry. */
export class Gauge extends BaseGauge {
  constructor(config: GaugeConfig) {
    super({ registers: [register], startsAtZero: true, ...config });
  }
}

/** As prom-client's: without `registers` it lives in the global registry. */
export class Histogram extends BaseHistogram {
  constructor(config: HistogramConfig) {
    super({ registers: [register], startsAtZero: true, ...config });
  }
}
