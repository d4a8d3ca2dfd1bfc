/** The reporter as a function: for a schedule, and for the stream of the ledger's table. */
import { systemClock } from "../clock.ts";
import type { ConfigSources } from "../config/config.ts";
import { createParameterStore } from "../config/ssm/parameter-store.ts";
import { createCurrentReporter } from "../current-reporter.ts";
import { configuredRuns } from "../default-delivery.ts";
import { writeOutputLine } from "../log-line.ts";
import { REPORTER_JOB } from "../reporter/report.ts";
import { failureLine } from "./emf.ts";
import { loadAtInit } from "./load-at-init.ts";
import { createReporterHandler } from "./reporter-handler.ts";

loadAtInit(import("../config/ssm/ssm-client.ts"), import("../publish/publisher.ts"));

const sources = (): ConfigSources => ({ env: process.env, cwd: process.cwd() });
const store = createParameterStore();
const current = createCurrentReporter({
  sources,
  store,
  isRecordedOutside: true,
  mayOnlyPublish: true,
  onProblem: (error) => {
    const failure = { status: "parameters_stale", error };
    const at = systemClock.now();
    writeOutputLine(failureLine({ job: REPORTER_JOB, failure, requestId: undefined, at }));
  },
});

// The record needs the ledger alone: a look that SSM made fail is recorded as that.
const { delivery } = configuredRuns(sources, {
  store,
  publish: (group, signal) =>
    current.use((reporter) => reporter.publishGroup(group, signal), signal),
});

export const handler = createReporterHandler({ current, delivery });
