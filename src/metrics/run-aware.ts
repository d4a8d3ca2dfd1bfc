import { currentMetricSet } from "./current.ts";
import type { Definition } from "./definition.ts";
import type { InstrumentOf, MetricSet } from "./metric-set.ts";

/** Instruments by the names under which their definitions were given. */
export type InstrumentsOf<D extends Readonly<Record<string, Definition>>> = {
  readonly [Name in keyof D]: InstrumentOf<D[Name]>;
};

/** The instruments of one set: the sure way when asynchronous context may get lost, and the fast one. */
export function bindInstruments<D extends Readonly<Record<string, Definition>>>(
  definitions: D,
  set: MetricSet,
): InstrumentsOf<D> {
  const bound = {};
  for (const [name, definition] of Object.entries(definitions)) {
    Object.defineProperty(bound, name, { enumerable: true, get: () => set.get(definition) });
  }
  return bound as InstrumentsOf<D>;
}

/** Instruments that write to the run they are used in, else to the process's own set. */
export function runAwareInstruments<D extends Readonly<Record<string, Definition>>>(
  definitions: D,
): InstrumentsOf<D> {
  return Object.fromEntries(
    Object.entries(definitions).map(([name, definition]) => [name, runAware(definition)]),
  ) as unknown as InstrumentsOf<D>;
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
