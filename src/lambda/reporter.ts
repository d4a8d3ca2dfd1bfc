/** The reporter as a function: for a schedule, and for the stream of the ledger's table. */
import { systemClock } from "../clock.ts";
import { createCurrentReporter } from "../current-reporter.ts";
import { writeOutputLine } from "../log-line.ts";
import { REPORTER_JOB } from "../reporter/report.ts";
import { failureLine } from "./emf.ts";
import { loadAtInit } from "./load-at-init.ts";
import { createReporterHandler } from "./reporter-handler.ts";

loadAtInit(import("../config/ssm/ssm-client.ts"), import("../publish/publisher.ts"));

export const handler = createReporterHandler({
  current: createCurrentReporter({
    sources: () => ({ env: process.env, cwd: process.cwd() }),
    isRecordedOutside: true,
    mayOnlyPublish: true,
    onProblem: (error) => {
      const failure = { status: "parameters_stale", error };
      const at = systemClock.now();
      writeOutputLine(failureLine({ job: REPORTER_JOB, failure, requestId: undefined, at }));
    },
  }),
});
