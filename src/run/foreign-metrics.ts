import type { Timer } from "../clock.ts";
import type { GroupingKey } from "../grouping-key.ts";
import type { MetricFamily } from "../metrics/exposition/family.ts";
import type { MetricSet } from "../metrics/metric-set.ts";
import type { MetricRegistry } from "../metrics/prom-client.ts";
import { watchRegistries } from "../metrics/registry-delta.ts";
import { withinTime } from "../time-limit.ts";
import { reportingLimit, unlessAborted } from "./reporting-limit.ts";

/** Metrics that the run's own set does not hold, read when it ends, for the group that it reports to. */
export type MetricSource = (group: GroupingKey) => Promise<readonly MetricFamily[]>;

/** What a run reports that others hold. One that cannot be read is left out, and refused in its set. */
export type ForeignMetrics = {
  add(source: MetricSource): void;
  /** Takes prom-client registries into the run, from now on. Never rejects. */
  watch(registries: readonly MetricRegistry[]): Promise<void>;
  /** Reads everything, at the run's end. */
  read(group: GroupingKey, limit: ReadingLimit): Promise<readonly MetricFamily[]>;
  /** What the registries counted since they were read. Of gauges nothing is known to be new. */
  readGrowth(limit: ReadingLimit): Promise<readonly MetricFamily[]>;
  /** Waits until the run's set has made all of its updates. */
  settle(limit: ReadingLimit): Promise<void>;
};

/** When reading is given up: at the signal, or when one thing took so long. */
export type ReadingLimit = { readonly signal: AbortSignal; readonly milliseconds: number };

/** How long a source, or a registry's `collect` hooks, may keep a run waiting. */
export const READING_TIMEOUT_MS = 1000;

export function createForeignMetrics(metrics: MetricSet, timer: Timer): ForeignMetrics {
  const sources: MetricSource[] = [];
  /** Each reading tells what is new since the one before. */
  const watched: (() => Promise<readonly MetricFamily[]>)[] = [];

  async function orRefuse<T>(milliseconds: number, otherwise: T, read: () => Promise<T>) {
    try {
      return await withinTime(
        reportingLimit("reading the run's metrics", { milliseconds, timer }),
        read,
      );
    } catch (error) {
      metrics.refuse(error);
      return otherwise;
    }
  }

  async function readAll(
    readers: readonly (() => Promise<readonly MetricFamily[]>)[],
    { signal, milliseconds }: ReadingLimit,
  ): Promise<readonly MetricFamily[]> {
    const reading = Promise.all(readers.map((read) => orRefuse(milliseconds, [], read)));
    return ((await unlessAborted(signal, reading)) ?? []).flat();
  }

  return {
    add(source) {
      sources.push(source);
    },
    async watch(registries) {
      const nothing = async () => [];
      try {
        // Each for itself: one that cannot be read does not take the others with it.
        const watching = registries.map((registry) =>
          orRefuse(READING_TIMEOUT_MS, nothing, () => watchRegistries([registry])),
        );
        watched.push(...(await Promise.all(watching)));
      } catch (error) {
        // A registry that was handed over without its array.
        metrics.refuse(error);
      }
    },
    read(group, limit) {
      return readAll([...sources.map((read) => () => read(group)), ...watched], limit);
    },
    async readGrowth(limit) {
      return (await readAll(watched, limit)).filter(hasCounted);
    },
    async settle({ signal, milliseconds }) {
      if (metrics.isSettled()) return;
      await unlessAborted(
        signal,
        orRefuse(milliseconds, undefined, () => metrics.settled()),
      );
    },
  };
}

function hasCounted(family: MetricFamily): boolean {
  switch (family.type) {
    case "counter":
      return family.samples.some(({ value }) => value > 0);
    case "histogram":
      return family.samples.some(({ count }) => count > 0);
    default:
      return false;
  }
}
