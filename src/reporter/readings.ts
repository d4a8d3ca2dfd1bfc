import type { PortfolioReading, PortfolioSource } from "../sources/portfolio/portfolio.ts";
import { type Reading, readSource, type Source } from "../sources/source.ts";

/** What a reporter reads. What is not configured is absent: neither up nor down. */
export type ReporterSources = {
  readonly portfolio?: PortfolioSource;
  readonly timescale?: Source<true>;
  readonly redis?: Source<true>;
  readonly killSwitch?: Source<boolean>;
  /** Unix seconds. */
  readonly appStart?: Source<number>;
};

/** What came of reading them, as far as they have answered. */
export type Readings = {
  readonly portfolio?: Reading<PortfolioReading>;
  readonly timescale?: Reading<true>;
  readonly redis?: Reading<true>;
  readonly killSwitch?: Reading<boolean>;
  readonly appStart?: Reading<number>;
};

/** Every source has answered or failed, or time was up and some are still waited for. */
export type ReadingPass = { readonly readings: Readings; readonly isWhole: boolean };

/** How long the others wait for a source that is slow, in milliseconds. */
export const GRACE_MS = 1000;

/**
 * Reads all sources at once, each within its own time.
 *
 * Yields what is known after a moment, if somebody is slow, then whenever another has answered, and
 * then all of it: a source that hangs never keeps back what the others said.
 */
export async function* readAll(
  sources: ReporterSources,
  stop: AbortSignal,
  graceMs: number = GRACE_MS,
): AsyncGenerator<ReadingPass, void> {
  const names = (Object.keys(sources) as (keyof ReporterSources)[]).filter(
    (name) => sources[name] !== undefined,
  );
  const settled = new Map<string, Reading<unknown>>();
  const reading = names.map(async (name) => {
    const source = sources[name] as Source<unknown>;
    settled.set(name, await readSource(source, stop));
  });
  /** In the order of the sources, whoever was first. */
  const known = (): Readings =>
    Object.fromEntries(
      names.flatMap((name) => (settled.has(name) ? [[name, settled.get(name)]] : [])),
    );
  const all = Promise.all(reading);
  let told = 0;
  // Who answers at once is told together, and later ones as they come.
  await Promise.race([all, pause(graceMs, all)]);
  while (settled.size < names.length) {
    if (settled.size > told) {
      told = settled.size;
      yield { readings: known(), isWhole: false };
    }
    // Pushing takes its time: meanwhile others may have answered.
    if (settled.size === told) await nextOf(reading, names, settled);
  }
  yield { readings: known(), isWhole: true };
}

/** Until the first of those that have not answered yet does. */
async function nextOf(
  reading: readonly Promise<void>[],
  names: readonly string[],
  settled: ReadonlyMap<string, unknown>,
): Promise<void> {
  const open = reading.filter((_, index) => !settled.has(names[index] ?? ""));
  await Promise.race(open);
}

/** Resolves after a while; its timer does not outlive `until`. */
function pause(milliseconds: number, until: Promise<unknown>): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    void until.finally(() => clearTimeout(timer));
  });
}
