import { describe, expect, test } from "@jest/globals";
import { LedgerUnavailableError, ModeError, PushError } from "../../src/errors.ts";
import { failureLine, failureOf } from "../../src/lambda/emf.ts";
import type { DeliveryReport } from "../../src/publish/delivery.ts";
import { GROUP, NIGHT } from "../support/run-records.ts";

const LINE = {
  job: "nightly",
  failure: { status: "logged", error: new LedgerUnavailableError("the table does not answer") },
  requestId: "r-1",
  at: NIGHT + 0.1234,
};

describe("a line for CloudWatch", () => {
  test("is one document of the embedded metric format", () => {
    const line = failureLine(LINE);
    expect(line).not.toContain("\n");
    expect(JSON.parse(line)).toEqual({
      _aws: {
        Timestamp: NIGHT * 1000 + 123,
        CloudWatchMetrics: [
          {
            Namespace: "closing-bell",
            Dimensions: [["job"]],
            Metrics: [{ Name: "ReportingFailures", Unit: "Count" }],
          },
        ],
      },
      job: "nightly",
      ReportingFailures: 1,
      status: "logged",
      error: "the table does not answer",
      requestId: "r-1",
    });
  });

  test("has each metric and each dimension that it names, as a number and as text", () => {
    const document = JSON.parse(failureLine(LINE));
    for (const { Dimensions, Metrics } of document._aws.CloudWatchMetrics) {
      for (const { Name } of Metrics) expect(document[Name]).toEqual(expect.any(Number));
      for (const name of Dimensions.flat()) expect(document[name]).toEqual(expect.any(String));
    }
    expect(Number.isInteger(document._aws.Timestamp)).toBe(true);
  });

  test.each([
    { name: "other letters", job: "Börse\t1", dimension: "B?rse?1" },
    { name: "blanks alone", job: " ", dimension: "?" },
    { name: "too many", job: "j".repeat(2000), dimension: "j".repeat(1024) },
  ])(
    "has a dimension that CloudWatch takes, whatever the job's name: $name",
    ({ job, dimension }) => {
      expect(JSON.parse(failureLine({ ...LINE, job })).job).toBe(dimension);
    },
  );

  test.each<{ name: string; error: unknown; text: string }>([
    {
      name: "an address",
      error: new Error("connect https://ada:s3cr@t@gateway.example/metrics failed"),
      text: "connect https://***@gateway.example/metrics failed",
    },
    {
      name: "headers",
      error: new Error('sent "authorization: Bearer s3cret", then Basic YWRhOnMzY3JldA=='),
      text: 'sent "authorization: Bearer ***", then Basic ***',
    },
    { name: "text", error: "thrown as it is", text: "thrown as it is" },
    { name: "nothing", error: Object.create(null), text: "something was thrown that has no text" },
    { name: "a novel", error: new Error("x".repeat(5000)), text: "x".repeat(2048) },
  ])("tells an error without secrets, and short: $name", ({ error, text }) => {
    const failure = { status: "failed", error };
    expect(JSON.parse(failureLine({ ...LINE, failure })).error).toBe(text);
  });

  test("leaves out a request id that is not there", () => {
    expect(JSON.parse(failureLine({ ...LINE, requestId: undefined }))).not.toHaveProperty(
      "requestId",
    );
  });
});

describe("a failure", () => {
  const error = new PushError("down", { retryable: true });
  const refusal = new ModeError("no mode");
  const at = { groupingKey: GROUP, id: "run-1", ledger: "memory" };
  const recorded = { status: "recorded", ...at } as const;

  test.each<{ report: DeliveryReport; status: string | undefined }>([
    { report: { status: "failed", error }, status: "failed" },
    { report: { status: "refused", error: refusal }, status: "refused" },
    { report: { status: "logged", ...at, error }, status: "logged" },
    {
      report: { ...recorded, publication: { status: "failed", groupingKey: GROUP, error } },
      status: "publication_failed",
    },
    {
      report: {
        ...recorded,
        publication: { status: "refused", groupingKey: GROUP, error: refusal },
      },
      status: "publication_refused",
    },
    {
      report: {
        ...recorded,
        status: "already_counted",
        runId: "monday",
        publication: { status: "failed", groupingKey: GROUP, error },
      },
      status: "publication_failed",
    },
    {
      report: { ...recorded, publication: { status: "busy", groupingKey: GROUP, holder: "p 1" } },
      status: undefined,
    },
    {
      report: { ...recorded, publication: { status: "waiting", reason: "later" } },
      status: undefined,
    },
    { report: { status: "disabled", reason: "nowhere to deliver to" }, status: undefined },
  ])("is $status in $report.status, $report.publication.status", ({ report, status }) => {
    expect(failureOf(report)?.status).toBe(status);
  });
});
