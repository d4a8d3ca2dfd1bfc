import type { Context } from "aws-lambda";
import { type Clock, systemClock, systemTimer, type Timer } from "../clock.ts";
import type { CurrentReporter } from "../current-reporter.ts";
import { orAborted } from "../flight.ts";
import { partitionOf } from "../ledger/dynamodb/keys.ts";
import { writeOutputLine } from "../log-line.ts";
import type { Delivery } from "../publish/delivery.ts";
import type { GroupPublication } from "../publish/publish-group.ts";
import { type Look, REPORTER_JOB } from "../reporter/report.ts";
import { failureLine, type ReportingFailure } from "./emf.ts";
import { startInvocationTime } from "./invocation-time.ts";
import { createReportingHandler, type ReportingLambda } from "./reporting-handler.ts";
import { appendedPartitions } from "./stream-filter.ts";

export type ReporterHandlerDependencies = {
  /** Its reporter leaves the record of its runs to the handler (`isRecordedOutside`). */
  readonly current: CurrentReporter;
  /** Records the handler's runs, whether or not a reporter can be had. */
  readonly delivery: Delivery;
  readonly clock?: Clock;
  readonly timer?: Timer;
  /** Takes a line for CloudWatch, at once. Default: standard output. */
  readonly log?: (line: string) => void;
};

/** What an invocation came to, for who invoked it by hand. */
export type ReporterAnswer = {
  /** Series of figures that were pushed; absent when that was no matter of this invocation. */
  readonly series?: number;
  /** Groups that needed publishing and were. */
  readonly published: number;
};

/**
 * The reporter as a function. A schedule's event, or any other, is a look: figures are pushed, what
 * waits is published, and the run of it recorded as those of other jobs are. The event of the ledger
 * table's stream publishes just the groups that it names, at once; that is no run, and it never fails:
 * the stream would bring it again, when the next look publishes what is left anyway.
 */
export function createReporterHandler({
  current,
  delivery,
  clock = systemClock,
  timer = systemTimer,
  log = writeOutputLine,
}: ReporterHandlerDependencies): ReportingLambda<unknown, ReporterAnswer> {
  function tellFailure(job: string, failure: ReportingFailure, context: Context): void {
    log(failureLine({ job, failure, requestId: context?.awsRequestId, at: clock.now() }));
  }

  /** Each group that could not be published, as a failure of its job. */
  function tellPublications(publications: readonly GroupPublication[], context: Context): number {
    for (const publication of publications) {
      if (publication.status !== "refused" && publication.status !== "failed") continue;
      const { status, error, groupingKey } = publication;
      tellFailure(groupingKey.job, { status: `publication_${status}`, error }, context);
    }
    return publications.filter(({ status }) => status === "published").length;
  }

  const runs = createReportingHandler({ clock, timer, log, delivery });

  const look = runs<unknown, ReporterAnswer>(
    { job: REPORTER_JOB },
    async (_event, context, { signal }) => {
      const seen = await current.use((reporter) => reporter.look(signal), signal);
      const published = tellPublications(seen.publications, context);
      for (const failure of failuresOf(seen)) tellFailure(REPORTER_JOB, failure, context);
      const { push, ledgerError } = seen;
      if (push.status === "failed") throw push.error;
      if (push.status === "delivered") return { series: push.series, published };
      if (ledgerError !== undefined) throw ledgerError;
      return { published };
    },
  );

  async function wake(partitions: ReadonlySet<string>, context: Context): Promise<ReporterAnswer> {
    const time = startInvocationTime(context, { clock, timer, watchdog: () => {} });
    const { signal } = time;
    try {
      const publishing = current.use(
        (reporter) => reporter.publish((group) => partitions.has(partitionOf(group)), signal),
        signal,
      );
      return { published: tellPublications(await orAborted(publishing, signal), context) };
    } catch (error) {
      tellFailure(REPORTER_JOB, { status: "publication_failed", error }, context);
      return { published: 0 };
    } finally {
      time.stop();
    }
  }

  return async (event, context) => {
    const partitions = appendedPartitions(event);
    if (partitions === undefined) return look(event, context);
    return partitions.size === 0 ? { published: 0 } : wake(partitions, context);
  };
}

/** What went wrong beside the push of the figures. */
function failuresOf({ ledgerError, healthError, readings }: Look): readonly ReportingFailure[] {
  const unread = Object.values(readings).flatMap((reading) =>
    reading.status === "failed" ? [{ status: "source_failed", error: reading.error }] : [],
  );
  return [
    ...unread,
    ...(ledgerError === undefined ? [] : [{ status: "publication_failed", error: ledgerError }]),
    ...(healthError === undefined ? [] : [{ status: "ledger_unread", error: healthError }]),
  ];
}
