import { type ConfigSources, readConfig } from "./config/config.ts";
import { createParameterStore, type ParameterStore } from "./config/ssm/parameter-store.ts";
import { withParameters } from "./config/ssm/with-parameters.ts";
import {
  type ConfiguredReporter,
  configuredReporter,
  type ReporterSetup,
} from "./default-reporter.ts";
import { asError } from "./errors.ts";

export type CurrentReporterOptions = Omit<ReporterSetup, "store"> & {
  readonly sources: () => ConfigSources;
  readonly store?: ParameterStore;
  /**
   * Told what keeps newer parameters from being used while those from before still are: SSM that cannot
   * be asked, a parameter that is gone.
   */
  readonly onProblem?: (problem: Error) => void;
};

/** A reporter that is made anew when what it was made of has changed in SSM. */
export type CurrentReporter = {
  /**
   * Hands the reporter of now to `act`, and keeps it open until that is over.
   *
   * @throws {ConfigError} when there is none yet and the configuration makes none; the signal's reason;
   * what `act` throws.
   */
  use<T>(act: (reporter: ConfiguredReporter) => Promise<T>, signal?: AbortSignal): Promise<T>;
  close(): void;
};

type Generation = {
  readonly reporter: ConfiguredReporter;
  /** Of parameters, all of them. Undefined: it needed none, and none can have changed. */
  readonly madeOf: string | undefined;
  uses: number;
};

/**
 * Parameters are fetched as often as the store says; the files are read once, because a function's do
 * not change and a process is restarted for them.
 */
export function createCurrentReporter({
  sources,
  store = createParameterStore(),
  onProblem = () => {},
  ...setup
}: CurrentReporterOptions): CurrentReporter {
  let current: Promise<Generation> | undefined;

  async function make(before: Generation | undefined, signal?: AbortSignal): Promise<Generation> {
    if (before !== undefined && before.madeOf === undefined) return before;
    const given = sources();
    const fetched = await withParameters(given, store, signal === undefined ? {} : { signal });
    const { parameters } = fetched;
    if (parameters?.stale !== undefined) onProblem(parameters.stale.error);
    const madeOf = parameters === undefined ? undefined : JSON.stringify([...parameters].sort());
    if (before !== undefined && before.madeOf === madeOf) return before;
    const reporter = await configuredReporter(readConfig(fetched), fetched, { ...setup, store });
    return { reporter, madeOf, uses: 0 };
  }

  /** One at a time: a change that two meet makes one reporter. */
  function newest(signal?: AbortSignal): Promise<Generation> {
    const last = current;
    const next = (async () => {
      const before = await last?.catch(() => undefined);
      try {
        const generation = await make(before, signal);
        if (before !== undefined && generation !== before && before.uses === 0)
          before.reporter.close();
        return generation;
      } catch (error) {
        if (before === undefined || signal?.aborted) throw error;
        onProblem(asError(error));
        return before;
      }
    })();
    current = next;
    return next;
  }

  return {
    async use(act, signal) {
      const generation = await newest(signal);
      generation.uses++;
      try {
        return await act(generation.reporter);
      } finally {
        generation.uses--;
        const isOld = generation !== (await current?.catch(() => undefined));
        if (isOld && generation.uses === 0) generation.reporter.close();
      }
    },
    close() {
      current?.then(
        ({ reporter }) => reporter.close(),
        () => {},
      );
    },
  };
}
