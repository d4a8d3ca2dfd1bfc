import type { Clock } from "../clock.ts";
import { asError, LedgerUnavailableError } from "../errors.ts";
import { orAborted } from "../flight.ts";
import { formatGroupingKey, type GroupingKey, groupingKey } from "../grouping-key.ts";
import type { Ledger } from "../ledger/ledger.ts";
import { currentMetricSet } from "../metrics/current.ts";
import type { DeliveryReport } from "../publish/delivery.ts";
import type { DirectPush, DirectReceipt } from "../publish/direct-push.ts";
import { inTime } from "../publish/in-time.ts";
import type { GroupPublication } from "../publish/publish-group.ts";
import { bounded, type Publisher } from "../publish/publisher.ts";
import type { RunJobs } from "../run/run-job.ts";
import { type Reported, reportedFamilies } from "./families.ts";
import { reportLedgerHealth } from "./ledger-health.ts";
import type { GroupPruning, Pruner } from "./prune.ts";
import { type Readings, type ReporterSources, readAll } from "./readings.ts";
import { untrackedFigures } from "./track-portfolio.ts";
import type { PortfolioFigures, TrackingOptions } from "./tracking.ts";
import { trackIn, trackingName } from "./tracking-state.ts";

/** Job of the group that the figures are pushed to, straight. */
export const PORTFOLIO_JOB = "portfolio_reporter";

/** Job of the reporter's own runs, which the ledger counts as any other's. */
export const REPORTER_JOB = "closing_bell_reporter";

/** What is read, and how it is told. */
export type FiguresOptions = {
  readonly mode: "paper" | "live";
  readonly sources: ReporterSources;
  readonly tracking: Omit<TrackingOptions, "now">;
  /** Of amounts whose source does not say it. */
  readonly currency?: string;
  readonly push: DirectPush;
};

export type ReporterOptions = {
  /** Without them a look publishes what waits, and nothing else. */
  readonly figures?: FiguresOptions;
  /** Base URL of the gateway, for what the ledger knows of it. */
  readonly gateway: string;
  /** Without a ledger there are figures, and nothing else. */
  readonly counting?: Counting;
  readonly clock: Clock;
};

export type Counting = {
  readonly ledger: Ledger;
  readonly publisher: Publisher;
  /** Records runs of the reporter in that ledger, and leaves publishing to it. Default: whoever looks does. */
  readonly runs?: RunJobs;
  /** Without it no group is ever removed. */
  readonly pruner?: Pruner;
};

/** What one look came to. Everything that went wrong is in it; nothing is thrown. */
export type Look = {
  readonly readings: Readings;
  readonly figures: PortfolioFigures | undefined;
  /** Why drawdown, return and the day's result are not known beside the rest. */
  readonly trackingError?: Error;
  readonly push:
    | ({ readonly status: "delivered" } & Pick<DirectReceipt, "series">)
    /** Nothing is configured to be read. */
    | { readonly status: "none" }
    | { readonly status: "failed"; readonly error: Error };
  readonly publications: readonly GroupPublication[];
  /** Why nothing was published. */
  readonly ledgerError?: Error;
  /** Why nobody knows what the ledger is behind with. */
  readonly healthError?: Error;
  readonly pruned: readonly GroupPruning[];
  /** Of the reporter's own run. */
  readonly delivery?: DeliveryReport;
};

/** How long figures wait for the store of what outlives a look. Milliseconds. */
const TRACKING_TIMEOUT_MS = 2000;

export type Reporter = {
  /** Looks once. Rejects with the signal's reason when it is told to stop; else it never rejects. */
  look(stop: AbortSignal): Promise<Look>;
};

/** Longest time for the push of the figures, barrier and second attempt included. Milliseconds. */
const PUSH_TIMEOUT_MS = 15_000;

/**
 * Reads the sources and pushes what is known of them to `{job="portfolio_reporter", mode}`, past the
 * ledger, so that a kill switch arrives whatever state that is in; then publishes what waits, removes
 * what is dead, and records its own run.
 */
export function createReporter(options: ReporterOptions): Reporter {
  const { gateway, counting, clock } = options;
  const own = groupingKey(REPORTER_JOB);

  async function lookAndPublish(stop: AbortSignal): Promise<Look> {
    const figures =
      options.figures === undefined ? NO_FIGURES : await lookAtSources(options.figures, stop);
    if (counting === undefined) return { ...figures, publications: [], pruned: [] };
    const { publisher, pruner } = counting;
    const published = await settled(() => publisher.publishAll({ signal: stop }));
    const pruned = pruner === undefined ? [] : await pruner(stop);
    stop.throwIfAborted();
    const { value: publications } = published;
    const { ledger } = counting;
    const health = await settled(() =>
      reportLedgerHealth(currentMetricSet(), { ledger, gateway, publications, now: clock.now() }),
    );
    return {
      ...figures,
      publications: publications ?? [],
      pruned,
      ...(published.error === undefined ? {} : { ledgerError: published.error }),
      ...(health.error === undefined ? {} : { healthError: health.error }),
    };
  }

  async function lookAtSources(how: FiguresOptions, stop: AbortSignal): Promise<FiguresLook> {
    let known: Tracked = { figures: undefined };
    let readings: Readings = {};
    let pushed: Look["push"] = { status: "failed", error: new Error("nothing was read") };
    for await (const pass of readAll(how.sources, stop)) {
      stop.throwIfAborted();
      readings = pass.readings;
      // Once a look: what was observed twice would count as two looks.
      if (known.figures === undefined) known = await track(readings, how);
      const { currency } = how;
      const { isWhole } = pass;
      const reported = { readings, figures: known.figures, currency, now: clock.now(), isWhole };
      pushed = await pushFigures(reported, how, stop);
    }
    return { readings, ...known, push: pushed };
  }

  async function track(
    { portfolio }: Readings,
    { mode, tracking }: FiguresOptions,
  ): Promise<Tracked> {
    if (portfolio?.status !== "read") return { figures: undefined };
    // Without a store there is no memory, and a high-water mark is one.
    if (counting === undefined) return { figures: untrackedFigures(portfolio.value) };
    const name = trackingName(mode);
    const tracked = trackIn(counting.ledger, name, portfolio.value, {
      ...tracking,
      now: clock.now(),
    });
    const { figures, error } = await inTime(TRACKING_TIMEOUT_MS, tracked, () => ({
      figures: untrackedFigures(portfolio.value),
      error: new LedgerUnavailableError(
        `the state ${name} was not read and written within ${TRACKING_TIMEOUT_MS} ms`,
      ),
    }));
    return { figures, ...(error === undefined ? {} : { trackingError: error }) };
  }

  /** All of it replaces the group; a part of it leaves what the rest said before. */
  async function pushFigures(
    reported: Reported,
    { mode, push }: FiguresOptions,
    stop: AbortSignal,
  ): Promise<Look["push"]> {
    try {
      const families = reportedFamilies(reported);
      const verb = reported.isWhole ? "PUT" : "POST";
      if (verb === "POST" && families.length === 0) return { status: "delivered", series: 0 };
      const { series } = await bounded(PUSH_TIMEOUT_MS, stop, (signal) =>
        push(groupingKey(PORTFOLIO_JOB, { mode }), families, { verb, signal }),
      );
      return { status: "delivered", series };
    } catch (error) {
      stop.throwIfAborted();
      return { status: "failed", error: asError(error) };
    }
  }

  return {
    // A store that hangs pays no heed to a signal; whoever was told to stop does not wait for it.
    look: (stop) => orAborted(lookAndRecord(stop), stop),
  };

  async function lookAndRecord(stop: AbortSignal): Promise<Look> {
    if (counting?.runs === undefined) return lookAndPublish(stop);
    let look: Look | undefined;
    const { outcome, delivery } = await counting.runs.settleJob(
      { job: REPORTER_JOB, signal: stop },
      async ({ signal }) => {
        look = await lookAndPublish(signal);
        if (look.push.status === "failed") throw look.push.error;
      },
    );
    stop.throwIfAborted();
    if (look === undefined) throw asError("error" in outcome ? outcome.error : outcome);
    const last = await counting.publisher.publish(own, { signal: stop });
    return { ...look, publications: withLast(look.publications, own, last), delivery };
  }
}

type FiguresLook = Pick<Look, "readings" | "figures" | "trackingError" | "push">;

const NO_FIGURES: FiguresLook = { readings: {}, figures: undefined, push: { status: "none" } };

type Tracked = Pick<Look, "figures" | "trackingError">;

async function settled<T>(
  work: () => Promise<T>,
): Promise<{ readonly value?: T; readonly error?: Error }> {
  try {
    return { value: await work() };
  } catch (error) {
    return { error: asError(error) };
  }
}

/** The reporter's own group is published twice: with the others, and after its run was recorded. */
function withLast(
  publications: readonly GroupPublication[],
  own: GroupingKey,
  last: GroupPublication,
): readonly GroupPublication[] {
  const name = formatGroupingKey(own);
  return [...publications.filter((each) => formatGroupingKey(each.groupingKey) !== name), last];
}
