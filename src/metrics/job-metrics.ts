import { type Catalogue, catalogue } from "./catalogue.ts";
import { currentMetricSet } from "./current.ts";
import type { Definition } from "./definition.ts";
import type { InstrumentOf, MetricSet } from "./metric-set.ts";

/** The 24 instruments, typed by the catalogue: a wrong name or label does not compile. */
export type JobMetrics = {
  readonly [Name in keyof Catalogue]: InstrumentOf<Catalogue[Name]>;
};

/** The instruments of one run: the sure way when asynchronous context may get lost, and the fast one. */
export function bindInstruments(set: MetricSet): JobMetrics {
  const bound = {};
  for (const [name, definition] of Object.entries(catalogue)) {
    Object.defineProperty(bound, name, { enumerable: true, get: () => set.get(definition) });
  }
  return bound as JobMetrics;
}

type Method = (...args: unknown[]) => unknown;
type AnyInstrument = Record<string, Method> & { labels: (...args: unknown[]) => AnyInstrument };

/** Looks the instrument up at each call, since each call may belong to another run. */
function runAware(definition: Definition): AnyInstrument {
  const current = () => currentMetricSet().get(definition) as unknown as AnyInstrument;
  const forward = (methods: readonly string[], target: () => AnyInstrument) =>
    Object.fromEntries(
      methods.map((method): [string, Method] => [method, (...args) => target()[method]?.(...args)]),
    );
  const methods = { counter: ["inc"], gauge: ["set", "inc", "dec"], histogram: ["observe"] }[
    definition.type
  ];
  return {
    ...forward(methods, current),
    labels(...args: unknown[]) {
      // A kept child must not change its series when the caller uses its label object again.
      const kept = args.map((arg) => (typeof arg === "object" && arg !== null ? { ...arg } : arg));
      return forward(methods, () => current().labels(...kept));
    },
  } as AnyInstrument;
}

const runAwareInstruments: JobMetrics = Object.fromEntries(
  Object.entries(catalogue).map(([name, definition]) => [name, runAware(definition)]),
) as unknown as JobMetrics;

/** The 24 instruments by name. Each writes to the run that it is used in, a kept child included. */
export const {
  agentAnalysesTotal,
  agentDecisionsTotal,
  aiApiRequestsTotal,
  aiApiCostUsdTotal,
  aiApiLatencySeconds,
  agentConvictionScore,
  cacheHitsTotal,
  cacheMissesTotal,
  cacheHitRate,
  featureCalculationLatencySeconds,
  featureStoreQueryLatencySeconds,
  tradesTotal,
  currentPositionsCount,
  portfolioTotalValue,
  portfolioCash,
  dailyPnl,
  totalReturnPct,
  killSwitchStatus,
  constitutionViolationsTotal,
  constitutionChecksTotal,
  maxDrawdownPct,
  systemUptimeSeconds,
  timescaleConnectionStatus,
  redisConnectionStatus,
} = runAwareInstruments;
