/**
 * The Lambda form of a run, an entry of its own (`closing-bell/lambda`): a handler that reports each
 * invocation before it returns.
 */
import { configuredRuns } from "./default-delivery.ts";
import { createReportingHandler } from "./lambda/reporting-handler.ts";

export {
  createReportingHandler,
  type ReportingBody,
  type ReportingDependencies,
  type ReportingHandler,
  type ReportingLambda,
  type ReportingOptions,
} from "./lambda/reporting-handler.ts";
export type { DeliveryReport } from "./publish/delivery.ts";
export type { RunContext } from "./run/run-job.ts";

/** `reportingHandler` as the environment configures it. */
export const reportingHandler = createReportingHandler(
  configuredRuns(() => ({ env: process.env, cwd: process.cwd() })),
);
