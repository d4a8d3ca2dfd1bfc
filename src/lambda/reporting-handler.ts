import type { Context } from "aws-lambda";
import { systemClock, systemTimer } from "../clock.ts";
import { asError, InvalidOptionError } from "../errors.ts";
import { writeOutputLine } from "../log-line.ts";
import { runCatalogue } from "../metrics/catalogue.ts";
import { refuseUnknownKeys } from "../options.ts";
import type { DeliveryReport } from "../publish/delivery.ts";
import { DEFAULT_REPORTING_TIMEOUT_MS, openRun, type RunDependencies } from "../run/open-run.ts";
import { explain, type RunContext, type RunOptions, settleBody, tell } from "../run/run-job.ts";
import { watchColdStart } from "./cold-start.ts";
import { failureLine, failureOf } from "./emf.ts";
import { startInvocationTime } from "./invocation-time.ts";

export type ReportingOptions<Event> = Pick<
  RunOptions,
  "job" | "groupingKey" | "timeoutMs" | "registries"
> & {
  /**
   * Names the unit of work that an event stands for, e.g. its id: in a ledger its success counts
   * once, however often Lambda delivers it. Undefined: every execution counts; so it does when this
   * throws or returns anything but text, which is counted as a refused update.
   */
  readonly runId?: (event: Event, context: Context) => string | undefined;
  /**
   * Told how each report went: one, or two of an invocation that overran and counted on. What it
   * throws is dropped.
   */
  readonly onReport?: (report: DeliveryReport) => void;
};

export type ReportingBody<Event, Result> = (
  event: Event,
  context: Context,
  run: RunContext,
) => Result | Promise<Result>;

/** What Lambda is given. Two parameters: a third would be a callback, which runtimes refuse. */
export type ReportingLambda<Event, Result> = (event: Event, context: Context) => Promise<Result>;

export type ReportingDependencies = RunDependencies & {
  /** Called on each invocation's first line, so that what is slow begins beside the body. */
  readonly prepare?: () => void;
  /** Takes a line for CloudWatch, at once. Default: standard output. */
  readonly log?: (line: string) => void;
};

/**
 * Makes a Lambda handler of a body: each invocation is a run of the job, with metrics of its own,
 * recorded before the handler returns. The result, or the error, is the body's own, whatever happens
 * to the report, which ends within the time that Lambda gives.
 *
 * The body's signal aborts, and then the run is recorded as `timed_out`, shortly before that time is
 * over (`invocation-time.ts` says when). A body that ends after that still gives the handler's result;
 * what it counted since goes into a second record.
 *
 * @throws {InvalidOptionError} at once, so when the function is initialised, for options that are
 * missing or unknown.
 */
export type ReportingHandler = <Event = unknown, Result = unknown>(
  options: ReportingOptions<Event>,
  body: ReportingBody<Event, Result>,
) => ReportingLambda<Event, Result>;

const OPTIONS: readonly (keyof ReportingOptions<unknown>)[] = [
  "job",
  "groupingKey",
  "timeoutMs",
  "registries",
  "runId",
  "onReport",
];

/** `reportingHandler` over a delivery. Called when the process is initialised: cold starts are told from it. */
export function createReportingHandler(dependencies: ReportingDependencies): ReportingHandler {
  const { clock = systemClock, timer = systemTimer, log = writeOutputLine } = dependencies;
  const { prepare, reportingTimeoutMs = DEFAULT_REPORTING_TIMEOUT_MS } = dependencies;
  const isColdStart = watchColdStart(clock);

  return (options, body) => {
    checkOptions(options, body);
    const { job, groupingKey = {}, timeoutMs, registries, runId, onReport } = options;

    function tellOf(report: DeliveryReport, context: Context): void {
      quietly(() => {
        const failure = failureOf(report);
        if (failure === undefined) return;
        const requestId = context?.awsRequestId;
        log(failureLine({ job, failure, requestId, at: clock.now() }));
      });
      tell(onReport, report);
    }

    return async function handler(event, context) {
      quietly(() => prepare?.());
      const early: Promise<void>[] = [];
      const time = startInvocationTime(context, {
        clock,
        timer,
        timeoutMs,
        watchdog: () => {
          const closing = run.close("timed_out", { isEarly: true, timeoutMs: limit() });
          early.push(closing.then((report) => tellOf(report, context)));
        },
      });
      const limit = () => Math.min(reportingTimeoutMs, time.leftForReport());

      const unit = nameUnit(() => runId?.(event, context));
      const named = unit.name === undefined ? {} : { runId: unit.name };
      const run = openRun({ job, groupingKey, ...named }, { ...dependencies, clock, timer });
      if (unit.problem !== undefined) run.metrics.refuse(unit.problem);
      if (isColdStart()) run.metrics.get(runCatalogue.coldStartsTotal).inc();
      if (registries !== undefined) await run.watch(registries);

      const outcome = await settleBody(run.metrics, time.signal, (own) =>
        body(event, context, own),
      );
      time.stop();
      if (early.length === 0) {
        const { status } = explain(outcome, time.signal.aborted, false);
        tellOf(await run.close(status, { timeoutMs: limit() }), context);
      } else {
        await Promise.all(early);
        const late = await run.closeLate({ timeoutMs: limit() });
        if (late !== undefined) tellOf(late, context);
      }
      if (outcome.status === "succeeded") return outcome.value;
      throw outcome.error;
    };
  };
}

function checkOptions({ ...options }: ReportingOptions<never>, body: unknown): void {
  refuseUnknownKeys(options, OPTIONS, "reportingHandler");
  const { job, timeoutMs } = options;
  if (typeof job !== "string" || job === "") {
    throw new InvalidOptionError("reportingHandler: job must be a name that is not empty");
  }
  if (timeoutMs !== undefined && !(Number.isFinite(timeoutMs) && timeoutMs >= 0)) {
    throw new InvalidOptionError(
      `reportingHandler: timeoutMs must be milliseconds from 0 on, got ${timeoutMs}`,
    );
  }
  if (typeof body !== "function") {
    throw new InvalidOptionError("reportingHandler: its second argument is the handler to report");
  }
}

function nameUnit(name: () => unknown): { readonly name?: string; readonly problem?: Error } {
  try {
    const given = name();
    if (given === undefined) return {};
    if (typeof given === "string") return { name: given };
    return { problem: new Error(`reportingHandler: runId returned ${typeof given}, not text`) };
  } catch (error) {
    return { problem: new Error(`reportingHandler: runId threw: ${asError(error).message}`) };
  }
}

/** Whatever goes wrong with reporting, the job does not hear of it. */
function quietly(act: () => void): void {
  try {
    act();
  } catch {
    // Said above.
  }
}
