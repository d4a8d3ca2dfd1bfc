import type { DeliveryReport } from "../publish/delivery.ts";

/** A report that did not get where it was meant to go. */
export type ReportingFailure = {
  /** The report's status, or `publication_failed` and `publication_refused` of one that is recorded. */
  readonly status: string;
  readonly error: unknown;
};

export type FailureLine = {
  readonly job: string;
  readonly failure: ReportingFailure;
  /** The invocation's; absent where there is none. */
  readonly requestId: string | undefined;
  /** Unix seconds. */
  readonly at: number;
};

/** CloudWatch's limit for the value of a dimension, in characters. */
const MAX_DIMENSION_LENGTH = 1024;

/** How much of an error's text is told, in characters: a log event has a limit, a reader patience. */
const MAX_ERROR_LENGTH = 2048;

/** What of a report CloudWatch has to hear of; undefined when it went well or was not to go anywhere. */
export function failureOf(report: DeliveryReport): ReportingFailure | undefined {
  switch (report.status) {
    case "refused":
    case "failed":
    case "logged":
      return report;
    case "recorded":
    case "already_counted": {
      const { publication } = report;
      if (publication.status !== "refused" && publication.status !== "failed") return undefined;
      return { status: `publication_${publication.status}`, error: publication.error };
    }
    case "delivered":
    case "disabled":
      return undefined;
    default:
      return report satisfies never;
  }
}

/**
 * One line in CloudWatch's embedded metric format, from which it makes metric `ReportingFailures` of
 * namespace `closing-bell`, with dimension `job`, to set an alarm on.
 *
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
 */
export function failureLine({ job, failure, requestId, at }: FailureLine): string {
  return JSON.stringify({
    _aws: {
      // Whole milliseconds.
      Timestamp: Math.round(at * 1000),
      CloudWatchMetrics: [
        {
          Namespace: "closing-bell",
          Dimensions: [["job"]],
          Metrics: [{ Name: "ReportingFailures", Unit: "Count" }],
        },
      ],
    },
    job: dimensionValue(job),
    ReportingFailures: 1,
    status: failure.status,
    error: errorText(failure.error),
    ...(requestId === undefined ? {} : { requestId }),
  });
}

/** CloudWatch drops a metric whose dimension holds anything but printable ASCII. */
function dimensionValue(job: string): string {
  const printable = job.replace(/[^\x20-\x7e]/g, "?").slice(0, MAX_DIMENSION_LENGTH);
  return printable.trim() === "" ? "?" : printable;
}

/** Messages of ours hold no secrets; those of others may quote an address or a header. */
function errorText(error: unknown): string {
  let text = "something was thrown that has no text";
  try {
    text = error instanceof Error ? error.message : String(error);
  } catch {
    // Said above.
  }
  return text
    .replace(/([a-z][a-z\d+.-]*:\/\/)[^\s/]*@/gi, "$1***@")
    .replace(/\b(Basic|Bearer)\s+[^\s"',;]+/gi, "$1 ***")
    .slice(0, MAX_ERROR_LENGTH);
}
